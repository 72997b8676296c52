"""The numbers of both warnings, and of the sentence a row repeats when *Include* is switched (rules 5.3).

Measured against the saved state plus the draft, by what the review is measured by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Proposal
from plugin.certifications.resolve import group_members
from plugin.certifications.store import by_id, definition_of
from plugin.core.area_scope import cut
from plugin.core.errors import RefusedByRule
from plugin.enrolment.answers.gone_targets import pinned
from plugin.enrolment.answers.groups import group_named
from plugin.enrolment.reading.reach import counted
from plugin.enrolment.saving.foreseen_messages import messages_of
from plugin.enrolment.saving.proposal import certification_id, decide_proposal, proposed_rules
from plugin.enrolment.saving.review import Adding, Removing, adding_of, removing_of
from plugin.mirror.lookup.browse import names_of_people
from plugin.population.sets import Population, population


def targets(session: Session, host_id: int, proposal: Proposal, rows: Sequence[AssignmentDef], *, now: int) -> Adding:
    """The numbers of the *Add assignment* warning: see :func:`adding_warning`."""
    return adding_warning(session, host_id, proposal, rows, now=now)[0]


def adding_warning(
    session: Session, host_id: int, proposal: Proposal, rows: Sequence[AssignmentDef], *, now: int
) -> tuple[Adding, int]:
    """The *Add assignment* warning: rows just chosen, against the saved state plus the draft so far (rules 5.3).

    Returns the numbers, and how many messages about these learners would go out.

    :param proposal: the draft without these rows.
    """
    people = population(session, host_id)
    together = replace(proposal.definition, assignments=(*proposal.definition.assignments, *rows))
    with_rows = Proposal(together, proposal.base_version, proposal.current)
    rules = proposed_rules(session, host_id, with_rows)
    decided = decide_proposal(session, people, with_rows, rules, now)
    chosen = {row.key for row in rows}
    x: BitMap = BitMap()
    for rule in rules:
        if rule.name in chosen:
            x |= counted(session, people, rule)
    return adding_of(decided, x)[0], messages_of(session, host_id, decided, with_rows, x).messages


def removal_warning(
    session: Session, host_id: int, proposal: Proposal, rows: Sequence[AssignmentDef], *, now: int
) -> tuple[Removing, int]:
    """The warning on removing rows: against the saved state plus the draft with these rows gone.

    Returns the numbers, and how many messages about these learners would go out.

    :param proposal: the draft with these rows still in it.
    """
    people = population(session, host_id)
    gone = {row.key for row in rows}
    x: BitMap = BitMap()
    kept = pinned(session, host_id, certification_id(session, host_id, (proposal.current or proposal.definition).code))
    for rule in proposed_rules(session, host_id, proposal):
        if rule.name in gone:  # with those kept on it because its target or its team went
            x |= counted(session, people, rule) | cut(session, host_id, kept.get(rule.id, BitMap()) & people.existing)
    without = _without(proposal, gone)
    decided = decide_proposal(session, people, without, proposed_rules(session, host_id, without), now)
    return removing_of(decided, x)[0], messages_of(session, host_id, decided, without, x).messages


def switched(session: Session, host_id: int, proposal: Proposal, key: str, *, now: int) -> Adding | Removing | None:
    """What switching *Include* of a row comes to, in the numbers of the two warnings (rules 5.3).

    A row that is new or wider than saved counts everybody it matches; one that is narrower counts whom it lets go of.

    :param proposal: the draft with the row switched. :param key: of the row.
    Returns ``None`` where it matches whom it matched when it was saved.
    """
    people = population(session, host_id)
    row = next((one for one in proposal.definition.assignments if one.key == key), None)
    if row is None:
        return None
    matched = _matched_by(session, people, proposal, key)
    old = proposal.current and next((one for one in proposal.current.assignments if one.key == key), None)
    if old is None or not proposal.current:
        return targets(session, host_id, _without(proposal, {key}), [row], now=now)
    saved = Proposal(proposal.current, proposal.base_version, proposal.current)
    before = _matched_by(session, people, saved, key)
    if matched - before:
        return targets(session, host_id, _without(proposal, {key}), [row], now=now)
    if before - matched:
        decided = decide_proposal(session, people, proposal, proposed_rules(session, host_id, proposal), now)
        return removing_of(decided, before - matched)[0]
    return None


def _matched_by(session: Session, people: Population, proposal: Proposal, key: str) -> BitMap:
    found = (rule for rule in proposed_rules(session, people.host_id, proposal) if rule.name == key)
    return BitMap.union(BitMap(), *(counted(session, people, rule) for rule in found))


def _without(proposal: Proposal, keys: set[str]) -> Proposal:
    """The proposal with rows gone."""
    left = tuple(row for row in proposal.definition.assignments if row.key not in keys)
    return Proposal(replace(proposal.definition, assignments=left), proposal.base_version, proposal.current)


def member_warning(
    session: Session, host_id: int, certification: int, group: str, person: int, *, joins: bool, now: int
) -> tuple[Adding | Removing, int]:
    """What adding a person to a group, or removing her from it, comes to at once: by hand it needs no save (rules 2.5).

    Returns the numbers, of one learner, and how many messages about her would go out.

    :raises NotFound: when the certification has no such saved group. :raises RefusedByRule: when there is nothing to do.
    """
    members = group_members(session, host_id, group_named(session, host_id, certification, group).id)
    if joins == (person in members):
        if joins:
            raise RefusedByRule(_("This person is a member of “%(name)s” already.", name=group))
        raise RefusedByRule(_("This person is not a member of “%(name)s”.", name=group))
    return members_warning(session, host_id, certification, group, BitMap([person]), joins=joins, now=now)


def members_warning(
    session: Session, host_id: int, certification: int, group: str, x: BitMap, *, joins: bool, now: int
) -> tuple[Adding | Removing, int]:
    """The same of several people at once.

    :raises NotFound: when the certification has no such saved group.
    """
    people, row = population(session, host_id), by_id(session, host_id, certification)
    current = definition_of(session, host_id, certification)
    members = group_members(session, host_id, group_named(session, host_id, certification, group).id)
    wanted = members | x if joins else members - x
    named = tuple(one.ext for one in names_of_people(session, host_id, list(wanted)).values())
    rows = tuple(
        replace(one, members=named) if (one.type, one.target) == ("group", group) else one
        for one in current.assignments
    )
    proposal = Proposal(replace(current, assignments=rows), row.version, current)
    decided = decide_proposal(session, people, proposal, proposed_rules(session, host_id, proposal), now)
    found: Adding | Removing = adding_of(decided, x)[0] if joins else removing_of(decided, x)[0]
    return found, messages_of(session, host_id, decided, proposal, x).messages
