"""From when until when a certification is available: calendar days in the host's zone, both included."""

from __future__ import annotations

from datetime import date, time, timedelta

from plugin.certifications.definition import AssignmentDef, Definition
from plugin.certifications.rules.due_dates import fixed_instant


def available_from(definition: Definition, zone: str) -> int | None:
    """The first second of the first day; ``None`` is open."""
    day = _day(definition, "from")
    return None if day is None else fixed_instant(day, time(0), zone)


def available_until(definition: Definition, zone: str) -> int | None:
    """The first second after the last day; ``None`` is open."""
    day = _day(definition, "until")
    return None if day is None else fixed_instant(day + timedelta(days=1), time(0), zone)


def starts_at(definition: Definition, row: AssignmentDef, zone: str) -> int | None:
    """When a row begins to match: the first second of its own first day or the certification's, whichever is later."""
    days = [date.fromisoformat(day) for day in (definition.starts, row.starts) if day]
    return fixed_instant(max(days), time(0), zone) if days else None


def _day(definition: Definition, bound: str) -> date | None:
    value = definition.available.get(bound)
    return date.fromisoformat(str(value)) if value else None
