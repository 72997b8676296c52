"""The review: exactly what a save would do, to whom, without touching a row (DOMAIN 5.3, 5.4).

The same resolver, the same ``step`` and the same guard as settling, over the proposed definition; so what is shown
is what happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.resolve import Rule, key_of, resolve
from plugin.certifications.tables import Assignment, Certification
from plugin.certifications.targets import target_ids
from plugin.enrolment.bases import Bases
from plugin.enrolment.chunk import Work, decide, prepare
from plugin.enrolment.codes import DISMISSED, EXCEPTION_TYPES
from plugin.enrolment.facts import Ints
from plugin.enrolment.gone import pinned
from plugin.enrolment.guard import Limits, active_count, unconfirmed
from plugin.enrolment.inputs import Cause
from plugin.enrolment.step import NO_TYPE, Step
from plugin.enrolment.terms import from_definition, zone_of_host
from plugin.enrolment.wanted import wanted_of
from plugin.notifications.impact import impact
from plugin.population.sets import Population, population


@dataclass(frozen=True)
class Adding:
    """Whom new or wider assignments match: ``x`` is the sum of all the others (DOMAIN 5.3)."""

    x: int = 0
    already: int = 0
    newly: int = 0
    held_back: int = 0
    suspended: int = 0
    not_to_be_assigned: int = 0


@dataclass(frozen=True)
class Removing:
    """Whom removed or narrower assignments let go of: ``x`` is the sum of all the others (DOMAIN 5.3)."""

    x: int = 0
    withdrawn: int = 0
    kept: int = 0
    suspended: int = 0
    not_enrolled: int = 0


@dataclass(frozen=True)
class GuardAsks:
    """The withdrawal guard wants this number confirmed."""

    withdrawn: int


@dataclass(frozen=True)
class Review:
    """What a proposal would do. ``names`` holds the learners behind each number."""

    code: str
    version: int
    adding: Adding
    removing: Removing
    redated: int
    earlier: int
    messages: int
    matched: dict[str, int]
    exceptions: dict[str, int]
    changed: bool
    guard: GuardAsks | None
    names: dict[str, BitMap] = field(default_factory=dict)


@dataclass
class _Weighed:
    """Everybody concerned by a proposal, decided, with the sets that the counts are made of."""

    work: Work
    step: Step
    earlier: Step
    people: Population
    active: BitMap
    live: bool

    def where(self, mask: np.ndarray) -> BitMap:
        return BitMap(self.work.facts.person[mask].astype(np.uint32))


def review(
    session: Session, host_id: int, proposals: Sequence[Proposal], *, now: int, limits: Limits | None = None
) -> list[Review]:
    """Review proposals as if saved now.

    :param limits: of the withdrawal guard; without them it asks nothing.
    """
    people = population(session, host_id)
    return [_review(session, people, proposal, now, limits) for proposal in proposals]


def _review(session: Session, people: Population, proposal: Proposal, now: int, limits: Limits | None) -> Review:
    rules = proposed_rules(session, people.host_id, proposal)
    weighed = _weigh(session, people, proposal, rules, now)
    added, removed, matched = _differences(session, people, proposal, rules)
    adding, adding_names = _adding(weighed, added)
    removing, removing_names = _removing(weighed, removed)
    redated = weighed.where(weighed.step.redated)
    earlier = weighed.where((weighed.earlier.facts.due != weighed.step.facts.due) & weighed.step.facts.active)
    names = {**adding_names, **removing_names, "redated": redated, "earlier": earlier}
    withdrawn = (
        removing_names["withdrawn"] | weighed.where(weighed.step.left | weighed.step.grace_began) & weighed.active
    )
    messages = _messages(session, people.host_id, weighed, proposal, now)
    return Review(
        code=proposal.definition.code,
        version=proposal.base_version,
        adding=adding,
        removing=removing,
        redated=len(redated),
        earlier=len(earlier),
        messages=messages,
        matched=matched,
        exceptions=_exceptions(weighed),
        changed=changed(proposal),
        guard=_guard(session, people, weighed, withdrawn, limits),
        names=names,
    )


def changed(proposal: Proposal) -> bool:
    """Whether saving would change the definition at all. Members given for a group are compared when saved."""
    if proposal.current is None:
        return True
    return _comparable(proposal.definition) != _comparable(proposal.current)


def _comparable(definition: Definition) -> dict[str, Any]:
    document = definition.to_json()
    document["assignments"] = sorted(document["assignments"], key=lambda row: (row["type"], row["target"]))
    return document


def proposed_rules(session: Session, host_id: int, proposal: Proposal) -> list[Rule]:
    """The proposal's assignments as rules; ones already saved keep their ids and keys, new ones get negative ids."""
    saved: dict[tuple[str, str], Assignment] = {}
    if proposal.current is not None:
        rows = session.scalars(
            select(Assignment)
            .join(
                Certification,
                (Certification.host_id == Assignment.host_id) & (Certification.id == Assignment.certification),
            )
            .where(Assignment.host_id == host_id, Certification.code == proposal.current.code)
        )
        saved = {(row.type, row.target): row for row in rows}
    ids = target_ids(session, host_id, [(row.type, row.target) for row in proposal.definition.assignments])
    rules = []
    for number, row in enumerate(proposal.definition.assignments, start=1):
        known = saved.get((row.type, row.target))
        target = ids.get((row.type, row.target))
        if known is not None and known.live:
            key = None if known.missing else key_of(row.type, target, row.include, known.id)
            rules.append(Rule(known.id, known.certification, row.type, row.target, key, row.due, known.why_key,
                              known.since_version, known.missing))  # fmt: skip
        else:
            group = known.id if known is not None else None
            key = key_of(row.type, target, row.include, group)
            rules.append(Rule(-number, 0, row.type, row.target, key, row.due, _throwaway_key(number),
                              proposal.base_version + 1, missing=False))  # fmt: skip
    return rules


