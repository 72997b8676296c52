"""What a source says of people, kept as identities, joined, and followed by the mirror; with the row guard over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, fetch_named, insert_rows
from plugin.core.database.slices import slices
from plugin.core.ids import take_ids
from plugin.mirror.pulling.row_guard import GONE, LEAST, LOST, loses_too_much
from plugin.mirror.pulling.rows import Written
from plugin.mirror.sources import members
from plugin.mirror.sources.joining import join, parts, written_otherwise
from plugin.mirror.sources.overlays import lay_over
from plugin.mirror.sources.projecting import Move, Projected, exts_of, job_exts, next_turn, project, rewire
from plugin.mirror.sources.source import UNIT_KINDS, Source, normal_key, tidy
from plugin.mirror.sources.source_data import Delivery, PersonData, only_what_it_says
from plugin.mirror.sources.tables import NO_ACCOUNT, SUSPENDED, Identity

_SLICE = 2_000
_DIGESTS = "SELECT ext, digest, gone FROM identity WHERE host_id = ? AND source = ?"
_DIGESTS_OF_SOME = f"{_DIGESTS} AND ext IN ({{names}})"


@dataclass
class DeliveryResult:
    """What a delivery did; each list holds ids of the source.

    :ivar guard: a sentence where the row guard would have a person look first (SOURCES 4.3); it was taken all the same,
        so that a plan can tell: the caller decides.
    :ivar before: what the source said before of everything the delivery changed, to take it back.
    """

    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: int = 0
    moved: list[str] = field(default_factory=list)
    managers: list[str] = field(default_factory=list)
    units: dict[str, list[str]] = field(
        default_factory=lambda: {"new": [], "gone": [], "renamed": [], "moved": []}
    )  # fmt: skip
    guard: str | None = None
    before: dict[str, Any] = field(default_factory=dict)
    people: set[int] = field(default_factory=set)


def digest_of(document: Mapping[str, Any]) -> int:
    """A number that tells one thing said from another."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


