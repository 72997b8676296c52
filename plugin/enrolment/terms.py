"""A certification's terms: its definition read once into what settling needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import DEFAULT_EXCEPTIONS, Definition
from plugin.certifications.rules.availability import available_from, available_until
from plugin.certifications.rules.content import Content, courses_of, minimum_time
from plugin.certifications.rules.period import PeriodSettings, parse_period_settings
from plugin.certifications.rules.written_content import parse_content
from plugin.certifications.store import definitions_of
from plugin.core.database.bulk import among, fetch
from plugin.core.database.process_cache import cached, keep
from plugin.core.days import Period, parse_period, shift, zone_of
from plugin.core.tables import Host
from plugin.delivery.tables import KEEP, REMOVE, SUSPEND
from plugin.enrolment.codes import EXCEPTION_TYPES
from plugin.enrolment.facts import Ints, Mask

WORDS = np.array(("off", "hold", "wait", "assign", "realistic", "dismiss"))
"""Standing answers to exceptions (rules 4.5), by the codes that follow."""
OFF, HOLD, WAIT, ASSIGN, REALISTIC, DISMISS = range(6)
POLICIES = {"remove": REMOVE, "suspend": SUSPEND, "keep": KEEP}


@dataclass(frozen=True)
class Terms:
    """What one version of a certification says, in the types that the rules work with.

    :ivar id: ours; 0 for one that was never saved.
    :ivar ends_seats: whether its seats go with it when it ends.
    :ivar begins: and ``ends``: the instants between which it is available; ``None`` is open.
    """

    host_id: int
    id: int
    version: int
    code: str
    name: str
    kind: str
    state: str
    begins: int | None
    ends: int | None
    content: Content
    settings: PeriodSettings | None
    enrol: str
    leave: int
    grace: Period
    ends_seats: bool
    dates_anew: bool
    answers: tuple[str, ...]
    zone: str

    def live(self, at: int) -> bool:
        """Whether learners are reached at that instant (rules 5.11)."""
        return (
            self.state == "live"
            and (self.begins is None or self.begins <= at)
            and (self.ends is None or at < self.ends)
        )

    def ended(self, at: int) -> bool:
        """Whether it is archived, or its last day is over (rules 5.11)."""
        return self.state == "archived" or (self.ends is not None and self.ends <= at)

    def lets_go(self, at: int) -> bool:
        """Whether it has ended and claims no seat any more: what becomes of them is as when a learner leaves (5.11)."""
        return self.ends_seats and self.ended(at)

    def grace_over(self, begins: int) -> int:
        """When the grace of somebody whose last assignment went at that instant is over (rules 6.2).

        Hours to weeks are elapsed time; months and years move the calendar day in the host's zone.
        """
        if self.grace.unit in ("months", "years"):
            return shift(begins, self.grace, self.zone)
        return begins + self.grace.seconds

    @cached_property
    def minimum(self) -> int:
        """Seconds the certification path takes at least."""
        return minimum_time(self.content.certification)

    @cached_property
    def courses(self) -> frozenset[str]:
        """Every course on either path, by the host's id."""
        return courses_of(self.content.certification) | courses_of(self.content.recertification_path)

    @cached_property
    def codes(self) -> tuple[int, ...]:
        """``answers`` as codes of ``WORDS``."""
        return tuple(WORDS.tolist().index(answer) for answer in self.answers)


@dataclass(frozen=True)
class SpreadTerms:
    """What terms say for each of some positions: people in one certification, or in several side by side.

    :ivar live: learners are reached. ``graced``: there are days of grace. ``minimum`` in seconds.
    :ivar dates_anew: a due date that passed while somebody was suspended becomes a realistic one (rules 2.6).
    :ivar answers: by type of exception, the standing answer as a code of ``WORDS``.
    """

    live: Mask
    graced: Mask
    dates_anew: Mask
    minimum: Ints
    answers: tuple[Ints, ...]
    zone: str
    _terms: Sequence[Terms]
    _which: Ints

    def grace_over(self, where: Mask, begins: Ints) -> Ints:
        """When the grace of those at some positions is over (:meth:`Terms.grace_over`).

        :param begins: for every position, when theirs would begin.
        """
        which, begins = self._which[where], begins[where]
        found = np.empty(len(begins), np.int64)
        for number in np.unique(which).tolist():
            here = which == number
            instants, back = np.unique(begins[here], return_inverse=True)
            over = [self._terms[number].grace_over(instant) for instant in instants.tolist()]
            found[here] = np.array(over, np.int64)[back]
        return found


