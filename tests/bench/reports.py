"""Reports beside a scan that counts their rows (REPORTS 7): first pages, overview, a day that is past, a file."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

from sqlalchemy import text

from plugin.core.database.process_cache import clear
from plugin.core.runtime import Runtime
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.files.export import Export
from plugin.reports.service import report
from tests.bench.meter import begun

SCAN = "SELECT count(*) FROM enrolment WHERE state > -1"
BARE = (
    "SELECT c.code, p.ext, e.state, e.due FROM enrolment e JOIN certification c ON c.host_id = e.host_id AND"
    " c.id = e.certification JOIN person p ON p.host_id = e.host_id AND p.id = e.person WHERE e.host_id = 1"
)
LITERAL = (SCAN, f"{BARE}  -- written by csv.writer")
FIRST_PAGES = {
    "report_unit": ("learners", "organisation=o4&state=assigned"),
    "report_due": ("learners", "due.next=400&state=assigned"),
    "report_sorted": ("learners", "state=assigned&active=true&sort=-due"),
    "report_names": ("learners", "state=assigned&active=true&sort=name"),
    "report_members": ("membership", "certification=C70&assignment_type=organisation"),
    "report_courses": ("courses", "certification=C70&organisation=o4"),
}
"""Two filters each."""
GOALS = {**dict.fromkeys(FIRST_PAGES, (1.0, 1.0)), "report_overview": (1.5, 1.5), "report_as_of": (0.0, 0.0),
         "report_csv": (2.5, 2.5)}  # fmt: skip
"""At most so many times the floor: SQLite, PostgreSQL."""
ENOUGH_MS = {**dict.fromkeys(FIRST_PAGES, (300.0, 300.0)), "report_as_of": (2000.0, 2000.0)}
"""Good enough whatever the ratio."""


def measured(runtime: Runtime, host: int) -> Iterator[tuple[str, float, float]]:
    """Operation, milliseconds of the product, and of the floor beside it."""
    scan = _median(lambda: _run(runtime, SCAN))
    for name, (source, query) in FIRST_PAGES.items():
        yield name, _median(lambda source=source, query=query: page(runtime, host, source, query)), scan  # type: ignore[misc]
    yield "report_overview", _median(lambda: page(runtime, host, "overview", "")), scan
    yield "report_as_of", _median(lambda: page(runtime, host, "learners", "certification=C70&as_of=2026-11-17")), scan
    clear()
    yield "report_csv", _median(lambda: _file(runtime, host), 1), _median(lambda: _bare(runtime), 1)


def _median(work: Callable[[], object], times: int = 3) -> float:
    taken = []
    for _turn in range(times):
        passed = begun()
        work()
        taken.append(passed())
    return statistics.median(taken)


def _run(runtime: Runtime, sql: str) -> None:
    with runtime.db.read() as session:
        session.execute(text(sql)).all()


def page(runtime: Runtime, host: int, source: str, query: str) -> None:
    """Ask for a page."""
    report(runtime, host, Reader("bench"), source, parse_qsl(query))


def _file(runtime: Runtime, host: int) -> None:
    question = parse_question("learners", [("columns", "certification,person,state,due")])
    export = Export(runtime, host, Reader("bench"), question, "csv")
    try:
        for _block in export:
            pass
    finally:
        export.close()


def _bare(runtime: Runtime) -> None:
    with runtime.db.read() as session:
        rows = session.connection().exec_driver_sql(BARE)
        while part := rows.fetchmany(2_000):
            csv.writer(io.StringIO()).writerows(part)
