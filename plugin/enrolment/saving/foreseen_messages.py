"""How many messages a save sends within a day, and one of them: counted as settling sends them (rules 5.4, 8.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import Proposal
from plugin.certifications.rules import cycle
from plugin.enrolment.codes import ASSIGNED, IN_PROGRESS
from plugin.enrolment.facts import NONE, Mask
from plugin.enrolment.rules.lifecycle import completions_of
from plugin.enrolment.rules.step import NO_TYPE
from plugin.enrolment.saving.proposal import Decided
from plugin.enrolment.settling.write import STATE_MESSAGES
from plugin.notifications.impact import LATER, FirstMessage, Impact, impact, told_before
from plugin.notifications.triggers import TIMED, untold_enrolled
from plugin.population.columns import one_of


def messages_of(
    session: Session, host_id: int, decided: Decided, proposal: Proposal, among: BitMap | None = None
) -> Impact:
    """How many messages go out, with ``among`` only those about these learners, and one of them."""
    step, number, given = decided.step, decided.work.terms.id, decided.work.given
    present = given.person_state == 0
    loud = present & (step.facts.quiet == 0)
    happens = {
        "assigned": decided.where(step.activated & loud),
        "withdrawn": _told_to_leave(session, host_id, decided, step.deactivated & loud),
        "due_changed": decided.where(step.redated & loud),
        "exception": decided.where((step.raised != NO_TYPE) & (given.questions.type != step.raised) & present),
    }
    changed = decided.where(
        (step.activated | step.redated) & present & one_of(step.facts.state, (ASSIGNED, IN_PROGRESS))
    )
    happens |= {"due": changed, "overdue": changed}
    said = proposal.definition.notifications
    if said is None or any(one.get("when") in STATE_MESSAGES.values() for one in said):
        for when, learners in _reached_states(session, decided).items():
            happens[when] = happens.get(when, BitMap()) | learners
    if not decided.work.terms.live(given.as_of):  # what has ended goes on as facts, and tells nobody
        happens = {}
    if among is not None:
        happens = {when: learners & among for when, learners in happens.items()}

    def narrow(notification: int, one: Mapping[str, Any], learners: BitMap) -> BitMap:
        if one["when"] in TIMED:
            learners &= _moment_within_a_day(decided, one["offset"])
        if not learners or one["when"] not in ("due_changed", *TIMED):
            return learners
        return learners - _told(decided, told_before(session, host_id, number, notification, learners))

    return impact(session, host_id, number, happens, said, narrow=narrow)


def _told(decided: Decided, before: set[tuple[int, int, int]]) -> BitMap:
    """Whose present spell and cycle is among those told of."""
    if not before:
        return BitMap()
    facts = decided.step.facts
    present = zip(facts.person.tolist(), facts.spell.tolist(), facts.cycle.tolist(), strict=True)
    return BitMap(one[0] for one in present if one in before)


def _told_to_leave(session: Session, host_id: int, decided: Decided, leaving: Mask) -> BitMap:
    """Whoever leaves, but for those who were not told yet that they are enrolled (rules 8.4)."""
    facts = decided.step.facts
    people = facts.person[leaving]
    unsent = untold_enrolled(session, host_id, decided.work.terms.id, people) if len(people) else set()
    spells = zip(people.tolist(), facts.spell[leaving].tolist(), strict=True)
    return BitMap(spell[0] for spell in spells if spell not in unsent)


def _moment_within_a_day(decided: Decided, offset: int) -> BitMap:
    """Whose due date brings a moment within the next 24 hours."""
    facts, now = decided.step.facts, decided.work.given.as_of
    moment = facts.due + offset
    return decided.where((facts.due != NONE) & (moment > now) & (moment <= now + LATER))


def _reached_states(session: Session, decided: Decided) -> dict[str, BitMap]:
    """By event, who completes, or is in her window or expired, with the save itself: what she did before counts."""
    found: dict[str, BitMap] = {}
    facts, given = decided.step.facts, decided.work.given
    for state, positions in decided.entered.items():
        people = [int(facts.person[one]) for one in positions if given.person_state[one] == 0]
        found.setdefault(state, BitMap()).update(set(people) - decided.alike.keys())
    terms = decided.work.terms
    crowd = decided.where(decided.step.activated) & BitMap.union(BitMap(), *decided.alike.values())
    if crowd and terms.courses and (terms.kind == "program" or terms.settings is not None):
        for person, done in completions_of(session, terms, np.array(crowd, dtype=np.int64)).items():
            known = cycle.CycleFacts(completions=done, due=decided.due_of(person))
            begun = cycle.CycleState()
            for one in cycle.steps(begun, known, terms.settings, terms.content, given.as_of, terms.zone):
                found.setdefault(one.state, BitMap()).add(person)
    return {STATE_MESSAGES[state]: people for state, people in found.items() if state in STATE_MESSAGES}


def due_of_sample(decided: Decided, sample: FirstMessage | None) -> int | None:
    """The date the learner of a sample would have."""
    return None if sample is None else decided.due_of(sample.learner)
