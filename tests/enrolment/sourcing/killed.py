"""Loads files of a source in processes that are killed: run as ``python -m tests.enrolment.sourcing.killed URL``.

A line of input is ``SECONDS COUNT UNIT``: a process loads so many people, all of one unit but the first, who is of Legal, and
is killed after so many seconds.
Everything is imported before, so that a kill falls into the load. Answers ``done SECONDS`` or ``killed``.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from config.settings import read_settings
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.enrolment.sourcing import loads
from tests.conftest import KEYS, NOW
from tests.world import HOST


def content(count: int, unit: str) -> bytes:
    """A file of so many people. Legal never vanishes and is never new, so that nobody is asked about a new name (SOURCES 4.3)."""
    lines = "".join(f"{n:04},{unit if n else 'Legal'}\n" for n in range(count))
    return f"id,organisation\n{lines}".encode()


def _load(url: str, count: int, unit: str) -> None:
    settings = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS})
    runtime = Runtime(settings, Database(url), Clock(NOW))
    loads.load(runtime, HOST, "hr", [("people.csv", content(count, unit))], who="t", yes=True, force=True)


def main(url: str) -> None:
    """Serve orders until there are no more."""
    for line in sys.stdin:
        seconds, count, unit = line.split()
        child = os.fork()
        if not child:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is logged is no answer
            status = 1
            try:
                _load(url, int(count), unit)
                status = 0
            finally:
                os._exit(status)
        print(_watched(child, float(seconds)), flush=True)


def _watched(child: int, seconds: float) -> str:
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            assert status == 0, f"the load failed: {status}"
            return f"done {time.monotonic() - started}"
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "killed"


if __name__ == "__main__":
    main(sys.argv[1])
