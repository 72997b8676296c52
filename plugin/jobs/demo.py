"""``muster demo``: Muster with a sandbox host, to try it; with ``--check`` the main job, unattended, over real HTTP."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin.jobs.demo_check import Failed, check

LIES = ("done_without_enrolling", "one_too_few", "ignore_withdrawal", "enrol_stranger", "wrong_item")
PATIENCE = 60.0
_MUSTER = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())"]


def demo(arguments: argparse.Namespace) -> int:
    """Run the demonstration until stopped, or its check to the end.

    Exit status 0 only when the host's own roster agreed at every step of the check.
    """
    if arguments.data:
        return _run(arguments, Path(arguments.data).absolute())
    if arguments.check:
        with tempfile.TemporaryDirectory(prefix="muster-demo-") as folder:
            return _run(arguments, Path(folder))
    return _run(arguments, Path("var/demo").absolute())


def _run(arguments: argparse.Namespace, data: Path) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    data.mkdir(parents=True, exist_ok=True)
    muster, sandbox = f"http://localhost:{arguments.port}", f"http://localhost:{arguments.sandbox_port}"
    environment = _environment(arguments, data, muster)
    try:
        with _everything(arguments, data, environment, muster, sandbox):
            if arguments.check:
                check(muster, sandbox, say=_say)
                _say("Everything agrees.")
                return 0
            _say(f"Open {sandbox} and choose who to be. Muster itself is at {muster}. Ctrl-C stops everything.")
            signal.pause()
    except Failed as failure:
        print(f"FAILED at step '{failure.step}': {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _interrupt(*_signal: object) -> None:
    """Stop as Ctrl-C does, so that nothing started here outlives us."""
    raise KeyboardInterrupt


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _environment(arguments: argparse.Namespace, data: Path, muster: str) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name not in ("MUSTER_NOW", "PORT")}
    database = os.environ.get("MUSTER_DEMO_DATABASE_URL") or f"sqlite:///{data}/muster.sqlite3"
    return given | {
        "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": database, "MUSTER_BASE_URL": muster,
        "PORT": str(arguments.port), "MUSTER_SECRET_KEYS": "demonstration-only-secret-key",
    }  # fmt: skip


@contextmanager
def _everything(
    arguments: argparse.Namespace, data: Path, environment: dict[str, str], muster: str, sandbox: str
) -> Iterator[None]:
    """Sandbox, database, registration, web and worker; all stopped at the end."""
    _say("Starting Muster and a learning site made up for it. The first time this takes some seconds.")
    folder = data / "sandbox"
    base = [sys.executable, "-m", "plugin.sandbox"]
    _once([*base, "init", "--data", str(folder), "--port", str(arguments.sandbox_port), "--muster", muster,
           "--people", str(arguments.people), "--units", str(arguments.units)], environment)  # fmt: skip
    _once([*_MUSTER, "db", "upgrade"], environment)
    lie = ["--lie", arguments.lie] if arguments.lie else []
    with _process([*base, "serve", "--data", str(folder), "--port", str(arguments.sandbox_port), *lie], environment):
        _wait(f"{sandbox}/world/state")
        _register(folder, environment)
        with _process([*_MUSTER, "run"], environment), _process([*_MUSTER, "work"], environment):
            _wait(f"{muster}/healthz")
            yield


def _register(folder: Path, environment: dict[str, str]) -> None:
    """Tell Muster of the sandbox, the first time, and pull what it knows."""
    connection = json.loads((folder / "connection.json").read_text(encoding="utf-8"))
    listed = subprocess.run(  # noqa: S603 - our own command
        [*_MUSTER, "host", "list", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    if not json.loads(listed.stdout):
        options = [
            f"--{name.replace('_', '-')}={value}"
            for name, value in connection.items()
            if name not in ("name", "muster")
        ]
        _once([*_MUSTER, "host", "add", connection["name"], *options], environment)
    _once([*_MUSTER, "sync", connection["name"]], environment)


def _once(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Failed("start", (done.stderr or done.stdout).strip() or f"{command[-1]} ended with {done.returncode}.")


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own command
    try:
        yield
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
