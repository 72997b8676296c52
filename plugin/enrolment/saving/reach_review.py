"""What a review says of whom rows do not reach, or not yet: exceptions, first days (rules 11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.listing import matched
from plugin.certifications.resolve import Rule, matched_by, resolve, rules_of
from plugin.certifications.rules.availability import starts_at
from plugin.core.ids import read_clock
from plugin.enrolment.reading.reach import counted, has_not_begun, through
from plugin.enrolment.terms import zone_of_host
from plugin.population.sets import Population


@dataclass(frozen=True)
class Begins:
    """A row whose first day is to come: when, whom it would match then, and who stays enrolled through it meanwhile."""

    at: int
    later: BitMap
    staying: BitMap


def _touched(proposal: Proposal, rules: Sequence[Rule]) -> list[tuple[AssignmentDef, Rule]]:
    """Rows that are new or changed, all of them where the certification's own first day changed."""
    current = proposal.current
    before = {row.key: row for row in current.assignments} if current is not None else {}
    every = current is None or current.starts != proposal.definition.starts
    rows = zip(proposal.definition.assignments, rules, strict=True)
    return [(row, rule) for row, rule in rows if every or before.get(row.key) != row]


def left_out_of(session: Session, people: Population, proposal: Proposal, rules: Sequence[Rule]) -> dict[str, BitMap]:
    """Of each row that is new or changed and excepts something, the people of its target whom it does not match."""
    return {
        row.key: resolve(session, people, rule.key) - matched_by(session, people, rule)
        for row, rule in _touched(proposal, rules)
        if row.exclusions
    }


def begins_of(session: Session, people: Population, proposal: Proposal, rules: Sequence[Rule]) -> dict[str, Begins]:
    """Of each row that is new or changed, when it begins, if that is still to come."""
    found = {}
    for row, rule in _touched(proposal, rules):
        if rule.starts is not None and has_not_begun(rule, people.as_of):
            staying = counted(session, people, rule)
            found[row.key] = Begins(rule.starts, matched_by(session, people, rule) - staying, staying)
    return found


def left_out_part(number: int) -> str:
    """The name in :attr:`Review.names` of those whom a row leaves out, by its place in :attr:`Review.left_out`."""
    return f"left_out_{number}"


def begins_part(number: int, *, staying: bool = False) -> str:
    """The same of those who begin with a row's first day, or stay until then, by its place in :attr:`Review.begins`."""
    return f"staying_{number}" if staying else f"begins_{number}"


def names_of_reach(left_out: Mapping[str, BitMap], begins: Mapping[str, Begins]) -> dict[str, BitMap]:
    """The people behind these numbers."""
    names = {left_out_part(number): learners for number, learners in enumerate(left_out.values())}
    for number, one in enumerate(begins.values()):
        names |= {begins_part(number): one.later, begins_part(number, staying=True): one.staying}
    return names


def row_sets(
    session: Session, host_id: int, certification: int, definition: Definition, rows: Sequence[AssignmentDef]
) -> dict[str, BitMap]:
    """Whom each row of a definition, saved or not, counts now, by ``type:target``."""
    found = matched(session, host_id, certification, rows)
    zone, (_seq, as_of) = zone_of_host(session, host_id), read_clock(session, host_id)
    waiting = [row.key for row in rows if (at := starts_at(definition, row, zone)) is not None and at > as_of]
    if waiting:
        saved = {rule.name: rule for rule in rules_of(session, host_id, certification)}
        for key in waiting:
            found[key] = through(session, host_id, saved[key], found[key]) if key in saved else BitMap()
    return found
