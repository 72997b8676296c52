"""The base of a host's sets as stored: written by one process, read by all that start (design point 2).

A stored base is as good as one read from the mirror's rows at its ``seq``: whoever uses it patches it with the people
changed since. It is believed only when every part is there, of one seq, and of the length and checksum it was written
with; otherwise it is as if there were none.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
from pyroaring import BitMap
from sqlalchemy import insert
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.database.columns import Ints
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.population.base import OPEN, PopulationBase
from plugin.population.base_reader import load_base
from plugin.population.tables import LearnerSetRow

STORE_ABOVE = 2_000
"""People changed since a stored base, above which a new one is stored."""
LEASE = 300
"""Seconds one process has to store a base before another may."""
_FORMAT = 1
"""Part of every checksum: bases stored by another release are rebuilt."""
_SETS = ("existing", "suspended")
_COLUMNS = (
    "job", "job_person", "organisation", "position", "boss_job", "boss_person", "member_audience", "member_person",
    "unit", "lft", "rgt",
)  # fmt: skip
_BOUNDS = ("starts", "ends")
"""Hardly any job has them: only those that are given are stored, with their positions."""


def read_base(session: Session, host_id: int, seq: int) -> PopulationBase | None:
    """The stored base, if there is one no newer than ``seq`` and beyond doubt."""
    rows = fetch(
        session, "SELECT part, seq, n, checksum, bits FROM learner_set WHERE host_id = ?", host_id, binary=True
    )
    found: dict[str, bytes] = {}
    for part, at, n, checksum, bits in rows:
        if at != rows[0][1] or at > seq or n != len(bits) or checksum != _checksum(bits):
            return None
        found[part] = bits
    try:
        return _unpacked(int(rows[0][1]), found) if rows else None
    except (KeyError, ValueError):  # another release stored other parts
        return None


def keep_base(runtime: Runtime, host_id: int) -> bool:
    """Store a new base where none is stored, or too many people changed since; returns whether this process did."""
    with runtime.db.read() as session:
        if not _is_due(session, host_id):
            return False
    now = runtime.clock.true()
    take = "UPDATE host_clock SET base_until = ? WHERE host_id = ? AND base_until < ?"
    if not runtime.db.transact(lambda session: run(session, take, now + LEASE, host_id, now)):
        return False
    with runtime.db.read() as session:
        seq, _as_of = read_clock(session, host_id)
        base = load_base(session, host_id, seq)
    runtime.db.transact(lambda session: write_base(session, host_id, base))
    return True


def write_base(session: Session, host_id: int, base: PopulationBase) -> None:
    """Put this base in the place of the stored one, and give the lease back."""
    run(session, "DELETE FROM learner_set WHERE host_id = ?", host_id)
    for part, bits in _packed(base):
        session.execute(insert(LearnerSetRow).values(
            host_id=host_id, part=part, seq=base.seq, n=len(bits), bits=bits, checksum=_checksum(bits)
        ))  # fmt: skip
    run(session, "UPDATE host_clock SET base_until = 0 WHERE host_id = ?", host_id)


def _is_due(session: Session, host_id: int) -> bool:
    """None stored, or so many changed since; judged by what costs no reading of the parts themselves."""
    stored = fetch(session, "SELECT min(seq) FROM learner_set WHERE host_id = ?", host_id)[0][0]
    if stored is None:
        return bool(read_clock(session, host_id)[0])
    changed = (
        f"SELECT count(*) FROM (SELECT 1 FROM change WHERE host_id = ? AND seq > ? LIMIT {STORE_ABOVE + 1}) AS since"
    )
    return bool(fetch(session, changed, host_id, stored)[0][0] > STORE_ABOVE)


def _packed(base: PopulationBase) -> Iterator[tuple[str, bytes]]:
    for name in _SETS:
        yield name, getattr(base, name).serialize()
    for name in _COLUMNS:
        yield name, _bytes_of(getattr(base, name))
    for name in _BOUNDS:
        bounds = getattr(base, name)
        given = np.flatnonzero(bounds != OPEN)
        yield name, _bytes_of(bounds[given])
        yield f"{name}_at", _bytes_of(given)


def _unpacked(seq: int, parts: dict[str, bytes]) -> PopulationBase:
    columns = {name: _column_of(parts[name]) for name in _COLUMNS}
    for name in _BOUNDS:
        columns[name] = np.full(len(columns["job"]), OPEN)
        columns[name][_column_of(parts[f"{name}_at"])] = _column_of(parts[name])
    existing, suspended = (BitMap.deserialize(parts[name]) for name in _SETS)
    return PopulationBase(seq=seq, existing=existing, suspended=suspended, **columns)


def _bytes_of(column: Ints) -> bytes:
    """Numbers in four bytes each where they fit, else in eight; the first byte says which."""
    small = not len(column) or bool(column.min() >= -(2**31) and column.max() < 2**31)
    return b"4" + column.astype("<i4").tobytes() if small else b"8" + column.astype("<i8").tobytes()


def _column_of(bits: bytes) -> Ints:
    return np.frombuffer(bits, "<i4" if bits[:1] == b"4" else "<i8", offset=1).astype(np.int64)


def _checksum(bits: bytes) -> int:
    return zlib.crc32(bits, _FORMAT)
