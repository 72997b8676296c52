"""``muster demo``: Muster with a sandbox host, to try it; with ``--check`` the main job, unattended, over real HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from plugin.jobs.demo_check import Failed, check

LIES = ("done_without_enrolling", "one_too_few", "ignore_withdrawal", "enrol_stranger", "wrong_item")
PATIENCE = 180.0
_MUSTER = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())"]
_READY = "import sys, {module}; sys.stdin.readline(); from plugin.cli import main; sys.exit(main())"
"""A command of Muster that has read its modules and waits for a line: while the sample is built, on another core."""


@dataclass(frozen=True)
class DemoOptions:
    """The options of ``muster demo``."""

    check: bool
    lie: str | None
    port: int
    sandbox_port: int
    people: int
    units: int
    data: str | None
    empty: bool = False


def demo(wanted: DemoOptions) -> int:
    """Run the demonstration until stopped, or its check to the end.

    Exit status 0 only when the host's own roster agreed at every step of the check.
    """
    if wanted.data:
        return _run(wanted, Path(wanted.data).absolute())
    if wanted.check:
        with tempfile.TemporaryDirectory(prefix="muster-demo-") as folder:
            return _run(wanted, Path(folder))
    return _run(wanted, Path("var/demo").absolute())


def _run(wanted: DemoOptions, data: Path) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    data.mkdir(parents=True, exist_ok=True)
    muster, sandbox = f"http://{_here()}:{wanted.port}", f"http://{_here()}:{wanted.sandbox_port}"
    environment = _environment(wanted, data, muster)
    try:
        with _everything(wanted, data, environment, muster, sandbox):
            if wanted.check:
                check(muster, sandbox, say=_say)
                _say("Everything agrees.")
                return 0
            _say(f"Open {sandbox} and choose who to be. Muster itself is at {muster}.")
            _say(f"What Muster writes down of its work is in {data / 'muster.log'}. Ctrl-C stops everything.")
            signal.pause()
    except Failed as failure:
        print(f"FAILED at step '{failure.step}': {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _here() -> str:
    """What this machine calls itself: a bare root file system may have no ``/etc/hosts`` that knows ``localhost``."""
    try:
        socket.getaddrinfo("localhost", None)
    except OSError:
        return "127.0.0.1"
    return "localhost"


def _interrupt(*_signal: object) -> None:
    """Stop as Ctrl-C does, so that nothing started here outlives us."""
    raise KeyboardInterrupt


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _environment(wanted: DemoOptions, data: Path, muster: str) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name not in ("MUSTER_NOW", "PORT")}
    database = os.environ.get("MUSTER_DEMO_DATABASE_URL") or f"sqlite:///{data}/muster.sqlite3"
    return given | {
        "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": database, "MUSTER_BASE_URL": muster,
        "PORT": str(wanted.port), "MUSTER_SECRET_KEYS": "demonstration-only-secret-key",
    }  # fmt: skip


@contextmanager
def _everything(
    wanted: DemoOptions, data: Path, environment: dict[str, str], muster: str, sandbox: str
) -> Iterator[None]:
    """Sandbox, database, registration, web and worker; all stopped at the end."""
    _say("Starting Muster and a learning site made up for it. The first time this takes some seconds.")
    for port in (wanted.port, wanted.sandbox_port):
        _refuse_taken(port)
    folder = data / "sandbox"
    base = [sys.executable, "-m", "plugin.sandbox"]
    made = [*base, "init", "--data", str(folder), "--port", str(wanted.sandbox_port), "--muster", muster,
            "--people", str(wanted.people), "--units", str(wanted.units)]  # fmt: skip
    with ThreadPoolExecutor() as both:
        list(both.map(lambda command: _once(command, environment), (made, [*_MUSTER, "db", "upgrade"])))
    lie = ["--lie", wanted.lie] if wanted.lie else []
    with (
        (data / "muster.log").open("ab") as log,
        _process(
            [*base, "serve", "--data", str(folder), "--port", str(wanted.sandbox_port), "--wait-for-tool", *lie],
            environment,
            log,
        ),
        _process([sys.executable, "-c", _READY.format(module="plugin.app"), "run"], environment, log) as web,
        _process([sys.executable, "-c", _READY.format(module="plugin.jobs.work"), "work"], environment, log) as worker,
    ):
        _wait(f"{sandbox}/world/state")
        _register(folder, environment, sample=not (wanted.check or wanted.empty))
        for process in (web, worker):
            _go(process)
        _wait(f"{muster}/healthz")
        yield


def _go(process: subprocess.Popen[bytes]) -> None:
    """Let a command begin that waits for its line."""
    if process.stdin is not None:
        process.stdin.write(b"\n")
        process.stdin.close()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Failed(
                "start",
                f"Something listens on port {port} already. Choose others: make run PORT=8010 SANDBOX_PORT=8011",
            )


def _register(folder: Path, environment: dict[str, str], *, sample: bool) -> None:
    """Tell Muster of the sandbox, the first time, and pull what it knows.

    :param sample: with certifications to look at, which began long ago.
    """
    _once(
        [sys.executable, "-m", "plugin.jobs.sample", str(folder / "connection.json"), *(["--began"] if sample else [])],
        environment,
    )


def _once(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise Failed("start", (done.stderr or done.stdout).strip() or f"{command[-1]} ended with {done.returncode}.")


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise Failed("start", f"{url} did not answer.")
