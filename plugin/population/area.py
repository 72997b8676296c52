"""Who is inside an area: whoever has at least one current job in its units, or below them (ACCESS 3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.area_scope import AREA, current_scope, whole
from plugin.population.sets import Population, population

KINDS = ("organisation", "position")
UNITS = "muster_units"
"""Beside who is asked: of which units, by our ids."""


def inside(people: Population, units: Collection[int]) -> BitMap:
    """Everybody of these units, by our ids, and of all below them."""
    return BitMap.union(BitMap(), *(people.matching((kind, unit, "below")) for unit in units for kind in KINDS))


def area_scope_of(units: Collection[int]) -> Mapping[str, Any]:
    """What sessions are told so that they look at an area alone."""
    chosen, known = frozenset(units), dict[tuple[int, int], BitMap]()

    def ask(session: Session, host_id: int) -> BitMap:
        if (found := known.get((id(session), host_id))) is None:
            with whole(session):
                found = inside(population(session, host_id), chosen)
            known.clear()
            known[id(session), host_id] = found
        return found

    return {AREA: ask, UNITS: chosen}


def acting_units() -> frozenset[int] | None:
    """The units of whoever acts now, where she works on an area alone."""
    found: frozenset[int] | None = current_scope().get(UNITS)
    return found


def acting_area(session: Session, host_id: int) -> BitMap | None:
    """The people of whoever acts now, in a transaction that looks at everybody; ``None`` for everybody."""
    units = acting_units()
    if units is None:
        return None
    with whole(session):
        return inside(population(session, host_id), units)
