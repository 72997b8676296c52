"""Saves of whoever works on an area: rows that match only people inside are hers, everything else stays (ACCESS 3)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Exclusion, Proposal
from plugin.certifications.drafts.differences import other_changes
from plugin.certifications.resolve import Rule, matched_by
from plugin.certifications.targets import unseen_exclusions
from plugin.core.area_scope import whole
from plugin.core.errors import Forbidden
from plugin.enrolment.answers.gone_targets import pinned
from plugin.enrolment.saving.proposal import certification_id, given_members, proposed_rules
from plugin.mirror.tables import Job
from plugin.population.area import acting_units, inside
from plugin.population.sets import Population, population


def outside(session: Session, host_id: int, proposal: Proposal, units: Collection[int]) -> set[str]:
    """The rows of a proposal, ``type:target``, that somebody who works on these units may not edit."""
    with whole(session):
        people = population(session, host_id)
        area = inside(people, units)
        return {
            key for key, matched in _matched(session, people, proposal).items() if not matched <= area
        } | _open_to_all(proposal.definition)  # fmt: skip


def _open_to_all(definition: Definition) -> set[str]:
    """Groups that anybody may join by herself."""
    return {row.key for row in definition.assignments if row.type == "group" and row.group.get("self_enrol")}


def _matched(session: Session, people: Population, proposal: Proposal) -> dict[str, BitMap]:
    """Everybody a row matches, is held by, or whose manager it names."""
    rules = proposed_rules(session, people.host_id, proposal)
    given = {row.key: row for row in proposal.definition.assignments if row.members is not None}
    code = (proposal.current or proposal.definition).code
    pins = pinned(session, people.host_id, certification_id(session, people.host_id, code))
    leaders = _leaders(session, people.host_id, rules)
    found = {}
    for rule in rules:
        matched = matched_by(session, people, rule) | pins.get(rule.id, BitMap())
        if rule.name in given:
            matched |= given_members(session, people, given[rule.name])
        found[rule.name] = matched | leaders.get(rule.target if rule.type == "manager" else "", BitMap())
    return found


def _leaders(session: Session, host_id: int, rules: Sequence[Rule]) -> dict[str, BitMap]:
    """Whose jobs the rows of managers name."""
    jobs = [rule.target for rule in rules if rule.type == "manager"]
    query = select(Job.ext, Job.person).where(Job.host_id == host_id, Job.ext.in_(jobs), Job.person.is_not(None))
    rows = session.execute(query).all() if jobs else []
    return {row[0]: BitMap([int(row[1] or 0)]) for row in rows}


def locked_rows(session: Session, host_id: int, proposal: Proposal) -> set[str]:
    """The rows that whoever acts now may only read; none where she works on no area."""
    units = acting_units()
    if units is None:
        return set()
    locked = outside(session, host_id, proposal, units)
    if proposal.current is not None:
        saved = Proposal(proposal.current, proposal.base_version, proposal.current)
        locked |= outside(session, host_id, saved, units)
    return locked


def keeping(session: Session, host_id: int, proposal: Proposal) -> Proposal:
    """A proposal of a file in which the saved rows that she may not edit stay, named or not, and whom they except outside.

    :raises Forbidden: for a certification that there is not yet.
    """
    units = acting_units()
    if units is None:
        return proposal
    if proposal.current is None:
        raise Forbidden(_("Whoever looks after an area makes no certifications."))
    saved = Proposal(proposal.current, proposal.base_version, proposal.current)
    locked = outside(session, host_id, saved, units)
    unseen = unseen_exclusions(session, host_id, proposal.current.assignments)
    named = {row.key: row for row in proposal.definition.assignments}
    rows: list[AssignmentDef] = []
    for row in proposal.current.assignments:
        if row.key in locked:
            rows.append(row)
        elif row.key in named:
            rows.append(_with_unseen(named[row.key], row, unseen))
    present = {row.key for row in proposal.current.assignments}
    rows += [row for row in proposal.definition.assignments if row.key not in present]
    return replace(proposal, definition=replace(proposal.definition, assignments=tuple(rows)))


def _with_unseen(given: AssignmentDef, saved: AssignmentDef, unseen: Collection[Exclusion]) -> AssignmentDef:
    stay = [one for one in saved.exclusions if one in unseen and one not in given.exclusions]
    return replace(given, exclusions=(*given.exclusions, *stay))


def confine(session: Session, host_id: int, proposal: Proposal) -> Proposal:
    """What somebody who works on an area may save of a proposal: all of it, or nothing.

    :raises Forbidden: where it changes anything but rows that match only people inside, before and after.
    """
    units = acting_units()
    if units is None:
        return proposal
    current = proposal.current
    if current is None:
        raise Forbidden(_("Whoever looks after an area makes no certifications."))
    proposal = replace(proposal, definition=_as_it_was(current, proposal.definition))
    if other_changes(current, proposal.definition):
        raise Forbidden(_("Settings of the whole certification reach people outside your area."))
    old = {row.key: row for row in current.assignments}
    new = {row.key: row for row in proposal.definition.assignments}
    touched = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    locked = locked_rows(session, host_id, proposal)
    if touched & locked:
        raise Forbidden(_("This would reach people outside your area. Nothing was saved."))
    return replace(
        proposal, earlier_of=frozenset(touched if proposal.earlier_of is None else touched & proposal.earlier_of)
    )


def _as_it_was(before: Definition, after: Definition) -> Definition:
    """What reading a file fills in, where nothing was said of it, is no change of hers."""
    if after.notifications is None:
        after = replace(after, notifications=before.notifications)
    return after if before.period else replace(after, period={})
