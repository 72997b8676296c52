"""A company whose processes can be killed at any instant: the sandbox host, Muster's web process, its workers."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, text

from plugin.jobs.demo_check import Browser, Failed, _launch, _save
from tests.live import free_port

MUSTER = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())"]
ROOT = Path(__file__).parents[2]
CODES = ("FS2", "HS1")
PATIENCE = 30
"""Seconds until a process is killed although it did nothing since it was started, as it may where all others are down."""
STAGES = {
    "web": ("web: saving", "web: between saves"),
    "host": ("host: answering", "host: idle"),
    "worker": ("worker: claimed, not sent", "worker: sent, not recorded", "worker: settling", "worker: between calls"),
}
FILE = """
version: 1
certifications:
  - &one
    code: FS2
    name: Food
    state: live
    content: {certification: [{name: Core, courses: [c1], needs: all}]}
    exceptions: {duplicate_course: assign}
    notifications: [{when: assigned, to: [learner]}, {when: withdrawn, to: [learner]}]
  - code: HS1
    name: Hygiene
    state: live
    content: {certification: [{name: Core, courses: [c1, c2], needs: all}]}
    exceptions: {duplicate_course: assign}
    notifications: [{when: assigned, to: [learner]}, {when: withdrawn, to: [learner]}]
""".replace("  - &one\n    code", "  - code")


class Company:
    """The processes, and what is looked at from outside."""

    def __init__(self, folder: Path, database_url: str, workers: int) -> None:
        self.folder = folder
        self.ports = {"web": free_port(), "host": free_port()}
        self.web, self.host = (f"http://localhost:{self.ports[name]}" for name in ("web", "host"))
        self.workers = [f"worker{number}" for number in range(1, workers + 1)]
        self.environment = {
            **os.environ, "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": database_url,
            "MUSTER_QUEUE_URL": f"sqlite:///{folder}/queue.sqlite3", "MUSTER_BASE_URL": self.web,
            "PORT": str(self.ports["web"]), "MUSTER_SECRET_KEYS": "kill-test-secret-key-long-enough", "MUSTER_MESSAGE_CAP": "10000000",
        }  # fmt: skip
        self.engine = create_engine(database_url, pool_pre_ping=True)
        self.pids: dict[str, int] = {}
        self.saving = threading.Event()
        self._effects, self._looked = 0, 0
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.long.nursery"], cwd=ROOT, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._orders = {
            "web": ["run"],
            "host": ["sandbox", "serve", "--data", f"{folder}/sandbox", "--port", str(self.ports["host"])],
            **{name: ["work"] for name in self.workers},
        }

    # --- processes

    def _order(self, *words: str) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(" ".join(words) + "\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())

    def start(self, name: str) -> None:
        """Start a process; it may take a moment until it answers."""
        self.pids[name] = self._order("start", name, f"{self.folder}/{name}.log", *self._orders[name])

    def kill(self, name: str) -> int:
        """kill -9, at whatever it is doing; returns its process id."""
        return self._order("kill", name)

    def stop(self) -> None:
        """End everything."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.close()
        self._nursery.wait()
        self._nursery.stdout.close()
        self.engine.dispose()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of Muster, to its end."""
        return subprocess.run(
            [*MUSTER, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )

    def prepare(self, people: int, units: int) -> None:
        """Make the world, register it, read it, define two certifications that share a course."""
        base = [sys.executable, "-m", "plugin.sandbox"]
        data = ["--data", str(self.folder / "sandbox"), "--port", str(self.ports["host"])]
        given = ["--muster", self.web, "--people", str(people), "--units", str(units)]
        subprocess.run([*base, "init", *data, *given], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        self.start("host")
        assert self.command("db", "upgrade").returncode == 0
        connection = json.loads((self.folder / "sandbox" / "connection.json").read_text())
        options = [f"--{k.replace('_', '-')}={v}" for k, v in connection.items() if k not in ("name", "muster")]
        self.wait_for(f"{self.host}/world/state")
        assert self.command("host", "add", "sandbox", *options).returncode == 0
        assert self.command("sync", "sandbox").returncode == 0
        file = self.folder / "certifications.yaml"
        file.write_text(FILE)
        applied = self.command("apply", str(file), "--yes")
        assert applied.returncode == 0, applied.stderr
        for name in ("web", *self.workers):
            self.start(name)
        self.wait_for(f"{self.web}/healthz")

    def wait_for(self, address: str) -> None:
        """Until an address answers."""
        for _attempt in range(300):
            with suppress(requests.RequestException):
                if requests.get(address, timeout=2).ok:
                    return
            time.sleep(0.1)
        pytest.fail(f"{address} did not answer")

    # --- looking

    def query(self, sql: str, **values: object) -> list[Any]:
        """Rows of Muster's database."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql), values))

    def one(self, sql: str, **values: object) -> int:
        """A count in Muster's database."""
        return int(self.query(sql, **values)[0][0] or 0)

    def _logged(self, sql: str, *values: object) -> list[Any]:
        """Rows of the host's own file."""
        log = sqlite3.connect(self.folder / "sandbox" / "sandbox.sqlite3", timeout=30)
        try:
            return log.execute(sql, values).fetchall()
        finally:
            log.close()

    def taken(self, call: str) -> bool:
        """Whether the host took a call."""
        latest = "SELECT call FROM log ORDER BY n DESC LIMIT 5000"
        return bool(self._logged(f"SELECT 1 FROM ({latest}) WHERE call = ?", call))

    def effects(self) -> int:
        """How many changes and messages took effect at the host so far."""
        last = int(self._logged("SELECT coalesce(max(n), 0) FROM log")[0][0])
        news = "SELECT count(*) FROM log WHERE n > ? AND n <= ? AND effective"
        self._effects += int(self._logged(news, self._looked, last)[0][0])
        self._looked = last
        return self._effects

    def up(self, name: str) -> bool:
        """Whether a process has begun its work since it was started."""
        if name in self.workers:
            return bool(self.one("SELECT count(*) FROM worker WHERE pid = :pid", pid=self.pids[name]))
        address = f"{self.web}/healthz" if name == "web" else f"{self.host}/world/state"
        with suppress(requests.RequestException):
            return requests.get(address, timeout=2).ok
        return False

    def at_work(self, victim: str, effects: int) -> None:
        """Until a process has begun its work and so much took effect at the host, however slow the machine is."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not (self.up(victim) and self.effects() >= effects):
            time.sleep(0.05)

    def reach(self, victim: str, stage: str) -> None:
        """Until a process is at a stage, if it comes there soon."""
        until = time.monotonic() + 3
        while time.monotonic() < until and self.stage(victim, self.pids[victim]) != stage:
            time.sleep(0.002)

    def stage(self, victim: str, pid: int) -> str:
        """Where a process is, or where the kill caught it, read from what it leaves behind."""
        if victim == "web":
            return "web: saving" if self.saving.is_set() else "web: between saves"
        if victim == "host":
            open_calls = self.one("SELECT count(*) FROM call WHERE lease <> ''")
            return "host: answering" if open_calls else "host: idle"
        calls = self.query("SELECT id FROM call WHERE lease LIKE :mine", mine=f"%:{pid}:%")
        if calls:
            taken = self.taken(calls[0][0])
            return "worker: sent, not recorded" if taken else "worker: claimed, not sent"
        if self.one("SELECT count(*) FROM settling WHERE state = 'running' AND lease LIKE :mine", mine=f"%:{pid}:%"):
            return "worker: settling"
        return "worker: between calls" if self.owed() else "worker: idle"

    def owed(self) -> int:
        """How much waits for a worker."""
        return self.one(
            "SELECT (SELECT count(*) FROM seat WHERE owed) + (SELECT count(*) FROM call) + (SELECT count(*) FROM message"
            " WHERE state IN ('owed', 'waiting', 'sending')) + (SELECT count(*) FROM change WHERE settled < seq)"
            " + (SELECT count(*) FROM settling WHERE state <> 'done')"
        )

    def wait_until_quiet(self, seconds: float = 900) -> None:
        """Until nothing is owed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self.owed():
                return
            time.sleep(0.3)
        pytest.fail(f"Still {self.owed()} owed after {seconds:.0f} seconds.")


