"""Instants that pass while nobody works, in the middle of a read, and while hints come in; over real processes.

Each ends with what the host was told, since when Muster says so, and ``muster doctor --deep``. CI has fewer people, one
database, and runs within its own process what only prepares or looks; the worker, the web process and the read that is
killed are processes there too. ``make test-long`` has everything.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from plugin.cli import main
from plugin.core.clock import format_instant, parse_instant
from plugin.core.db import Database
from plugin.core.network.signing import signed_headers
from tests.conftest import KEYS
from tests.live import free_port
from tests.long.served_truth import SECRET, ServedTruth, serve_truth

LONG = bool(os.environ.get("MUSTER_LONG"))
ROOT = Path(__file__).parents[2]
MUSTER = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())"]
FILE = """
version: 1
certifications:
  - code: FS2
    name: Food
    kind: program
    state: live
    content: {certification: [{name: Core, courses: [c1], needs: all}]}
    assignments: [{organisation: o1, include: below, due: {after: enrolment, add: 14 days}}]
"""
OWED = (
    "SELECT (SELECT count(*) FROM seat WHERE owed) + (SELECT count(*) FROM call) + (SELECT count(*) FROM change WHERE"
    " settled < seq) + (SELECT count(*) FROM settling WHERE state <> 'done') + (SELECT count(*) FROM hint WHERE NOT done)"
)


class Site:
    """A host on a socket, and Muster's processes around one database."""

    def __init__(self, db: Database, host: ServedTruth, folder: Path) -> None:
        self.db, self.host, self.port = db, host, free_port()
        self.environment = {
            **os.environ, "MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "PORT": str(self.port),
            "MUSTER_DATABASE_URL": db.engine.url.render_as_string(hide_password=False),
            "MUSTER_QUEUE_URL": f"sqlite:///{folder}/queue.sqlite3", "MUSTER_BASE_URL": f"http://localhost:{self.port}",
        }  # fmt: skip

    def start(self, *arguments: str, now: str | None = None) -> subprocess.Popen[str]:
        """A process of Muster's. :param now: where its clock stands; without, it goes by the true time."""
        environment = {**self.environment, **({"MUSTER_NOW": now} if now else {})}
        return subprocess.Popen([*MUSTER, *arguments], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)  # fmt: skip

    def run(self, *arguments: str, now: str | None = None) -> str:
        """A command, to its end; returns what it printed."""
        if not LONG:
            return self._run_here(arguments, now)
        process = self.start(*arguments, now=now)
        said, _nothing = process.communicate(timeout=900)
        assert process.returncode == 0, said
        return said

    def _run_here(self, arguments: Sequence[str], now: str | None) -> str:
        """The same within this process: to start one takes longer than most commands do."""
        environment = {**self.environment, **({"MUSTER_NOW": now} if now else {})}
        said, aside = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(aside):
            for name, value in environment.items():
                patch.setenv(name, value)
            status = main(list(arguments))
        assert status == 0, said.getvalue() + aside.getvalue()
        return said.getvalue()

    @contextmanager
    def running(self, *arguments: str, now: str | None = None) -> Iterator[subprocess.Popen[str]]:
        """A process that runs until the block ends, and then stops as it is told to."""
        with open(os.devnull, "w") as nowhere:
            environment = {**self.environment, **({"MUSTER_NOW": now} if now else {})}
            process = subprocess.Popen(
                [*MUSTER, *arguments], cwd=ROOT, env=environment, stdout=nowhere, stderr=nowhere, text=True
            )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def begin(self, folder: Path, now: str | None = None) -> None:
        """Register the host, read it, assign its organisation, and do what is owed."""
        file = folder / "file.yaml"
        file.write_text(FILE)
        self.run("host", "add", *self.host.options("site"), now=now)
        self.run("sync", "site", now=now)
        self.run("apply", str(file), "--yes", now=now)
        self.run("work", "--once", now=now)

    def wait_until_quiet(self, roster: set[str], seconds: int = 600) -> None:
        """Until nothing is owed and the host has this roster."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with self.db.read() as session:
                owed = session.execute(text(OWED)).scalar_one()
            if not owed and self.host.roster("c1") == roster:
                return
            time.sleep(0.3)
        found = self.host.roster("c1")
        pytest.fail(f"Still {owed} owed; missing {sorted(roster - found)[:9]}, too many {sorted(found - roster)[:9]}.")

    def shown(self, now: str | None = None) -> dict[str, dict[str, Any]]:
        """``muster show``, by person: those who are enrolled."""
        rows = json.loads(self.run("show", "FS2", "--json", now=now))
        return {row["person"]: row for row in rows if row["active"]}


@pytest.fixture
def site(db: Database, tmp_path: Path) -> Iterator[Callable[[str], Site]]:
    """Makes a site in a zone."""
    stack: list[Any] = []

    def make(zone: str) -> Site:
        served = serve_truth(zone)
        host = served.__enter__()
        stack.append(served)
        host.put("units", "o1", kind="organisation", name="One", framework="f")
        host.put("units", "o2", kind="organisation", name="Two", framework="f", parent="o1")
        host.put("courses", "c1", name="Food")
        return Site(db, host, tmp_path)

    yield make
    for served in stack:
        served.__exit__(None, None, None)


def hire(host: ServedTruth, name: str, **job: Any) -> None:
    host.put("people", name, name=name.title())
    host.put("jobs", f"job-{name}", person=name, organisation="o2", **job)


# --- nobody works from Friday to Monday

FRIDAY, MONDAY = "2027-01-08T17:00:00-05:00", "2027-01-11T09:00:00-05:00"


@pytest.mark.long
@pytest.mark.one_database
def test_a_worker_that_was_down_from_friday_to_monday_misses_nobody(site: Any, tmp_path: Path) -> None:
    made: Site = site("America/New_York")
    host = made.host
    for number in range(60):
        hire(host, f"stays{number:02}")
    for number in range(20):
        hire(host, f"monday{number:02}", start="2027-01-11")
    for number in range(5):
        hire(host, f"saturday{number}", start="2027-01-09")
        hire(host, f"through-monday{number}", end="2027-01-11")
    for number in range(3):
        hire(host, f"last-friday{number}", end="2027-01-08")
        hire(host, f"last-sunday{number}", start="2027-01-04", end="2027-01-10")
        hire(host, f"weekend{number}", start="2027-01-09", end="2027-01-10")
    hire(host, "early", start="2027-01-11T08:30:00-05:00")
    hire(host, "late", start="2027-01-11T09:30:00-05:00")
    made.begin(tmp_path, now=FRIDAY)
    stay = {f"stays{n:02}" for n in range(60)} | {f"through-monday{n}" for n in range(5)}
    assert host.roster("c1") == stay | {f"last-{day}{n}" for day in ("friday", "sunday") for n in range(3)}
    made.run("exempt", "FS2", "--person", "stays00", "--reason", "A licence", "--until", "2027-01-10", now=FRIDAY)
    made.run("work", "--once", now=FRIDAY)

    # Nobody works, but somebody's timer reads the host; on Monday the worker finds changes that have nothing to do with it.
    host.put("people", "saturday0", name="Another name")
    host.put("people", "monday00", name="Another name")
    made.run("sync", "site", now="2027-01-09T12:00:00-05:00")
    host.put("people", "stays01", name="Another name")
    hire(host, "told-on-monday", start="2027-01-11")
    come = {f"monday{n:02}" for n in range(20)} | {f"saturday{n}" for n in range(5)} | {"early", "told-on-monday"}
    with made.running("work", now=MONDAY):
        made.wait_until_quiet(stay | come)
    rows = made.shown(now=MONDAY)
    assert set(rows) == stay | come
    since = {"saturday": "2027-01-09T05:00:00Z", "monday": "2027-01-11T05:00:00Z", "early": "2027-01-11T13:30:00Z"}
    for name in come - {"told-on-monday"}:
        began = since[name.rstrip("0123456789")]
        day = datetime.fromisoformat(began).date() + timedelta(days=15)  # 23:59 in New York is on the next day in UTC
        assert (rows[name]["spell_began"], rows[name]["due"]) == (began, f"{day}T04:59:00Z"), name
    assert rows["told-on-monday"]["spell_began"] == str(format_instant(parse_instant(MONDAY)))
    made.run("doctor", "--deep", now=MONDAY)


# --- a whole read across midnight

PEOPLE = 20_000 if LONG else 80
PAGE = max(16, PEOPLE // 20)


@pytest.mark.long
@pytest.mark.one_database
def test_a_whole_read_that_is_cut_short_before_midnight_and_goes_on_after_it(site: Any, tmp_path: Path) -> None:
    made: Site = site("Asia/Tokyo")
    host, names = made.host, [f"p{n:05}" for n in range(PEOPLE)]
    before, night, after = ("2027-03-31T23:59:30+09:00", "2027-04-01T00:00:10+09:00", "2027-04-01T00:01:00+09:00")
    host.truth.page = PAGE
    for name in names:
        hire(host, name)
    made.begin(tmp_path, now="2027-03-31T12:00:00+09:00")
    assert host.roster("c1") == set(names)
    joiners, leavers = turn_at(host, "2027-04-01", "2027-03-31")
    blocked, go_on = threading.Event(), threading.Event()
    first = host.asked.get("jobs", 0)

    def hold_third_page(kind: str, page: int) -> None:
        if kind == "jobs" and page == first + 3 and not go_on.is_set():
            blocked.set()
            go_on.wait(120)

    host.before_page = hold_third_page
    reading = made.start("sync", "site", "--full", now=before)
    assert blocked.wait(300)
    reading.kill()
    reading.communicate()
    go_on.set()
    made.run("work", "--once", now=night)
    made.run("sync", "site", now=after)
    made.run("work", "--once", now=after)
    expected = (set(names) | joiners) - leavers
    made.wait_until_quiet(expected, seconds=5)
    assert set(made.shown(now=after)) == expected
    made.run("doctor", "--deep", now=after)


def turn_at(host: ServedTruth, start: str, end: str) -> tuple[set[str], set[str]]:
    """As many as work there begin at an instant, and fewer than the guard minds end; who begins, and who ends."""
    joiners = {f"q{n:05}" for n in range(PEOPLE // 4)}
    leavers = {f"p{n:05}" for n in range(0, PEOPLE, PEOPLE // (400 if LONG else 8))}
    for name in sorted(joiners):
        hire(host, name, start=start)
    for name in sorted(leavers):
        hire(host, name, end=end)
    return joiners, leavers


@pytest.mark.long
@pytest.mark.one_database
def test_a_whole_read_during_which_jobs_begin_and_end_while_a_worker_works(site: Any, tmp_path: Path) -> None:
    made: Site = site("Europe/London")
    host, names = made.host, [f"p{n:05}" for n in range(PEOPLE)]
    host.truth.page = PAGE
    for name in names:
        hire(host, name)
    made.begin(tmp_path)
    midnight = int(time.time()) + (60 if LONG else 6)
    at = datetime.fromtimestamp(midnight, UTC).isoformat()
    joiners, leavers = turn_at(host, at, at)
    first = host.asked.get("jobs", 0)

    def wait_for_midnight(kind: str, page: int) -> None:
        if kind == "jobs" and page >= first + 3:
            time.sleep(max(0.0, midnight + 1 - time.time()))

    host.before_page = wait_for_midnight
    with made.running("work"):
        made.run("sync", "site", "--full")
        assert time.time() > midnight
        made.wait_until_quiet((set(names) | joiners) - leavers)
    made.run("doctor", "--deep")


# --- a hint a second while a thousand jobs begin

JOINERS, SECONDS, PAUSE = (1000, 60, 1.0) if LONG else (60, 4, 0.25)


@pytest.mark.long
@pytest.mark.one_database
def test_hints_that_come_in_while_jobs_begin_hide_none_of_them(site: Any, tmp_path: Path) -> None:
    made: Site = site("America/Sao_Paulo")
    host = made.host
    for number in range(20):
        hire(host, f"there{number:02}")
    made.begin(tmp_path)
    first = int(time.time()) + (45 if LONG else 6)
    starts = {f"new{n:04}": first + n * SECONDS // JOINERS for n in range(JOINERS)}
    for name, start in starts.items():
        hire(host, name, start=datetime.fromtimestamp(start, UTC).isoformat())
    made.run("sync", "site")
    with made.running("run"), made.running("work"):
        wait_for(f"http://localhost:{made.port}/healthz")
        count = 0
        while time.time() < first + SECONDS + 2:
            count += 1
            host.put("people", f"there{count % 20:02}", name=f"Name {count}")
            assert hint(made, f"h{count}", "person.changed", [f"there{count % 20:02}"]) == 202
            time.sleep(PAUSE)
        made.wait_until_quiet({*starts, *(f"there{n:02}" for n in range(20))})
    rows = made.shown()
    assert {name: rows[name]["spell_began"] for name in starts} == {
        name: format_instant(at) for name, at in starts.items()
    }
    made.run("doctor", "--deep")


def hint(made: Site, key: str, kind: str, ids: list[str]) -> int:
    now = int(time.time())
    body = json.dumps({"type": kind, "timestamp": format_instant(now), "data": {"ids": ids}})
    headers = signed_headers(SECRET, key, body, at=now)
    return requests.post(f"http://localhost:{made.port}/hooks/site", data=body, headers=headers, timeout=20).status_code


def wait_for(address: str) -> None:
    for _attempt in range(300):
        with suppress(requests.RequestException):
            if requests.get(address, timeout=2).ok:
                return
        time.sleep(0.1)
    pytest.fail(f"{address} did not answer")