def spread_terms(parts: Sequence[tuple[Terms, int]], at: int) -> SpreadTerms:
    """Spread terms of one host over positions.

    :param parts: terms, and for how many positions each holds, in their order.
    :param at: the instant.
    """
    lengths = [n for _terms, n in parts]
    rows = [
        (which, int(terms.live(at)), terms.grace.amount, int(terms.dates_anew), terms.minimum, *terms.codes)
        for which, (terms, _n) in enumerate(parts)
    ]
    columns: list[Ints] = []
    for column in zip(*rows, strict=True):
        if len(set(column)) == 1:  # as for one certification: a value, shown to all
            columns.append(np.broadcast_to(np.int64(column[0]), sum(lengths)))
        else:
            columns.append(np.repeat(np.array(column, np.int64), lengths))
    which, live, grace, anew, minimum, *answers = columns
    terms = [one for one, _n in parts]
    return SpreadTerms(live != 0, grace != 0, anew != 0, minimum, tuple(answers), terms[0].zone, terms, which)


def terms_of(session: Session, host_id: int, certification: int) -> Terms:
    """The saved terms.

    :raises KeyError: when there is no such certification.
    """
    return terms_of_many(session, host_id, [certification])[certification]


def terms_of_many(session: Session, host_id: int, certifications: Sequence[int] | None) -> dict[int, Terms]:
    """The saved terms of some certifications, or of all (``None``). A version never changes, so it is kept."""
    sql = (
        "SELECT c.id, c.version, c.created, h.time_zone FROM certification c JOIN host h ON h.id = c.host_id"
        " WHERE c.host_id = ? AND c.version > 0"
    )
    if certifications is not None:
        sql += f" AND {among('c.id', np.unique(np.array(certifications, np.int64)))}"
    asked = None if certifications is None else set(certifications)
    stamps = {row[0]: row for row in fetch(session, sql, host_id) if asked is None or row[0] in asked}
    found: dict[int, Terms] = {}
    for number, stamp in stamps.items():
        memory: tuple[object, Terms] | None = cached(session, ("terms", host_id, number))
        if memory is not None and memory[0] == stamp:
            found[number] = memory[1]
    missing = {number: stamp[1] for number, stamp in stamps.items() if number not in found}
    for number, definition in (definitions_of(session, host_id, missing) if missing else {}).items():
        stamp = stamps[number]
        found[number] = from_definition(host_id, number, stamp[1], definition, str(stamp[3] or "UTC"))
        keep(session, ("terms", host_id, number), (stamp, found[number]))
    return found


def zone_of_host(session: Session, host_id: int) -> str:
    """The host's time zone, by name."""
    return str(session.scalar(select(Host.time_zone).where(Host.id == host_id)) or "UTC")


def from_definition(host_id: int, certification: int, version: int, definition: Definition, zone: str) -> Terms:
    """Read a definition, saved or proposed. It was validated when it was made."""
    zone_of(zone)
    answers = {**DEFAULT_EXCEPTIONS, **definition.exceptions}
    grace = parse_period(definition.leaving.get("grace", "0 days"))
    return Terms(
        host_id=host_id,
        id=certification,
        version=version,
        code=definition.code,
        name=definition.name,
        kind=definition.kind,
        state=definition.state,
        begins=available_from(definition, zone),
        ends=available_until(definition, zone),
        content=parse_content(definition.content),
        settings=None if definition.kind == "program" else _period(definition),
        enrol=definition.enrol,
        leave=POLICIES[definition.leaving.get("seat", "suspend")],
        grace=grace,
        ends_seats=definition.leaving.get("at_end") == "leave",
        dates_anew=definition.leaving.get("on_return") != "keep",
        answers=tuple(answers[name] for name in EXCEPTION_TYPES),
        zone=zone,
    )


def _period(definition: Definition) -> PeriodSettings | None:
    """A draft may still lack its period; nobody is certified under it."""
    return parse_period_settings(definition.period) if definition.period else None
