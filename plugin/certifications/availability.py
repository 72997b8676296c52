"""From when until when a certification is available: calendar days in the host's zone, both included."""

from __future__ import annotations

from datetime import date, time, timedelta

from plugin.certifications.dates import fixed_instant
from plugin.certifications.definition import Definition


def available_from(definition: Definition, zone: str) -> int | None:
    """The first second of the first day; ``None`` is open."""
    day = _day(definition, "from")
    return None if day is None else fixed_instant(day, time(0), zone)


def available_until(definition: Definition, zone: str) -> int | None:
    """The first second after the last day; ``None`` is open."""
    day = _day(definition, "until")
    return None if day is None else fixed_instant(day + timedelta(days=1), time(0), zone)


def _day(definition: Definition, bound: str) -> date | None:
    value = definition.available.get(bound)
    return date.fromisoformat(str(value)) if value else None
