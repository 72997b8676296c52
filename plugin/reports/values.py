"""Values of a row as they are written: RFC 3339 in UTC, words, numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from plugin.core.clock import format_instant
from plugin.core.days import moment_of
from plugin.reports.columns import FLAG, INSTANT, LOCAL, Column, Row


@lru_cache(maxsize=100_000)
def written_instant(instant: int) -> str | None:
    """RFC 3339; many rows say the same instant."""
    return format_instant(instant)


def plain(column: Column, value: Any, zone: str) -> Any:
    """A value as JSON has it. :param zone: of columns in local time."""
    if value is None:
        return None
    if column.type == INSTANT:
        return written_instant(int(value))
    if column.type == LOCAL:
        return moment_of(int(value), zone).isoformat()
    if column.type == FLAG:
        return bool(value)
    return value


def item(columns: tuple[Column, ...], row: Row, zone: str) -> dict[str, Any]:
    """A row as JSON has it."""
    return {one.name: plain(one, row.get(one.name), zone) for one in columns}
