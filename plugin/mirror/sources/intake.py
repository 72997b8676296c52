"""Taking what a source hands over: identities, joins, units, jobs, audiences, members, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.mirror.changes import stamp
from plugin.mirror.pulling.unit_trees import recount, renumber
from plugin.mirror.sources import members
from plugin.mirror.sources.identities import DeliveryResult, PeopleWork, follow
from plugin.mirror.sources.joining import parts
from plugin.mirror.sources.renaming import offer, put_back
from plugin.mirror.sources.source import UNIT_KINDS, Source
from plugin.mirror.sources.source_data import Delivery
from plugin.mirror.sources.tables import JOINED, SUSPENDED, WHYS, Identity
from plugin.mirror.sources.units import (
    WORDS,
    drop_units,
    emptied,
    keep,
    mode_of,
    place_levels,
    stored_data,
    write_units,
)
from plugin.mirror.tables import Unit

Named = Callable[[Session, str, Sequence[int]], Collection[int]]
"""Which of these units of a kind an assignment names; they stay though empty (SOURCES 4.3)."""


def take(
    session: Session, host_id: int, source: Source, delivery: Delivery, now: int, *, named: Named | None = None,
    count: bool = True,
) -> DeliveryResult:  # fmt: skip
    """Take a delivery in. Whom it touches is stamped; nothing is settled here.

    :param named: of empty units made of words, those that stay; without it all do.
    :param count: whether to count people by unit afterwards, and say what became of units; single writes leave the first to
        a worker, and ask for neither.
    """
    zone = fetch(session, "SELECT time_zone FROM host WHERE id = ?", host_id)[0][0]
    work = _Work(session, host_id, source, now, str(zone))
    work.left = delivery.left
    if count and delivery.says_anything:
        work.units_before = _unit_state(session, source)
    elif not count:
        work.newest_unit = fetch(session, "SELECT max(id) FROM unit WHERE host_id = ?", host_id)[0][0] or 0
    work.units(delivery)
    work.people(delivery)
    if count and delivery.people is not None:
        work.written.add(place_levels(session, source, work.zone))
    work.audiences(delivery)
    work.empty(named)
    if work.written.trees:
        renumber(session, host_id)
    if count and work.written.trees:
        work.compare_units()
    work.taken.people = work.written.people
    if work.written.people or work.written.changed:
        stamp(session, host_id, work.written.people, now)
        if count:
            recount(session, host_id)
    return work.taken


def _unit_state(session: Session, source: Source) -> dict[tuple[str, str], tuple[str, str]]:
    rows = session.execute(
        select(Unit.kind, Unit.ext, Unit.name, Unit.parent_ext).where(
            Unit.host_id == source.host_id, Unit.connection == source.id, Unit.gone.is_(False)
        )
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


@dataclass
class _Work(PeopleWork):
    """One delivery being taken in."""

    # --- units with ids of their own

    def units(self, delivery: Delivery) -> None:
        if delivery.units is None and not delivery.units_gone:
            return
        units = list(delivery.units or ())
        ours = {kind: self._known_units(kind) for kind in UNIT_KINDS}
        for place, one in enumerate(units):
            known = ours[one.kind].get(one.id, {})
            stays = {name: known[name] for name in delivery.units_unsaid.get(one.kind, ()) if name in known}
            units[place] = replace(one, **stays)
        told = {one.kind for one in units} | {kind for kind, _id in delivery.units_gone} | delivery.whole
        self.taken.before["units"] = {kind: list(rows.values()) for kind, rows in ours.items() if kind in told}
        supplied = [one for one in units if one.kind in self.source.supplies]
        self.written.add(write_units(self.session, self.source, supplied, self.zone))
        gone = {kind: {one for k, one in delivery.units_gone if k == kind} for kind in UNIT_KINDS}
        for kind in UNIT_KINDS:
            if kind in delivery.whole:
                stay = {one.id for one in units if one.kind == kind} | {
                    one for k, one in delivery.units_kept if k == kind
                }
                gone[kind] |= ours[kind].keys() - stay
            said = {one.id: one.told() for one in units if one.kind == kind}
            keep(self.session, self.source, kind, said, gone[kind])
            exts = [self.source.ext(one) for one in sorted(gone[kind])]
            if exts and kind in self.source.supplies:
                self.written.add(drop_units(self.session, self.source, kind, exts))
            if kind in delivery.whole and ours[kind]:
                kept = len(ours[kind]) - len(gone[kind] & ours[kind].keys())
                self._guard(f"{kind}s", len(gone[kind]), len(ours[kind]), kept)

    def _known_units(self, kind: str) -> dict[str, dict[str, str]]:
        if mode_of(self.source, kind) == WORDS:
            return {}
        stored = stored_data(self.session, self.source, kind)
        return {one: {"id": one, "kind": kind, **said} for one, said in stored.items()}

    # --- audiences

    def audiences(self, delivery: Delivery) -> None:
        done = members.take(self.session, self.source, delivery, self.now, self.zone)
        self.written.add(done.written)
        if done.before:
            self.taken.before["audiences"] = done.before
        if "audiences" in delivery.whole and done.known:
            self._guard("audience members", done.removed, done.known, done.known - done.removed)

    # --- units made of words that nobody names any longer

    def empty(self, named: Named | None) -> None:
        for kind in UNIT_KINDS:
            if mode_of(self.source, kind) != WORDS or not self.left_units[kind]:
                continue
            empty = emptied(self.session, self.source, kind, self.left_units[kind], self.now)
            rows = {row.id: row for part in parts(empty) for row in self._ours(part)}
            offered = self._offer(kind, [row.ext for row in rows.values()])
            stays = set(named(self.session, kind, sorted(rows))) if named is not None else set(rows)
            kept = [row for row in rows.values() if row.id in stays or row.ext in offered]
            by_ext = {row.ext: row for row in rows.values()}
            while kept:  # what is above a unit that stays, stays
                row = kept.pop()
                by_ext.pop(row.ext, None)
                if row.parent_ext in by_ext:
                    kept.append(by_ext[row.parent_ext])
            if by_ext:
                self.written.add(drop_units(self.session, self.source, kind, list(by_ext)))

    def _ours(self, units: Sequence[int]) -> Sequence[Unit]:
        here = (Unit.host_id == self.host_id, Unit.connection == self.source.id, Unit.id.in_(units))
        return self.session.scalars(select(Unit).where(*here)).all()

    def _new_units(self, kind: str) -> set[str]:
        if self.newest_unit is None:
            return {
                ext for k, ext in _unit_state(self.session, self.source).keys() - self.units_before.keys() if k == kind
            }
        here = (Unit.host_id == self.host_id, Unit.connection == self.source.id, Unit.kind == kind)
        return set(self.session.scalars(select(Unit.ext).where(*here, Unit.id > self.newest_unit)))

    def _offer(self, kind: str, empty: Sequence[str]) -> set[str]:
        """Offer as renames what vanished while something new took at least half of its people."""
        new = self._new_units(kind)
        moves = [one for one in self.moves if one.kind == kind]
        offered = offer(self.session, self.source, kind, moves, empty, new, self.now)
        self.written.add(put_back(self.session, self.source, kind, moves, offered))
        self.taken.units["renamed"] += sorted(offered)
        return set(offered)

    def compare_units(self) -> None:
        """What became of the source's units."""
        before = self.units_before
        after = _unit_state(self.session, self.source)
        units = self.taken.units
        units["new"] = sorted(ext for _kind, ext in after.keys() - before.keys())
        units["gone"] = sorted(ext for _kind, ext in before.keys() - after.keys())
        for one in before.keys() & after.keys():
            if before[one][0] != after[one][0]:
                units["renamed"].append(one[1])
            if before[one][1] != after[one][1]:
                units["moved"].append(one[1])


def unmatched_counts(session: Session, source: Source) -> tuple[int, dict[str, int]]:
    """How many identities are joined, and by reason how many are not."""
    here = (Identity.host_id == source.host_id, Identity.source == source.id, Identity.gone.is_(None))
    rows = session.execute(select(Identity.why, func.count()).where(*here).group_by(Identity.why))
    counts = {row[0]: row[1] for row in rows}
    named = {WHYS[why]: counts.get(why, 0) for why in range(1, SUSPENDED)}
    if counts.get(SUSPENDED):
        named["suspended"] = counts[SUSPENDED]
    return counts.get(JOINED, 0), named


__all__ = ["Delivery", "DeliveryResult", "Named", "follow", "take", "unmatched_counts"]
