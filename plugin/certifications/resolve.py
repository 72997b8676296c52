"""The one resolver: whom does an assignment match? (rules 2.7)

The row's learner count, the warnings, the preview, the save, the nightly check and "why is she enrolled" all ask
here, either for everyone (:func:`resolve`) or person by person (:func:`matches_of`).
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pyroaring import BitMap
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.certifications.rules.due_dates import Due, parse_due
from plugin.certifications.rules.waves import Wave, load_wave
from plugin.core.database.bulk import among, exactly, fetch
from plugin.core.database.slices import slices
from plugin.population.matching_keys import Key, keys_of
from plugin.population.sets import Population


@dataclass(frozen=True)
class Rule:
    """A saved assignment as settling sees it. ``key`` is ``None`` while its target is unknown to us; whoever matches one of
    ``exclusions`` it never matches (rules 11.1); before ``starts`` it reaches nobody new, and with a
    ``wave`` not everybody at once (:mod:`plugin.enrolment.reading.reach`)."""

    id: int
    certification: int
    type: str
    target: str
    key: Key | None
    due: Due
    why_key: int
    since_version: int
    missing: bool
    exclusions: tuple[Key, ...] = ()
    starts: int | None = None
    wave: Wave | None = None

    @property
    def name(self) -> str:
        """``type:target``."""
        return f"{self.type}:{self.target}"


def key_of(kind: str, target_id: int | None, include: str, assignment_id: int | None = None) -> Key | None:
    """The target of an assignment as a key; a group hangs on its assignment."""
    if kind == "group":
        return ("group", assignment_id, "") if assignment_id is not None else None
    if target_id is None:
        return None
    if kind in ("organisation", "position"):
        return (kind, target_id, "below" if include == "below" else "")
    if kind == "manager":
        return (kind, target_id, "below" if include == "below" else "direct")
    return (kind, target_id, "")


def rules_of(session: Session, host_id: int, certification: int) -> list[Rule]:
    """The live assignments of a certification."""
    return rules_of_many(session, host_id, [certification])[certification]


def rules_of_many(
    session: Session, host_id: int, certifications: Sequence[int] | None, only: Collection[int] | None = None, *,
    kind: str = "",
) -> dict[int, list[Rule]]:  # fmt: skip
    """The live assignments of some certifications, or of all (``None``), in the order of their ids.

    :param only: these assignments, where it is known which matter. :param kind: of this type alone.
    """
    condition = f" AND type = '{kind}'" if kind else ""
    if only is not None:
        condition += f" AND {among('id', np.array(sorted(only), np.int64))}"
    if certifications is not None:
        condition += f" AND {among('certification', np.array(sorted(certifications), np.int64))}"
    found: dict[int, list[Rule]] = defaultdict(list)
    for rule in _rules(session, host_id, condition):
        found[rule.certification].append(rule)
    if certifications is None:
        return found
    return {number: [rule for rule in found[number] if only is None or rule.id in only] for number in certifications}


def _rules(session: Session, host_id: int, condition: str) -> Iterator[Rule]:
    sql = (
        "SELECT id, certification, type, target, target_id, include, CAST(due AS TEXT), why_key, since_version,"
        " CASE WHEN missing THEN 1 ELSE 0 END, CAST(exclusions AS TEXT), starts, CAST(wave AS TEXT) FROM assignment "
        f" WHERE host_id = ? AND live{condition} ORDER BY id"
    )
    return (_rule(*row) for row in fetch(session, sql, host_id))


@lru_cache(maxsize=50_000)
def _rule(
    number: int, certification: int, kind: str, target: str, target_id: int | None, include: str, due: str,
    why_key: int, since: int, missing: int, exclusions: str | None,
    starts: int | None, wave: str | None,
) -> Rule:  # fmt: skip
    """What a row says; the same row is the same rule, so that lists of them are compared at a glance."""
    key = None if missing else key_of(kind, target_id, include, number)
    excluded = tuple((one[0], one[1], one[2]) for one in json.loads(exclusions)) if exclusions else ()
    return Rule(
        number,
        certification,
        kind,
        target,
        key,
        _setting(due),
        why_key,
        since,
        bool(missing),
        excluded,
        starts,
        load_wave(json.loads(wave)) if wave else None,
    )


@lru_cache(maxsize=10_000)
def _setting(stored: str) -> Due:
    """Many assignments say the same."""
    return parse_due(json.loads(stored))


def resolve(session: Session, population: Population, key: Key | None) -> BitMap:
    """Everyone a target matches now: distinct, suspended people included, deleted ones not."""
    if key is None:
        return BitMap()
    if key[0] == "group":
        return group_members(session, population.host_id, key[1]) & population.existing
    return population.matching(key)


def matched_by(session: Session, population: Population, rule: Rule) -> BitMap:
    """Everyone a rule matches now: of its target's people those whom none of its exclusions names (rules 11.1)."""
    return without(population, resolve(session, population, rule.key), rule.exclusions)