def _throwaway_key(number: int) -> int:
    """A key for a rule that was never saved: distinct, and far from the random ones."""
    return (number * 0x9E3779B97F4A7C15) % (1 << 62) | 1


def certification_id(session: Session, host_id: int, code: str) -> int:
    """Our id of a certification; 0 for one that was never saved."""
    found = session.scalar(select(Certification.id).where(Certification.host_id == host_id, Certification.code == code))
    return int(found or 0)


def _weigh(session: Session, people: Population, proposal: Proposal, rules: Sequence[Rule], now: int) -> _Weighed:
    host_id = people.host_id
    code = proposal.current.code if proposal.current is not None else proposal.definition.code
    number = certification_id(session, host_id, code)
    terms = from_definition(
        host_id, number, proposal.base_version + 1, proposal.definition, zone_of_host(session, host_id)
    )
    everyone = _everyone(session, people, number, rules, proposal)
    cause = Cause(otherwise=max(now, people.as_of), version=proposal.base_version + 1, confirmed=True, by_sync=False)
    given_members = {row.target: row.members for row in proposal.definition.assignments if row.members is not None}
    work = prepare(session, people, number, everyone, cause, terms=terms, rules=rules)
    _add_given_members(session, people, work, rules, given_members)
    active = BitMap(work.facts.person[work.facts.active].astype(np.uint32))
    outcome, _writing = decide(session, work, cause, BitMap())
    work.given.earlier = True
    moved, _writing = decide(session, work, replace(cause, earlier=True), BitMap())
    work.given.earlier = False
    return _Weighed(work, outcome, moved, people, active, terms.live(work.given.as_of))


def _everyone(
    session: Session, people: Population, certification: int, rules: Iterable[Rule], proposal: Proposal
) -> Ints:
    rows = session.execute(
        text("SELECT person FROM enrolment WHERE host_id = :host AND certification = :c AND state > 0"),
        {"host": people.host_id, "c": certification},
    )
    found = BitMap(row[0] for row in rows)
    for rule in rules:
        found |= resolve(session, people, rule.key)
    for row in proposal.definition.assignments:
        found |= _members(session, people, row)
    return np.array(found, dtype=np.int64)


def _members(session: Session, people: Population, row: AssignmentDef) -> BitMap:
    if row.type != "group" or not row.members:
        return BitMap()
    ids = target_ids(session, people.host_id, [("individual", member) for member in row.members])
    return BitMap([number for number in ids.values() if number is not None]) & people.existing


def _add_given_members(
    session: Session, people: Population, work: Work, rules: Sequence[Rule], given: Mapping[str, tuple[str, ...] | None]
) -> None:
    """Members a file sets for a group count as if they were in it already."""
    if not given:
        return
    found = []
    for rule, where in work.found:
        if rule.type == "group" and rule.target in given:
            row = AssignmentDef("group", rule.target, members=given[rule.target])
            members = np.array(_members(session, people, row), dtype=np.int64)
            where = np.searchsorted(work.facts.person, members)
        found.append((rule, where))
    work.found = found
    began = np.where(work.facts.live, work.facts.began, work.given.at)
    bases = Bases(session, people.host_id, work.terms.zone, work.facts.person, began)
    work.given.wanted = wanted_of(found, bases, len(work.facts.person))


def _differences(
    session: Session, people: Population, proposal: Proposal, rules: Sequence[Rule]
) -> tuple[BitMap, BitMap, dict[str, int]]:
    """Who is newly matched by rows that are new or wider, who no longer by rows gone or narrower, and each row's size.

    A new row counts everybody it matches; a row that became wider counts everybody it matches now (AS-CODE).
    """
    before: dict[str, BitMap] = {}
    if proposal.current is not None:
        old = Proposal(proposal.current, proposal.base_version, proposal.current)
        pins = pinned(session, people.host_id, certification_id(session, people.host_id, proposal.current.code))
        for rule in proposed_rules(session, people.host_id, old):
            before[rule.name] = resolve(session, people, rule.key) | (pins.get(rule.id, BitMap()) & people.existing)
    after: dict[str, BitMap] = {}
    given = {
        row.target: row for row in proposal.definition.assignments if row.type == "group" and row.members is not None
    }
    for rule in rules:
        if rule.type == "group" and rule.target in given:
            after[rule.name] = _members(session, people, given[rule.target])
        elif rule.missing and rule.name in before:
            after[rule.name] = before[rule.name]
        else:
            after[rule.name] = resolve(session, people, rule.key)
    added, removed = BitMap(), BitMap()
    for name, members in after.items():
        if name not in before or members - before[name]:
            added |= members
    for name, members in before.items():
        if name not in after or members - after[name]:
            removed |= members
    return added, removed, {name: len(members) for name, members in after.items()}


