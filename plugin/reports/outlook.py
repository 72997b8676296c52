"""What comes due, week by week, and how a certification stood at the end of each of the last twelve months."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from plugin.core.days import local_day
from plugin.reports import overview
from plugin.reports.as_of import asker_as_of
from plugin.reports.asking.learner_sets import certifications, target_id
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker, condition_of
from plugin.reports.counts.nightly import counts_of, ends_of_months
from plugin.reports.sources.cells import OF_HOST, TO_DO

WEEK, WEEKS = 7 * 86_400, 13


def due_by_week(asker: Asker, code: str) -> list[int]:
    """How many due dates fall into each of the next thirteen weeks, of one certification or of all."""
    where, values = OF_HOST, [asker.host_id]
    if code or asker.reader.certifications is not None:
        seen = certifications(asker)
        numbers = [seen[one] for one in seen if one == code or not code]
        where += f" AND e.certification IN ({', '.join(map(str, numbers)) or 'NULL'})"
    if asker.reader.people is not None:
        condition, more = condition_of(asker, "e.person", asker.reader.people)
        where, values = f"{where} AND {condition}", [*values, *more]
    week = f"(e.due - {asker.now} - 1) / {WEEK}"
    sql = (
        f"SELECT {week}, count(*) FROM enrolment e WHERE {where} AND {TO_DO} AND e.due > {asker.now}"
        f" AND e.due <= {asker.now + WEEKS * WEEK} GROUP BY 1"
    )
    found = {int(row[0]): int(row[1]) for row in asker.rows(sql, *values)}
    return [found.get(number, 0) for number in range(WEEKS)]


@dataclass(frozen=True)
class Month:
    """How a certification stood at the end of a month."""

    day: date
    enrolled: int
    certified: int
    overdue: int

    @property
    def percent(self) -> float | None:
        """Certified of those enrolled."""
        return self.certified * 100 // self.enrolled if self.enrolled else None


def trend(asker: Asker, code: str, under: str = "") -> list[Month]:
    """The ends of the last twelve months, the earliest first; months before its first save are left out.

    What was counted by night is read; what was not is worked out, but for a unit, whose past nobody keeps.

    :param under: a unit, for its people alone.
    """
    number = certifications(asker).get(code)
    if number is None:
        return []
    days = ends_of_months(local_day(asker.now, asker.zone))
    counted: dict[str, tuple[int, int, int]] = {}
    if asker.reader.people is None:
        unit = target_id(asker, "organisation", under) if under else None
        counted = counts_of(asker.session, asker.host_id, number, days, unit)
    sql = "SELECT min(at) FROM version WHERE host_id = ? AND certification = ?"
    [(first,)] = asker.rows(sql, asker.host_id, number)
    found = []
    for day in days:
        if first is None or day < local_day(first, asker.zone):
            break  # before its first save there was nobody
        here = counted.get(day.isoformat())
        if here is None and not under:
            here = _worked_out(asker, code, day)
        if here is not None and any(here):
            found.append(Month(day, *here))
        elif found and not under:
            break
    return found[::-1]


def _worked_out(asker: Asker, code: str, day: date) -> tuple[int, int, int] | None:
    question = Question("overview", filters=(("certification", code),), as_of=day.isoformat())
    earlier, _moment = asker_as_of(asker, question)
    _columns, rows = overview.rows(earlier, question)
    return (rows[0]["enrolled"], rows[0]["certified"], rows[0]["overdue"]) if rows and rows[0]["enrolled"] else None