def without(population: Population, people: BitMap, exclusions: Iterable[Key]) -> BitMap:
    """These people, less those who match an exclusion."""
    for key in exclusions:
        people = people - population.matching(key)
    return people


def exclusion_keys(
    exclusions: Iterable[tuple[str, str, str]], ids: Mapping[tuple[str, str], int | None]
) -> tuple[Key, ...]:
    """Exclusions as keys; one whose target the host never had excludes nobody.

    :param ids: our ids of targets (:func:`plugin.certifications.targets.target_ids`).
    """
    found = (key_of(kind, ids.get((kind, target)), include) for kind, target, include in exclusions)
    return tuple(key for key in found if key is not None)


def group_members(session: Session, host_id: int, assignment: int) -> BitMap:
    """The member list of a group, whatever became of the members."""
    rows = session.execute(
        text("SELECT person FROM group_member WHERE host_id = :host AND assignment = :assignment"),
        {"host": host_id, "assignment": assignment},
    )
    return BitMap(row[0] for row in rows)


def matches_of(session: Session, host_id: int, people: Sequence[int], as_of: int) -> dict[int, list[Rule]]:
    """The rules of all certifications that match each of these people; the person-wise side of :func:`resolve`."""
    if not fetch(session, "SELECT 1 FROM assignment WHERE host_id = ? AND live LIMIT 1", host_id):
        return {person: [] for person in people}  # before the first assignment, as at the first load of a source
    keys = keys_of(session, host_id, people, as_of)
    for person, assignment in _groups(session, host_id, people):
        if keys[person]:  # a deleted person matches nothing
            keys[person].add(("group", assignment, ""))
    index = _rules_for(session, host_id, {key for found in keys.values() for key in found})
    return {
        person: [rule for key in found for rule in index.get(key, ()) if found.isdisjoint(rule.exclusions)]
        for person, found in keys.items()
    }


def _groups(session: Session, host_id: int, people: Sequence[int]) -> Iterable[tuple[int, int]]:
    for part in slices(people, _SLICE):
        some = exactly("person", np.array(part, np.int64))
        yield from fetch(session, f"SELECT person, assignment FROM group_member WHERE host_id = ? AND {some}", host_id)


def _rules_for(session: Session, host_id: int, keys: set[Key]) -> dict[Key, list[Rule]]:
    """Live rules by key: looked up by (type, target), so the cost follows the person, not the number of rules."""
    targets: dict[str, set[int]] = {}
    for kind, target, _include in keys:
        targets.setdefault(kind, set()).add(target)
    found: list[int] = []
    for first in range(0, max(map(len, targets.values()), default=0), _SLICE):
        arms = []
        for kind, wanted in targets.items():  # kinds are words of ours, never input
            if some := sorted(wanted)[first : first + _SLICE]:
                column = "id" if kind == "group" else "target_id"
                arms.append(_LIVE.format(kind=kind, some=among(column, np.array(some, np.int64))))
        found += [row[0] for row in fetch(session, " UNION ALL ".join(arms), *([host_id] * len(arms)))]
    index: dict[Key, list[Rule]] = {}
    for part in slices(found, _SLICE):
        these = among("id", np.array(sorted(part), np.int64))
        for rule in _rules(session, host_id, f" AND {these}"):
            if rule.key in keys:
                index.setdefault(rule.key, []).append(rule)
    return index


_LIVE = "SELECT id FROM assignment WHERE host_id = ? AND live AND NOT missing AND type = '{kind}' AND {some}"
_SLICE = 500
