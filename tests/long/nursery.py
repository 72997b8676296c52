"""Starts Muster's and the sandbox's processes by forking itself, everything imported already, so that a process killed
is running again a moment later. Reads a command a line from standard input: ``start NAME LOG ARGUMENT…``, ``kill NAME``;
answers each with the child's process id.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import plugin.cli.server.serve
import plugin.jobs.worker
import plugin.sandbox.app  # noqa: F401 - imported once for all children
from plugin.cli import main as muster
from plugin.sandbox.__main__ import main as sandbox


def _become(log: str, arguments: list[str]) -> NoReturn:
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    status = 1
    try:
        status = sandbox(arguments[1:]) if arguments[0] == "sandbox" else muster(arguments)
    finally:
        os._exit(int(status or 0))


def nurse() -> None:
    """Until standard input ends; then every child is ended too."""
    children: dict[str, int] = {}
    for line in sys.stdin:
        act, name, *rest = line.split()
        if act == "start":
            child = os.fork()
            if child == 0:
                _become(rest[0], rest[1:])
            children[name] = child
        child = children[name]
        if act == "kill":
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            del children[name]
        print(child, flush=True)
    for child in children.values():
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    nurse()
