"""Assignments by name, and the sets of them that hold learners."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from flask_babel import gettext as _
from pyroaring import BitMap

from plugin.certifications.definition import EXCLUDABLE, Exclusion
from plugin.core.database.bulk import among
from plugin.enrolment.codes import WITHDRAWN
from plugin.mirror.lookup.browse import Described, describe, hidden
from plugin.reports.asking.reader import Asker, condition_of
from plugin.reports.columns import Late, Row

Named = tuple[int, str, str, str]
"""Certification, type, target and name of an assignment."""


def targets(asker: Asker) -> dict[int, tuple[int, str, str]]:
    """Certification, type and target of every assignment by our id, removed ones too: a date may still come from one."""
    if "targets" not in asker.memo:
        rows = asker.rows("SELECT id, certification, type, target FROM assignment WHERE host_id = ?", asker.host_id)
        asker.memo["targets"] = {row[0]: row[1:4] for row in rows}
    found: dict[int, tuple[int, str, str]] = asker.memo["targets"]
    return found


_FEW = 500
"""Of so many only those asked for are read: a page shows few of very many."""


def _targets_of(asker: Asker, numbers: set[int]) -> dict[int, tuple[int, str, str]]:
    """The same of some at least."""
    if "targets" in asker.memo or len(numbers) > _FEW:
        return targets(asker)
    some = among("id", np.array(sorted(numbers), np.int64))
    rows = asker.rows(
        f"SELECT id, certification, type, target FROM assignment WHERE host_id = ? AND {some}", asker.host_id
    )
    return {row[0]: row[1:4] for row in rows}


def named(asker: Asker, numbers: Iterable[int]) -> dict[int, Named]:
    """Some assignments with their names."""
    known: dict[int, Named] = asker.memo.setdefault("named", {})
    numbers = set(numbers)
    if numbers <= known.keys():
        return known
    every = _targets_of(asker, numbers)
    if missing := {one for one in numbers if one in every} - known.keys():
        if "excepted" not in asker.memo:
            asker.memo["excepted"] = _excepted(asker)
        names = describe(asker.session, asker.host_id, {every[one][1:] for one in missing})
        for one in missing:
            target = every[one][1:]
            name = names.get(target, Described(target[1])).name
            known[one] = (*every[one], _named(name, asker.memo["excepted"].get(one)))
    return known


def _named(name: str, excepted: Sequence[str] | None) -> str:
    """An assignment by its target, and what it leaves out (rules 11.1)."""
    return str(_("%(name)s, except %(others)s", name=name, others=", ".join(excepted))) if excepted else name


def _excepted(asker: Asker) -> dict[int, list[str]]:
    """By assignment that excepts something, the names of it: as of now, or of the day that is asked about."""
    then: dict[int, Sequence[Exclusion]] | None = asker.memo.get("exclusions_then")
    if then is not None:
        targets = describe(asker.session, asker.host_id, {one[:2] for found in then.values() for one in found})
        return {
            number: [_below(targets[kind, target].name, include) for kind, target, include in found]
            for number, found in then.items()
        }
    sql = "SELECT id, CAST(exclusions AS TEXT) FROM assignment WHERE host_id = ? AND exclusions IS NOT NULL"
    now = {row[0]: json.loads(row[1]) for row in asker.rows(sql, asker.host_id)}
    names = {kind: _names_of(asker, kind, {one[1] for found in now.values() for one in found if one[0] == kind})
             for kind in EXCLUDABLE}  # fmt: skip
    return {
        number: [_below(names[kind].get(target, str(target)), include) for kind, target, include in found]
        for number, found in now.items()
    }


def _below(name: str, include: str) -> str:
    return str(_("%(name)s and all below", name=name)) if include == "below" else name


def _names_of(asker: Asker, kind: str, ids: set[int]) -> dict[int, str]:
    table = {"audience": "audience", "individual": "person"}.get(kind, "unit")
    if not ids:
        return {}
    some = among("id", np.array(sorted(ids), np.int64))
    rows = asker.rows(f"SELECT id, name, ext FROM {table} WHERE host_id = ? AND {some}", asker.host_id)
    return {number: name or ext for number, name, ext in rows}


def sets(asker: Asker) -> dict[int, tuple[int, ...]]:
    """The sets of assignments that rows name, by their key."""
    if "sets" not in asker.memo:
        sql = "SELECT id, CAST(assignments AS TEXT) FROM why_set WHERE host_id = ?"
        rows = asker.rows(sql, asker.host_id)
        told = json.loads(f"[{','.join(row[1] for row in rows)}]")  # thousands of them: read as one text
        asker.memo["sets"] = {row[0]: tuple(one) for row, one in zip(rows, told, strict=True)}
    found: dict[int, tuple[int, ...]] = asker.memo["sets"]
    return found


def _sets_of(asker: Asker, numbers: set[int]) -> dict[int, tuple[int, ...]]:
    """The same of some at least."""
    if "sets" in asker.memo or len(numbers) > _FEW:
        return sets(asker)
    some = among("id", np.array(sorted(numbers), np.int64))
    rows = asker.rows(f"SELECT id, CAST(assignments AS TEXT) FROM why_set WHERE host_id = ? AND {some}", asker.host_id)
    return {row[0]: tuple(json.loads(row[1])) for row in rows}


def naming(asker: Asker, wanted: set[int]) -> list[int]:
    """The sets that name any of these assignments."""
    return [why for why, one in sets(asker).items() if not wanted.isdisjoint(one)]


def joined(place: int) -> Late:
    """A column that joins the type (1) or the name (3) of the assignments that hold a learner, sorted, each once."""

    def late(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
        memo = _joined(asker, place, {row["_why"] for row in rows})
        return [memo[row["_why"]] for row in rows]

    return late


def _joined(asker: Asker, place: int, wanted: set[int]) -> dict[int, str | None]:
    """The same by set of assignments; none for the empty one."""
    memo: dict[int, str | None] = asker.memo.setdefault(f"joined {place}", {0: None})
    missing = wanted - memo.keys()
    if missing:
        known = _sets_of(asker, missing)
        theirs = {one for why in missing for one in known.get(why, ())}
        every = named(asker, theirs) if place > 2 else _targets_of(asker, theirs)
        for why in missing:
            words = sorted({str(every[one][place]) for one in known.get(why, ()) if one in every})
            memo[why] = "; ".join(words) or None
    return memo


def passing(place: int, why: str) -> Callable[[Asker, Callable[[Any], bool]], str]:
    """A condition that :func:`joined` passes a test. :param why: the expression of the set of assignments."""

    def condition(asker: Asker, test: Callable[[Any], bool]) -> str:
        told = _joined(asker, place, {0, *sets(asker)})
        passed = ", ".join(str(one) for one, value in told.items() if test(value))
        return f"{why} IN ({passed or 'NULL'})"

    return condition


def names(asker: Asker) -> dict[str, set[int]]:
    """Our ids by ``type:target`` that the reader may see: the same target may be assigned to several certifications.

    People and teams are named to whoever sees some people alone only where they hold one of these.
    """
    found: dict[str, set[int]] = {}
    every = targets(asker)
    people = {one[2] for one in every.values() if one[1] == "individual"}
    unseen = hidden(asker.session, asker.host_id, "individual", people)
    hers = None if asker.reader.people is None else _holding(asker, asker.reader.people)
    for number, (certification, kind, target) in every.items():
        if kind == "individual" and target in unseen:
            continue
        if hers is not None and kind in ("individual", "manager") and number not in hers:
            continue
        if asker.reader.certifications is None or certification in asker.reader.certifications:
            found.setdefault(f"{kind}:{target}", set()).add(number)
    return found


def _holding(asker: Asker, people: BitMap) -> set[int]:
    """Assignments that hold any of these people."""
    condition, values = condition_of(asker, "e.person", people)
    table = asker.enrolment.replace("{host}", str(int(asker.host_id)))
    sql = f"SELECT DISTINCT e.why FROM {table} e WHERE e.host_id = ? AND e.state > {WITHDRAWN} AND {condition}"
    members = sets(asker)
    return {one for (why,) in asker.rows(sql, asker.host_id, *values) for one in members.get(why, ())}
