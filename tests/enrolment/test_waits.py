"""Nothing that holds a time is forgotten: each column is named, with what is done at that instant."""

from __future__ import annotations

from sqlalchemy import BigInteger, Date, DateTime, Time

from plugin.enrolment.settling import waits
from plugin.schema import metadata

_KINDS = (waits.TICKED, waits.AWOKEN, waits.TOLD, waits.DUE_NOW, waits.EXPIRING, waits.RECORDED, waits.NUMBERS)


def test_every_column_that_may_hold_a_time_is_named() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values() for column in table.columns
        if isinstance(column.type, BigInteger | DateTime | Date | Time)
    }  # fmt: skip
    named = set().union(*_KINDS)
    assert found - named == set(), "say in plugin/enrolment/settling/waits.py what is done at these instants"
    assert named - found == set(), "no longer there"


def test_no_column_only_records_what_something_waits_for() -> None:
    waited = set().union(waits.TICKED, waits.AWOKEN, waits.TOLD, waits.DUE_NOW, waits.EXPIRING)
    assert waited & (waits.RECORDED | waits.NUMBERS) == set()
