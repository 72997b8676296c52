"""Muster killed with -9 at any instant: afterwards the host's rosters are exactly right, and nobody was told twice.

CI runs a seeded tenth; ``make test-long`` runs all 200 (``MUSTER_LONG=1``).
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from plugin.jobs.demo_check import Browser, Failed, _launch, _save
from tests.live import free_port

KILLS = 200 if os.environ.get("MUSTER_LONG") else 20
PEOPLE, UNITS = 2400, 180
MUSTER = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())"]
ROOT = Path(__file__).parents[2]
STAGES = ("saving", "settling", "sending", "answered", "quiet")


class Company:
    """The sandbox, Muster's web process and its worker, each killable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"web": free_port(), "sandbox": free_port()}
        self.web = f"http://localhost:{self.ports['web']}"
        self.sandbox = f"http://localhost:{self.ports['sandbox']}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **os.environ, "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": f"sqlite:///{folder}/muster.sqlite3",
            "MUSTER_BASE_URL": self.web, "PORT": str(self.ports["web"]),
            "MUSTER_SECRET_KEYS": "kill-test-secret-key-long-enough",
        }  # fmt: skip

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MUSTER, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )

    def prepare(self) -> None:
        base = [sys.executable, "-m", "plugin.sandbox"]
        data = ["--data", str(self.folder / "sandbox"), "--port", str(self.ports["sandbox"])]
        subprocess.run(
            [*base, "init", *data, "--muster", self.web, "--people", str(PEOPLE), "--units", str(UNITS)],
            cwd=ROOT,
            check=True,
        )
        self._start("sandbox", [*base, "serve", *data])
        assert self.command("db", "upgrade").returncode == 0
        connection = json.loads((self.folder / "sandbox" / "connection.json").read_text())
        options = [f"--{k.replace('_', '-')}={v}" for k, v in connection.items() if k not in ("name", "muster")]
        self._wait(f"{self.sandbox}/world/state")
        assert self.command("host", "add", "sandbox", *options).returncode == 0
        assert self.command("sync", "sandbox").returncode == 0
        self.start("web")
        self.start("worker")

    def start(self, name: str) -> None:
        self._start(name, [*MUSTER, "run" if name == "web" else "work"])
        if name == "web":
            self._wait(f"{self.web}/healthz")

    def _start(self, name: str, command: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        log.close()

    def _wait(self, address: str) -> None:
        for _attempt in range(300):
            with suppress(requests.ConnectionError):
                if requests.get(address, timeout=2).ok:
                    return
            time.sleep(0.1)
        pytest.fail(f"{address} did not answer")

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def query(self, sql: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.folder / "muster.sqlite3", timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def stage(self) -> str:
        """Where the kill caught the path, read from what it left behind."""
        if self.query("SELECT 1 FROM settling WHERE state <> 'done'"):
            return "settling" if self.query("SELECT 1 FROM settling WHERE state = 'running'") else "saving"
        if self.query("SELECT 1 FROM call"):
            return "sending"
        if self.query("SELECT 1 FROM seat WHERE owed") or self.query(
            "SELECT 1 FROM message WHERE state IN ('owed', 'waiting')"
        ):
            return "answered"
        return "quiet"

    def wait_until_quiet(self) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if self.stage() == "quiet" and not self.query("SELECT 1 FROM change WHERE settled < seq"):
                return
            time.sleep(0.3)
        pytest.fail(f"Still {self.stage()} after two minutes.")


@contextmanager
def company(folder: Path) -> Iterator[Company]:
    made = Company(folder)
    try:
        made.prepare()
        yield made
    finally:
        made.stop()


def toggle(browser: Browser, sandbox: str, address: str, *, present: bool) -> None:
    """Assign the whole company, or nobody; a web process killed meanwhile is tried again by the next round."""
    _launch(browser, sandbox, lambda _said: None)
    base = browser.address.split("/t/")[0] + "/t/" + browser.address.split("/t/")[1].split("/")[0]
    tab = f"{base}{address}"
    browser.get(tab)
    if present:
        browser.post(f"{tab}/add/organisation", {"target": "ORG-1"})
        browser.post(f"{tab}/include", {"key": "organisation:ORG-1", "include": "below"})
    else:
        browser.post(f"{tab}/remove", {"key": "organisation:ORG-1"})
    _save(browser, tab)


@pytest.mark.long
def test_kills_at_any_instant_leave_the_rosters_exactly_right(tmp_path: Path) -> None:
    rng = random.Random(20261123)
    stages: Counter[str] = Counter()
    with company(tmp_path) as one:
        file = tmp_path / "food.yaml"
        file.write_text(
            "version: 1\ncertifications:\n  - code: FS2\n    name: Food\n    state: live\n"
            "    content: {certification: [{name: Core, courses: [c1], needs: all}]}\n"
            "    notifications: [{when: assigned, to: [learner]}, {when: withdrawn, to: [learner]}]\n"
        )
        assert one.command("apply", str(file), "--yes").returncode == 0
        one.wait_until_quiet()
        number = one.query("SELECT id FROM certification")[0][0]
        present = False
        for turn in range(KILLS):
            present = not present
            with suppress(Failed, requests.RequestException):
                toggle(Browser(), one.sandbox, f"/certifications/{number}/assignments", present=present)
            time.sleep(rng.random() * 4.0)
            victim = "web" if turn % 5 == 4 else "worker"
            one.kill(victim)
            stages[one.stage()] += 1
            one.start(victim)
        one.wait_until_quiet()
        check(one)
    print("\nkills by stage:", dict(stages))
    assert sum(stages.values()) == KILLS
    if os.environ.get("MUSTER_LONG"):
        assert all(stages[stage] for stage in ("settling", "sending", "answered", "quiet")), stages


def check(one: Company) -> None:
    """What must be true of the host's log and rosters, and of everything stored."""
    live = {row[0] for row in one.query("SELECT target FROM assignment WHERE live")}
    everyone = requests.get(f"{one.sandbox}/world/people?unit=ORG-1&below=1", timeout=30).json()
    expected = {row["id"] for row in everyone if row["state"] == "active"} if live else set()
    roster = requests.get(f"{one.sandbox}/world/roster/c1", timeout=30).json()
    assert {row["person"] for row in roster if row["state"] == "active"} == expected
    log = requests.get(f"{one.sandbox}/world/log", timeout=60).json()
    changes = Counter(
        (row["key"], row["generation"]) for row in log if row["type"] == "seats.changed" and row["effective"]
    )
    assert max(changes.values(), default=0) <= 1
    told = Counter(row["key"] for row in log if row["type"] == "message.send" and row["effective"])
    assert max(told.values(), default=0) <= 1
    assert one.query("SELECT 1 FROM seat WHERE confirmed = 3") == []
    doctor = one.command("doctor", "--deep")
    assert (doctor.returncode, doctor.stdout) == (0, "Everything is as it should be.\n")