def _adding(weighed: _Weighed, x: BitMap) -> tuple[Adding, dict[str, BitMap]]:
    """Split ``x``: each learner is counted once, in this order."""
    facts, given = weighed.step.facts, weighed.work.given
    rest = x.copy()
    already = rest & weighed.active
    rest -= already
    suspended = rest & weighed.people.suspended
    rest -= suspended
    never = rest & (weighed.where(facts.hold == DISMISSED) | weighed.where(given.exempt))
    rest -= never
    held = rest & weighed.where((weighed.step.raised != NO_TYPE) & ~facts.active)
    newly = rest - held
    names = {"x_adding": x, "already": already, "newly": newly, "held_back": held,
             "suspended_adding": suspended, "not_to_be_assigned": never}  # fmt: skip
    return Adding(len(x), len(already), len(newly), len(held), len(suspended), len(never)), names


def _removing(weighed: _Weighed, x: BitMap) -> tuple[Removing, dict[str, BitMap]]:
    facts = weighed.step.facts
    rest = x.copy()
    suspended = rest & weighed.people.suspended
    rest -= suspended
    withdrawn = rest & weighed.active & weighed.where(weighed.step.left | weighed.step.grace_began)
    rest -= withdrawn
    kept = rest & weighed.active & weighed.where(facts.active)
    absent = rest - kept
    names = {"x_removing": x, "withdrawn": withdrawn, "kept": kept, "suspended_removing": suspended,
             "not_enrolled": absent}  # fmt: skip
    return Removing(len(x), len(withdrawn), len(kept), len(suspended), len(absent)), names


def _exceptions(weighed: _Weighed) -> dict[str, int]:
    new = weighed.step.raised != weighed.work.given.questions.type
    return {
        word: count
        for kind, word in enumerate(EXCEPTION_TYPES)
        if (count := int(((weighed.step.raised == kind) & new).sum()))
    }


def _messages(session: Session, host_id: int, weighed: _Weighed, proposal: Proposal, now: int) -> int:
    step = weighed.step
    present = weighed.work.given.person_state == 0
    number = weighed.work.terms.id
    definitions = proposal.definition.notifications
    return (
        impact(session, host_id, number, "assigned", weighed.where(step.activated & present), definitions)
        + impact(session, host_id, number, "withdrawn", weighed.where(step.deactivated & present), definitions)
        + impact(session, host_id, number, "due_changed", weighed.where(step.redated & present), definitions)
    )


def _guard(
    session: Session, people: Population, weighed: _Weighed, withdrawn: BitMap, limits: Limits | None
) -> GuardAsks | None:
    if limits is None or not withdrawn or not weighed.work.terms.id:
        return None
    gone = unconfirmed(session, people.host_id, weighed.work.given.as_of, weighed.work.terms.id)
    active = active_count(session, people.host_id, weighed.work.terms.id)
    crossed = limits.crossed(len(withdrawn - gone), len(gone), active)
    return GuardAsks(len(withdrawn)) if crossed else None


def targets(session: Session, host_id: int, proposal: Proposal, rows: Sequence[AssignmentDef], *, now: int) -> Adding:
    """The *Add assignment* warning: rows just chosen, against the saved state plus the draft so far (DOMAIN 5.3).

    :param proposal: the draft without these rows.
    """
    people = population(session, host_id)
    together = replace(proposal.definition, assignments=(*proposal.definition.assignments, *rows))
    with_rows = Proposal(together, proposal.base_version, proposal.current)
    rules = proposed_rules(session, host_id, with_rows)
    weighed = _weigh(session, people, with_rows, rules, now)
    chosen = {row.key for row in rows}
    x: BitMap = BitMap()
    for rule in rules:
        if rule.name in chosen:
            x |= resolve(session, people, rule.key)
    return _adding(weighed, x)[0]


def removal(session: Session, host_id: int, proposal: Proposal, rows: Sequence[AssignmentDef], *, now: int) -> Removing:
    """The warning on removing rows: against the saved state plus the draft with these rows gone.

    :param proposal: the draft with these rows still in it.
    """
    people = population(session, host_id)
    gone = {row.key for row in rows}
    x: BitMap = BitMap()
    for rule in proposed_rules(session, host_id, proposal):
        if rule.name in gone:
            x |= resolve(session, people, rule.key)
    left = tuple(row for row in proposal.definition.assignments if row.key not in gone)
    without = Proposal(replace(proposal.definition, assignments=left), proposal.base_version, proposal.current)
    weighed = _weigh(session, people, without, proposed_rules(session, host_id, without), now)
    return _removing(weighed, x)[0]
