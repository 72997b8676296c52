"""History as acts: one for each save, answer, choice of a learner or change of the site, with what followed from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.area_scope import area_of, cut
from plugin.core.database.slices import slices
from plugin.core.errors import NotFound
from plugin.core.tables import Journal
from plugin.mirror.tables import Person

BY_ITSELF = ("sync", "rule", "clock", "time")
"""Who does what nobody did: a change of the site, a rule, and the time."""
EFFECTS = (
    "enrolled", "released", "withdrawn", "leaving", "due_changed", "exception_raised", "exception_closed",
    "exception_decided", "held", "assigned", "in_progress", "certified", "window_open", "expired", "complete", "settled",
    "drift_repaired", "seats_repaired",
)  # fmt: skip
"""What follows from acts; everything else is one."""
_AT_ONCE, _MOST = 200, 10_000
"""Entries read in one go, and for one part of the list."""
_LATER = 500
"""How many entries of other acts may stand between an act and what followed from it."""


@dataclass
class Act:
    """One act: its own entry, or the first of what followed where nobody did it, and the entries of what followed."""

    entry: Journal
    effects: list[Journal] = field(default_factory=list)

    @property
    def by_itself(self) -> bool:
        """Nobody did it."""
        return self.entry.what in EFFECTS and self.entry.who in BY_ITSELF

    @property
    def sums(self) -> list[tuple[str, str, int, int]]:
        """What followed: what, its reason where there is one, how many learners, and the entry that names them first."""
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for one in self.effects:
            if one.what == "settled" or (one.people is None and one.person is None):
                continue
            reason = one.reason if one.what.startswith("exception_") else ""
            size, n = found.get((one.what, reason), (0, one.n))
            found[one.what, reason] = (size + one.count, min(n, one.n))
        return [(what, reason, *rest) for (what, reason), rest in found.items()]


def acts(
    session: Session, host_id: int, certification: int, *, limit: int, before: int | None = None,
    fits: Callable[[Act], bool] = lambda _one: True,
) -> tuple[list[Act], int | None]:  # fmt: skip
    """The newest acts of a certification, and the number to go on before; ``None`` at the end.

    :param before: only what has a number below it. :param fits: leaves out the others.
    """
    found: list[Act] = []
    start = None if before is None else before + _LATER
    for one in _grouped(session, host_id, certification, start):
        if isinstance(one, int):
            return found, one
        if (before is None or one.entry.n < before) and fits(one):
            if len(found) == limit:
                return found, found[-1].entry.n
            found.append(one)
    return found, None


def _grouped(session: Session, host_id: int, certification: int, before: int | None) -> Iterator[Act | int]:
    """Acts, the newest first; a number where reading stops before the end."""
    read: list[Journal] = []
    complete, last = False, before
    while not complete and len(read) < _MOST:
        part = _part(session, host_id, certification, last)
        last = part[-1].n if part else last
        read += _seen(session, host_id, part)
        complete = len(part) < _AT_ONCE
        groups = group(read)
        # The oldest may go on in what is not read yet: all but those are told now.
        ready = groups if complete else groups[: max(len(groups) - _AT_ONCE // 4, 0)]
        if ready or complete:
            yield from ready
            if complete:
                return
            edge = ready[-1].entry.n
            told = {one.n for act in ready for one in (act.entry, *act.effects)}
            read = [one for one in read if one.n not in told and one.n < edge]
    if read:
        yield read[0].n + 1


def _part(session: Session, host_id: int, certification: int, before: int | None) -> list[Journal]:
    query = select(Journal).where(Journal.host_id == host_id, Journal.certification == certification)
    if before is not None:
        query = query.where(Journal.n < before)
    return list(session.scalars(query.order_by(Journal.n.desc()).limit(_AT_ONCE)))


def _seen(session: Session, host_id: int, rows: Sequence[Journal]) -> list[Journal]:
    """Entries as whoever reads them may: without people outside her area, and without those about nobody else."""
    area = area_of(session, host_id)
    if area is None:
        return list(rows)
    found = []
    for row in rows:
        if row.people is None and row.person is None:
            found.append(row)
        elif hers := learners_named(row) & area:
            session.expunge(row)
            row.count = len(hers)
            row.people = hers.serialize() if row.people is not None else None
            found.append(row)
    return found


def group(entries: Sequence[Journal]) -> list[Act]:
    """Entries, the newest first, as acts in the same order: what one save, click or hook led to stands together."""
    by_key: dict[Any, list[Journal]] = {}
    for one in entries:
        key: Any = (one.correlation, one.who) if one.correlation else one.n
        if one.who in BY_ITSELF and one.what in EFFECTS:
            key = (one.correlation, one.who, one.at)
        by_key.setdefault(key, []).append(one)
    found = []
    for some in by_key.values():
        own = [one for one in some if one.what not in EFFECTS]
        effects = [one for one in some if one.what in EFFECTS]
        found += [Act(one) for one in own[:-1]]
        if own:
            found.append(Act(own[-1], effects))
        elif any(one.what != "settled" for one in effects):
            found.append(Act(effects[-1], effects))
    return sorted(found, key=lambda act: -act.entry.n)


def people_of_act(session: Session, host_id: int, certification: int, number: int) -> tuple[Journal, BitMap]:
    """An entry, and everybody whom it and its like of the same act tell of.

    :raises NotFound: where there is no such entry of this certification.
    """
    entry = session.get(Journal, (host_id, number))
    if entry is None or entry.certification != certification:
        raise NotFound("There is no such entry.")
    query = select(Journal).where(
        Journal.host_id == host_id, Journal.certification == certification, Journal.what == entry.what,
        Journal.who == entry.who, Journal.correlation == entry.correlation,
    )  # fmt: skip
    if entry.who in BY_ITSELF or not entry.correlation:
        query = query.where(Journal.at == entry.at)
    same = [entry] if not entry.correlation else list(session.scalars(query))
    found: BitMap = BitMap()
    for one in same:
        if one.what.startswith("exception_") and one.what in EFFECTS and one.reason != entry.reason:
            continue
        found |= learners_named(one)
    found = cut(session, host_id, found)
    if not found:
        raise NotFound("There is no such entry.")
    return entry, found


def learners_named(entry: Journal) -> BitMap:
    """The learners an entry tells of."""
    if entry.people is not None:
        return BitMap.deserialize(bytes(entry.people))
    return BitMap([entry.person] if entry.person is not None else [])


def named(session: Session, host_id: int, people: BitMap, *, limit: int, offset: int) -> list[Person]:
    """These people by name, a part of them."""
    rows: list[tuple[str, int]] = []
    for part in slices(list(people)):
        query = select(Person.name, Person.id).where(Person.host_id == host_id, Person.id.in_(part))
        rows += [(row[0], row[1]) for row in session.execute(query)]
    chosen = [number for _name, number in sorted(rows)[offset : offset + limit]]
    known = {
        row.id: row for row in session.scalars(select(Person).where(Person.host_id == host_id, Person.id.in_(chosen)))
    }
    return [known[number] for number in chosen]
