"""A browser at the sandbox host, with Muster, its worker and the sandbox running as processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_STARTS_WITHIN = 180


@dataclass(frozen=True)
class Running:
    """Addresses of what runs."""

    muster: str
    sandbox: str
    data: Path = Path()
    """Where the database is."""

    def world(self, path: str) -> object:
        """What the sandbox itself knows."""
        return requests.get(f"{self.sandbox}/world/{path}", timeout=30).json()

    def command(self, *arguments: str, typed: str = "") -> str:
        """Run a command of Muster beside what runs; returns what it printed."""
        environment = {**os.environ, "MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": "demonstration-only-secret-key",
                       "MUSTER_DATABASE_URL": f"sqlite:///{self.data}/muster.sqlite3"}  # fmt: skip
        command = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def hire(self, name: str, **job: object) -> str:
        """Somebody new, whom no other journey has assigned to anything; returns her id."""
        answer = requests.post(f"{self.sandbox}/world/hire", json={"name": name, **job}, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["person"])

    def act(self, name: str, **fields: object) -> None:
        """Change the sandbox's world; it hints to Muster."""
        requests.post(f"{self.sandbox}/world/{name}", json=fields, timeout=30).raise_for_status()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """``muster demo`` on free ports, in a folder of its own, with thirty certifications that no journey is about.

    They fill the first page of every list by name, so no journey passes only because it runs early.
    """
    for made in demonstration(tmp_path_factory.mktemp("journey"), "--empty"):
        names = "".join(f"  - {{code: ANOTHER-{number:02}, name: Another {number:02}}}\n" for number in range(30))
        made.command("apply", "-", "--yes", typed=f"version: 1\ncertifications:\n{names}")
        yield made


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same with its six certifications and a year behind them."""
    yield from demonstration(tmp_path_factory.mktemp("sample"))


def demonstration(folder: Path, *options: str) -> Iterator[Running]:
    """``muster demo`` with these options, until it is no longer needed."""
    ports = _free_port(), _free_port()
    command = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())", "demo",
               "--port", str(ports[0]), "--sandbox-port", str(ports[1]), "--data", str(folder), *options]  # fmt: skip
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        try:
            made = Running(f"http://localhost:{ports[0]}", f"http://localhost:{ports[1]}", folder)
            _wait(process, f"{made.muster}/healthz", folder / "demo.log")
            yield made
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(address, timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    pytest.fail(f"The demonstration did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The browser for one journey: its windows close with it, since an open page goes on asking Muster for news."""
    yield chromium
    for context in chromium.contexts:
        context.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Chromium from the PATH, or Playwright's own; without either the journeys are skipped, never in CI."""
    from playwright.sync_api import Error, expect, sync_playwright

    expect.set_options(timeout=20_000)  # Playwright's own five seconds are short beside other tests

    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    with sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error:
            if os.environ.get("CI"):
                raise
            pytest.skip("The browser journeys need Chromium, which is not on this machine.")
        yield launched
        launched.close()