class Changing(threading.Thread):
    """An administrator who never rests: assigns the whole company, removes it, on one certification or the other."""

    def __init__(self, one: Company, rng: Random) -> None:
        super().__init__(daemon=True)
        self._one, self._rng = one, rng
        self._stop_asked = threading.Event()
        self.saves = 0
        ids = dict(one.query("SELECT code, id FROM certification"))
        self._tabs = [f"/certifications/{ids[code]}/assignments" for code in CODES]

    def run(self) -> None:
        """Until asked to stop; what a killed process did not take is tried again with the next round."""
        while not self._stop_asked.is_set():
            try:
                self._save(self._rng.choice(self._tabs))
                self.saves += 1
            except (Failed, requests.RequestException, AttributeError, IndexError):
                self._stop_asked.wait(0.1)
            finally:
                self._one.saving.clear()

    def _save(self, address: str) -> None:
        browser = Browser()
        _launch(browser, self._one.host, lambda _said: None)
        base = browser.address.split("/t/")[0] + "/t/" + browser.address.split("/t/")[1].split("/")[0]
        tab = f"{base}{address}"
        self._one.saving.set()
        if "organisation:ORG-1" in browser.get(tab):
            browser.post(f"{tab}/remove", {"key": "organisation:ORG-1"})
        else:
            browser.post(f"{tab}/add/organisation", {"target": "ORG-1"})
            browser.post(f"{tab}/include", {"key": "organisation:ORG-1", "include": "below"})
        _save(browser, tab)
        self._one.saving.clear()
        self._stop_asked.wait(self._rng.random() * 0.6)

    def finish(self) -> None:
        """Stop after the save under way."""
        self._stop_asked.set()
        self.join(120)


@contextmanager
def company(folder: Path, database_url: str, workers: int, people: int, units: int) -> Iterator[Company]:
    """A company at work."""
    made = Company(folder, database_url, workers)
    try:
        made.prepare(people, units)
        yield made
    finally:
        made.stop()
