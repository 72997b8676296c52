"""Many administrators at once: each with a session of her own walks the pages of *Assignments*, beside a bare page.

    python -m tests.bench.administrators                                   # 20 on SQLite, 200 on PostgreSQL, two minutes each
    python -m tests.bench.administrators --database sqlite --seconds 30

The server is gunicorn as the ``Procfile`` starts it. The bare page is ``/healthz`` of the same server, asked by the same
visitors in the same run; what is compared is the 95th percentile of both. Any answer but 200 is an error and ends with 1.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import read_settings
from plugin.core.clock import Clock
from plugin.core.database.tenant import enter
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.enrolment.settling.saves import settle_certifications
from plugin.migrations.run import upgrade
from plugin.population.stored_base import keep_base
from plugin.web.launch.session import Launch, open_session
from tests.bench.__main__ import KEYS, databases
from tests.bench.company import HOST, build, certify
from tests.live import free_port

SIZES = {"sqlite": 20, "postgresql": 200}
"""Administrators at once."""
PAUSE = 10.0
"""Seconds for which somebody looks at a page, on average."""
BARE = "/healthz"
ASSIGNMENTS = "/certifications/{n}/assignments"
WALK = (
    ASSIGNMENTS, f"{ASSIGNMENTS}/add/organisation", "/certifications/{n}/f/tree/organisation", f"{ASSIGNMENTS}/add/individual",
    "/certifications/{n}/f/search/individual?q=Person+1{n}", "/certifications/{n}/learners",
    "/certifications/{n}/history", "/certifications",
)  # fmt: skip
"""The pages of the tab and those beside it, in the order in which they are walked."""


@dataclass
class Found:
    """What visitors saw: milliseconds of each page, and of the bare one; answers by status."""

    tab: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        """Answers that were none, or not 200."""
        return self.statuses.total() - self.statuses["200"]

    @staticmethod
    def late(taken: list[float]) -> float:
        """The 95th percentile."""
        return statistics.quantiles(taken, n=20)[-1] if len(taken) > 1 else max(taken, default=0.0)

    def line(self, database: str, many: int) -> str:
        """What was found, as a row."""
        tab, bare = self.late(self.tab), self.late(self.bare)
        return (
            f"{database:11} {many:4} administrators  {len(self.tab):6} pages  p95 {tab:8.1f} ms   bare {len(self.bare):6}"
            f"  p95 {bare:8.1f} ms   ratio {tab / max(bare, 0.001):6.2f}   errors {self.errors}"
        )


def prepare(url: str, people: int, certifications: int, many: int) -> list[str]:
    """A company with certifications that are settled, and a session of each administrator: the handles."""
    settings = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_DATABASE_URL": url})
    enter(HOST)
    runtime = Runtime(settings, Database(url), Clock())
    upgrade(runtime.db)
    certify(runtime, build(runtime, people), certifications)
    settle_certifications(runtime, HOST)
    keep_base(runtime, HOST)
    with runtime.db.write() as session:
        visitors = [
            Launch(HOST, None, f"admin-{n}", f"Admin {n}", is_administrator=True, purpose="launch") for n in range(many)
        ]
        handles = [open_session(session, runtime, one)[0] for one in visitors]
    runtime.db.close()
    return handles


@contextmanager
def served(url: str, log: Path) -> Iterator[int]:
    """gunicorn as the ``Procfile`` starts it; the port it answers at."""
    port = free_port()
    environment = os.environ | {
        "MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_DATABASE_URL": url, "PORT": str(port),
        "PYTHONPATH": str(Path.cwd()),
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "plugin.wsgi:app"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        try:
            until = time.monotonic() + 120
            while time.monotonic() < until and not _answers(port):
                time.sleep(0.2)
            yield port
        finally:
            process.terminate()
            process.wait(60)


def _answers(port: int) -> bool:
    try:
        return ask(port, BARE) == 200
    except OSError:
        return False


def ask(port: int, path: str) -> int:
    """The status of an answer that was read to its end. By a connection of its own: none is kept while a page is looked at."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def walk(port: int, handles: list[str], certifications: int, seconds: float, pause: float = PAUSE) -> Found:
    """Let everybody walk at once for so long; each page is followed by the bare one once in four times."""
    found, lock, until = Found(), threading.Lock(), time.monotonic() + seconds

    def visitor(number: int) -> None:
        dice, step = random.Random(number), number
        time.sleep(dice.uniform(0, min(pause, seconds)))
        while time.monotonic() < until:
            page = f"/t/{handles[number]}" + WALK[step % len(WALK)].format(n=1 + (number + step) % certifications)
            for path in (page, BARE) if dice.random() < 0.25 else (page,):
                begun = time.perf_counter()
                try:
                    status = str(ask(port, path))
                except (OSError, http.client.HTTPException) as error:
                    status = type(error).__name__
                with lock:
                    (found.bare if path == BARE else found.tab).append((time.perf_counter() - begun) * 1000)
                    found.statuses[status if status == "200" else f"{status} {path.split('/', 3)[-1][:60]}"] += 1
            step += 1
            time.sleep(min(dice.uniform(0, 2 * pause), max(0.0, until - time.monotonic())))

    visitors = [threading.Thread(target=visitor, args=(number,)) for number in range(len(handles))]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join()
    return found


def main() -> int:
    """Print a line for each database; exit status 1 where any answer was an error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=[*SIZES], action="append")
    parser.add_argument("--administrators", type=int)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--certifications", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    asked = parser.parse_args()
    wrong = 0
    for database in asked.database or [*SIZES]:
        many = asked.administrators or SIZES[database]
        with tempfile.TemporaryDirectory() as folder, databases(Path(folder), database) as url:
            handles = prepare(url, asked.people, asked.certifications, many)
            with served(url, Path(folder) / "web.log") as port:
                found = walk(port, handles, asked.certifications, asked.seconds)
            print(found.line(database, many), flush=True)
            for status, count in found.statuses.items():
                if status != "200":
                    print(f"  {count} times {status}")
            wrong += found.errors
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