@dataclass
class PeopleWork:
    """The people of one delivery being taken in."""

    session: Session
    host_id: int
    source: Source
    now: int
    zone: str
    taken: DeliveryResult = field(default_factory=DeliveryResult)
    written: Written = field(default_factory=Written)
    left_units: dict[str, set[int]] = field(default_factory=lambda: {kind: set() for kind in UNIT_KINDS})
    moves: list[Move] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    units_before: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    newest_unit: int | None = None

    def people(self, delivery: Delivery) -> None:
        if delivery.people is None and not delivery.gone and not delivery.jobs_gone:
            return
        delivery = self._completed(delivery)
        digests = self._digests(None if "people" in delivery.whole else self._named(delivery))
        fresh: list[PersonData] = []
        changed: list[PersonData] = []
        seen: set[str] = set()
        for said in delivery.people or ():
            seen.add(said.id)
            known = digests.get(said.id)
            if known is None:
                fresh.append(said)
            elif known[0] != digest_of(said.to_json()) or known[1]:
                changed.append(said)
            else:
                self.taken.same += 1
        self.taken.same += delivery.unchanged
        gone = set(delivery.gone) & digests.keys()
        if "people" in delivery.whole:
            gone |= digests.keys() - seen - delivery.kept
        gone = {ext for ext in gone if not digests[ext][1]}
        several = "people" in delivery.whole or len(gone) > 1
        known_now = self._known_people() if several or len(changed) >= LEAST else 0  # fewer trip no guard
        self.taken.same += len(set(delivery.kept) & digests.keys() - gone)
        for start in range(0, max(len(fresh), 1), _SLICE):
            self._write(fresh[start : start + _SLICE], [], ())
        for some in slices(changed, _SLICE):
            self._write([], some, ())
        for part in parts(gone):
            self._write([], [], part)
        self.taken.gone = sorted(gone)
        if several and self._guard("people", len(gone), known_now, known_now - len(gone)):
            self.taken.guard = f"{self.taken.guard}{written_otherwise(gone, [one.id for one in fresh])}"
        self._guard_lost(known_now)

    def _completed(self, delivery: Delivery) -> Delivery:
        """Jobs that a delivery does not name, of people of whom it names some only, stay as they were."""
        without: dict[str, set[str]] = {}
        for ext, job in delivery.jobs_gone:
            without.setdefault(ext, set()).add(job)
        if not delivery.partial and not without and not delivery.unsaid:
            return delivery
        rows = self._rows(sorted(delivery.partial | set(without) | set(delivery.unsaid)))
        known = {ext: PersonData.from_json(ext, row.said) for ext, row in rows.items()}
        people: list[PersonData] = []
        for said in delivery.people or ():
            was = known.pop(said.id, None)
            if was is not None and said.id in delivery.unsaid and rows[said.id].gone is None:
                said = only_what_it_says(said, was, delivery.unsaid[said.id])
            if was is not None and (said.id in delivery.partial or said.id in without):
                left = {name: spells for name, spells in was.jobs.items() if name not in without.get(said.id, ())}
                said = replace(said, jobs={**left, **said.jobs})
            people.append(said)
        for ext, was in known.items():
            if ext in without:
                left = {name: spells for name, spells in was.jobs.items() if name not in without[ext]}
                people.append(replace(was, jobs=left))
        return replace(delivery, people=people)

    def _named(self, delivery: Delivery) -> set[str]:
        return {one.id for one in delivery.people or ()} | set(delivery.gone)

    def _digests(self, only: set[str] | None) -> dict[str, tuple[int, bool]]:
        here = (self.host_id, self.source.id)
        rows = (
            fetch(self.session, _DIGESTS, *here)
            if only is None
            else fetch_named(self.session, _DIGESTS_OF_SOME, only, *here)
        )
        return {row[0]: (row[1], row[2] is not None) for row in rows}

    def _known_people(self) -> int:
        here = (Identity.host_id == self.host_id, Identity.source == self.source.id, Identity.gone.is_(None))
        return int(self.session.scalar(select(func.count()).select_from(Identity).where(*here)) or 0)

    def _write(self, fresh: Sequence[PersonData], changed: Sequence[PersonData], gone: Sequence[str]) -> None:
        if not fresh and not changed and not gone:
            return
        keys: set[str] = set()
        rows = self._rows([one.id for one in changed] + list(gone))
        dropped = [ext for one in changed for ext in self._change(rows[one.id], one, keys)]
        for ext in gone:
            row = rows[ext]
            self._remember(row)
            row.gone, row.digest = self.now, 0
            row.turns = next_turn(row, PersonData.from_json(row.ext, row.said), self.now, self.zone, self.source.freeze)
            keys.add(row.key)
            self._count_left(row, {})
        self.session.flush()
        ids = [row.id for row in rows.values()] + self._insert(fresh, keys)
        moved = join(self.session, self.source, keys, ids)
        for one in list(self.session.identity_map.values()):
            if isinstance(one, Identity):  # whom they belong to was written past the session's objects
                self.session.expire(one)
        self._follow(ids, moved, dropped)

    def _rows(self, exts: Sequence[str]) -> dict[str, Identity]:
        found: dict[str, Identity] = {}
        for part in parts(exts):
            query = select(Identity).where(
                Identity.host_id == self.host_id, Identity.source == self.source.id, Identity.ext.in_(part)
            )
            found.update({row.ext: row for row in self.session.scalars(query)})
        return found

    def _change(self, row: Identity, said: PersonData, keys: set[str]) -> list[str]:
        """Write what is said now of a known identity; returns the ids of jobs it no longer names."""
        self._remember(row)
        was = PersonData.from_json(row.ext, row.said)
        document, key = said.to_json(), normal_key(said.key, self.source.account_field)
        keys |= {row.key, key}
        if row.key != key and row.key and said.name and tidy(said.name) != tidy(row.name) and row.name:
            if row.person is not None or row.pinned is not None:
                row.why, row.pinned = SUSPENDED, None  # HR gave the id to somebody else (SOURCES 3.4)
        elif row.why == SUSPENDED and row.key != key:
            row.why = NO_ACCOUNT
        row.key, row.name, row.said, row.digest = key, said.name[:255], document, digest_of(document)
        row.gone = None
        row.left = None if said.active else (row.left if row.left is not None else self.left.get(said.id, self.now))
        row.turns = next_turn(row, said, self.now, self.zone, self.source.freeze)
        self._compare(row, was, said)
        self.taken.changed.append(row.ext)
        return job_exts(self.source, row.ext, set(was.jobs) - set(said.jobs))

    def _compare(self, row: Identity, was: PersonData, said: PersonData) -> None:
        self._count_left(row, said.jobs, was)
        for name in set(was.jobs) & set(said.jobs):
            old, new = was.jobs[name][-1], said.jobs[name][-1]
            if old.organisation != new.organisation or old.position != new.position:
                self.taken.moved.append(row.ext)
            if old.manager != new.manager:
                self.taken.managers.append(row.ext)

    def _count_left(self, row: Identity, jobs: Mapping[str, Sequence[Any]], was: PersonData | None = None) -> None:
        """Values lost though the record is still there, for the row guard (rules 5.6)."""
        if was is None or not jobs:
            return
        for name in ("organisation", "position", "manager"):
            had = any(getattr(one, name) for spells in was.jobs.values() for one in spells)
            has = any(getattr(one, name) for spells in jobs.values() for one in spells)
            if had and not has:
                self.lost[name] = self.lost.get(name, 0) + 1

    def _remember(self, row: Identity) -> None:
        self.taken.before.setdefault("people", {})[row.ext] = {"said": row.said, "gone": row.gone, "left": row.left}

    def _insert(self, fresh: Sequence[PersonData], keys: set[str]) -> list[int]:
        if not fresh:
            return []
        first = take_ids(self.session, self.host_id, "identity", len(fresh))
        rows: dict[str, list[Any]] = {name: [] for name in ("ext", "name", "key", "said", "digest", "left", "turns")}
        for said in fresh:
            document, key = said.to_json(), normal_key(said.key, self.source.account_field)
            keys.add(key)
            left = None if said.active else self.now
            blank = Identity(gone=None, left=left)
            turns = next_turn(blank, said, self.now, self.zone, self.source.freeze)
            values = (said.id, said.name[:255], key, json.dumps(document), digest_of(document), left, turns)
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
            self.taken.before.setdefault("people", {})[said.id] = None
        numbers = {"host_id": self.host_id, "id": list(range(first, first + len(fresh))), "source": self.source.id}
        insert_rows(self.session, Identity, {**numbers, **rows, "why": NO_ACCOUNT})
        self.taken.new += [said.id for said in fresh]
        return list(range(first, first + len(fresh)))

    def _follow(self, ids: Sequence[int], moved: Mapping[int, int | None], dropped: Sequence[str]) -> None:
        """Write to the mirror what changed of these identities and of those whose account changed."""
        everyone = sorted({*ids, *moved})
        rows: list[Identity] = []
        for part in parts(everyone):
            rows += self.session.scalars(
                select(Identity).where(Identity.host_id == self.host_id, Identity.id.in_(part))
            )
        done = follow(self.session, self.source, rows, moved, self.now, self.zone, dropped)
        self.written.add(done.written)
        self.moves += done.moves
        for kind in UNIT_KINDS:
            self.left_units[kind] |= done.left_units[kind]

    # --- the row guard

    def _guard(self, what: str, absent: int, known: int, read: int) -> bool:
        if self.taken.guard is None and known and absent and loses_too_much(absent, known, read):
            self.taken.guard = GONE[what] % {"gone": absent, "known": known}
            return True
        return False

    def _guard_lost(self, known: int) -> None:
        for name, count in sorted(self.lost.items()):
            if self.taken.guard is None and count >= LEAST and loses_too_much(count, known, known - count):
                self.taken.guard = LOST[name] % {"gone": count, "known": known}


def follow(
    session: Session, source: Source, rows: Sequence[Identity], moved: Mapping[int, int | None], now: int, zone: str,
    dropped: Sequence[str] = (),
) -> Projected:  # fmt: skip
    """Bring the mirror in line with these identities; ``moved``: by identity the account it had before."""
    done = project(session, source, rows, now, zone, dropped)
    people = {row.person for row in rows if row.person is not None} | {one for one in moved.values() if one is not None}
    if moved:
        exts = exts_of(session, source.host_id, people)
        renamed: dict[str, tuple[str, int | None]] = {}
        for row in rows:
            if row.id in moved:
                before = moved[row.id]
                own = source.ext(row.ext)
                old = exts.get(before, own) if before is not None else own
                now_named = exts.get(row.person, own) if row.person is not None else own
                renamed[old] = (now_named, row.person if row.person is not None else row.ghost)
        done.written.people |= rewire(session, source, renamed)
        done.written.people |= people
    done.written.add(members.follow(session, source, rows, now, zone))
    told = any(row.said.get("fields") for row in rows)
    done.written.people |= lay_over(session, source.host_id, people, now, zone, fields_told=told)
    return done
