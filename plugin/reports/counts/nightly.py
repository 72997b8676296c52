"""Counts every certification once a night, by organisation too; and works out ends of months that nobody counted.

A unit's past cannot be worked out afterwards: who was where is not kept (REPORTS 3).
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from datetime import time as clock

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.process_cache import cached, keep
from plugin.core.days import instant_of, local_day
from plugin.core.ids import upsert_for
from plugin.core.runtime import Runtime
from plugin.reports import overview
from plugin.reports.as_of import asker_as_of
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker, Reader
from plugin.reports.counts.tables import ReportCount
from plugin.reports.service import asker_of
from plugin.reports.sources import groups

MONTHS = 12
NIGHTS = 35
"""Nights of which every count is kept; of older ones the last of a month alone."""
KEPT = 400
"""Days after which the last of a month goes too."""
_MIDNIGHT = clock(0)
_NUMBERS = ("enrolled", "certified", "overdue")


def ends_of_months(day: date, months: int = MONTHS) -> list[date]:
    """The last days of so many months before a day's own, the latest first."""
    found = []
    for _month in range(months):
        day = day.replace(day=1) - timedelta(days=1)
        found.append(day)
    return found


def keep_counts(runtime: Runtime, host_id: int, *, seconds: float | None = None) -> int:
    """Count what was not counted yet of the day that ended last; returns how many certifications.

    :param seconds: nothing new is begun after so many.
    """
    until = time.monotonic() + seconds if seconds is not None else None
    done = 0
    with runtime.db.read() as session:
        asker = asker_of(runtime, session, host_id, Reader("rule"))
        today = local_day(asker.now, asker.zone)
        name, known = ("counted", host_id), (today, _certifications(session, host_id))
        if cached(session, name) == known:
            return 0
        owed = _owed(asker, today)
    for number, day in owed:
        if until is not None and time.monotonic() > until:
            return done
        with runtime.db.read() as session:
            asker = asker_of(runtime, session, host_id, Reader("rule"))
            found = _counted(asker, number, day, tonight=day == today - timedelta(1))
        runtime.db.transact(lambda session, found=found: _write(session, found))  # type: ignore[misc]  # mypy infers no type for a lambda with a default
        done += 1
    runtime.db.transact(lambda session: _forget(session, host_id, today))
    with runtime.db.read() as session:
        keep(session, name, known)
    return done


def _certifications(session: Session, host_id: int) -> tuple[int, ...]:
    return tuple(
        row[0] for row in fetch(session, "SELECT id FROM certification WHERE host_id = ? ORDER BY id", host_id)
    )


def _owed(asker: Asker, today: date) -> list[tuple[int, date]]:
    """Certifications and days that nobody counted: last night's first, then ends of months, never before a first save."""
    sql = "SELECT certification, min(at) FROM version WHERE host_id = ? GROUP BY certification ORDER BY certification"
    first = {row[0]: row[1] for row in asker.rows(sql, asker.host_id)}
    there = set(_certifications(asker.session, asker.host_id))
    days = list(dict.fromkeys([today - timedelta(1), *ends_of_months(today)]))
    listed = ", ".join(f"'{one.isoformat()}'" for one in days)
    sql = f"SELECT certification, day FROM report_count WHERE host_id = ? AND day IN ({listed})"
    done = set(asker.rows(sql, asker.host_id))
    ends = {one: instant_of(one + timedelta(1), _MIDNIGHT, asker.zone) for one in days}
    return [
        (number, one) for one in days for number, saved in first.items()
        if number in there and saved < ends[one] and (number, one.isoformat()) not in done
    ]  # fmt: skip


def _counted(asker: Asker, number: int, day: date, *, tonight: bool) -> dict[str, object]:
    """A row of the table. By organisation as things stand now, or as they stood on a day, without."""
    [(code, name)] = asker.rows(
        "SELECT code, name FROM certification WHERE host_id = ? AND id = ?", asker.host_id, number
    )
    row = {"host_id": asker.host_id, "certification": number, "day": day.isoformat(), "units": None}
    if not tonight:
        question = Question("overview", filters=(("certification", code),), as_of=day.isoformat())
        _columns, rows = overview.rows(asker_as_of(asker, question)[0], question)
        return {**row, **{one: rows[0][one] if rows else 0 for one in _NUMBERS}}
    asked = groups.OverviewSubject({number: (code, name)}, None, None, "organisation", frozenset())
    counted = overview.bitmaps(asker, asked, number)
    units = [
        (unit, *(people.intersection_cardinality(counted[one]) for one in _NUMBERS))
        for unit, people in groups.people_of_units(asker)
        if not people.isdisjoint(counted["enrolled"])
    ]
    packed = zlib.compress(np.array(units, np.int32).tobytes())
    return {**row, **{one: len(counted[one]) for one in _NUMBERS}, "units": packed}


def _write(session: Session, row: Mapping[str, object]) -> None:
    session.execute(upsert_for(session)(ReportCount).values(**row).on_conflict_do_nothing())


def _forget(session: Session, host_id: int, today: date) -> None:
    ends = [one.isoformat() for one in ends_of_months(today, 14)]
    old, nights = (today - timedelta(KEPT)).isoformat(), (today - timedelta(NIGHTS)).isoformat()
    here = ReportCount.host_id == host_id
    session.execute(delete(ReportCount).where(here, ReportCount.day < nights, ReportCount.day.not_in(ends)))
    session.execute(delete(ReportCount).where(here, ReportCount.day < old))


def counts_of(
    session: Session, host_id: int, certification: int, days: Sequence[date], unit: int | None
) -> dict[str, tuple[int, int, int]]:
    """Enrolled, certified and overdue on these days, as far as they were counted; of everybody, or of a unit."""
    rows = session.execute(
        select(ReportCount).where(
            ReportCount.host_id == host_id, ReportCount.certification == certification,
            ReportCount.day.in_([one.isoformat() for one in days]),
        )
    ).scalars()  # fmt: skip
    found = {}
    for row in rows:
        if unit is None:
            found[row.day] = (row.enrolled, row.certified, row.overdue)
        elif row.units is not None:
            table = np.frombuffer(zlib.decompress(row.units), np.int32).reshape(-1, 4)
            mine = table[table[:, 0] == unit]
            found[row.day] = (int(mine[0, 1]), int(mine[0, 2]), int(mine[0, 3])) if len(mine) else (0, 0, 0)
    return found
