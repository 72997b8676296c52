"""The review: exactly what a save would do, to whom, without touching a row (DOMAIN 5.3, 5.4).

The same resolver, the same ``step`` and the same guard as settling, over the proposed definition; so what is shown
is what happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import Definition, Proposal
from plugin.certifications.resolve import Rule, resolve
from plugin.enrolment.codes import DISMISSED, EXCEPTION_TYPES
from plugin.enrolment.facts import NONE
from plugin.enrolment.gone import pinned
from plugin.enrolment.guard import Limits, unconfirmed
from plugin.enrolment.step import NO_TYPE
from plugin.enrolment.weigh import Weighed, certification_id, given_members, proposed_rules, weigh
from plugin.notifications.impact import Impact, Sample, impact
from plugin.population.sets import Population, population

STANDING = ("realistic", "assign", "dismiss")
"""Standing answers that decide; the others let an exception wait for somebody."""


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
    """What a proposal would do. ``names`` holds the people behind each number, ``sample`` one of its messages, with the
    due date it would name; ``ruled`` counts what standing answers decide, by type of exception and answer (DOMAIN 4.5)."""

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
    sample: Sample | None = None
    sample_due: int | None = None
    ruled: dict[tuple[str, str], int] = field(default_factory=dict)


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
    weighed = weigh(session, people, proposal, rules, now)
    added, removed, matched = _differences(session, people, proposal, rules)
    adding, adding_names = adding_of(weighed, added)
    removing, removing_names = removing_of(weighed, removed)
    redated = weighed.where(weighed.step.redated)
    earlier = weighed.where((weighed.earlier.facts.due != weighed.step.facts.due) & weighed.step.facts.active)
    exceptions, ruled = _exceptions(weighed), _ruled(weighed)
    withdrawn = (
        removing_names["withdrawn"] | weighed.where(weighed.step.left | weighed.step.grace_began) & weighed.active
    )
    messages = messages_of(session, people.host_id, weighed, proposal)
    names = {**adding_names, **removing_names, "redated": redated, "earlier": earlier, "messages": messages.people}
    names |= {exception_part(kind): learners for kind, learners in exceptions.items()}
    names |= {exception_part(kind, answer): learners for (kind, answer), learners in ruled.items()}
    return Review(
        code=proposal.definition.code,
        version=proposal.base_version,
        adding=adding,
        removing=removing,
        redated=len(redated),
        earlier=len(earlier),
        messages=messages.messages,
        sample=messages.sample,
        sample_due=_due_of(weighed, messages.sample),
        matched=matched,
        exceptions={kind: len(learners) for kind, learners in exceptions.items()},
        ruled={which: len(learners) for which, learners in ruled.items()},
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
            after[rule.name] = given_members(session, people, given[rule.target])
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


def adding_of(weighed: Weighed, x: BitMap) -> tuple[Adding, dict[str, BitMap]]:
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


def removing_of(weighed: Weighed, x: BitMap) -> tuple[Removing, dict[str, BitMap]]:
    """Split ``x``: each learner is counted once, in this order."""
    facts = weighed.step.facts
    rest = x.copy()
    suspended = rest & weighed.people.suspended
    rest -= suspended
    withdrawn = rest & weighed.active & weighed.where(weighed.step.left | weighed.step.grace_began)
    rest -= withdrawn
    kept = rest & weighed.active & weighed.still(facts.active)
    absent = rest - kept
    names = {"x_removing": x, "withdrawn": withdrawn, "kept": kept, "suspended_removing": suspended,
             "not_enrolled": absent}  # fmt: skip
    return Removing(len(x), len(withdrawn), len(kept), len(suspended), len(absent)), names


def exception_part(kind: str, answer: str = "") -> str:
    """The name in :attr:`Review.names` of those with an exception of a type, or with a standing answer to it."""
    return f"exception_{kind}_{answer}".rstrip("_")


def _exceptions(weighed: Weighed) -> dict[str, BitMap]:
    """Who would get an exception that an administrator has to answer, by type."""
    new = weighed.step.raised != weighed.work.given.questions.type
    found = {word: weighed.where((weighed.step.raised == kind) & new) for kind, word in enumerate(EXCEPTION_TYPES)}
    return {word: learners for word, learners in found.items() if learners}


def _ruled(weighed: Weighed) -> dict[tuple[str, str], BitMap]:
    """Whom standing answers decide about, by type and answer."""
    step = weighed.step
    found = {}
    for kind, word in enumerate(EXCEPTION_TYPES):
        for answer in STANDING:
            if learners := weighed.where((step.ruled_type == kind) & (step.ruled == answer)):
                found[word, answer] = learners
    return found


def messages_of(
    session: Session, host_id: int, weighed: Weighed, proposal: Proposal, among: BitMap | None = None
) -> Impact:
    """How many messages go out, with ``among`` only those about these learners, and one of them."""
    step, number, definitions = weighed.step, weighed.work.terms.id, proposal.definition.notifications
    present = weighed.work.given.person_state == 0
    happens = {}
    for when, mask in (
        ("assigned", step.activated), ("withdrawn", step.deactivated), ("due_changed", step.redated),
    ):  # fmt: skip
        concerned = weighed.where(mask & present)
        happens[when] = concerned if among is None else concerned & among
    return impact(session, host_id, number, happens, definitions)


def _due_of(weighed: Weighed, sample: Sample | None) -> int | None:
    """The date the learner of a sample would have; those decided alike have the same."""
    if sample is None:
        return None
    facts = weighed.step.facts
    one = next((one for one, others in weighed.alike.items() if sample.learner in others), sample.learner)
    where = np.flatnonzero(facts.person == one)
    due = int(facts.due[where[0]]) if len(where) else NONE
    return None if due == NONE else due


def _guard(
    session: Session, people: Population, weighed: Weighed, withdrawn: BitMap, limits: Limits | None
) -> GuardAsks | None:
    if limits is None or not withdrawn or not weighed.work.terms.id:
        return None
    gone = unconfirmed(session, people.host_id, weighed.work.given.as_of, weighed.work.terms.id)
    crossed = limits.crossed(len(withdrawn - gone), len(gone), len(weighed.active))
    return GuardAsks(len(withdrawn)) if crossed else None
