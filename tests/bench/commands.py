"""``make bench-commands``: processor seconds that commands take to start, beside an empty Python."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

MOST = 0.25
"""Processor seconds that help may take."""
HELP = ("--help", "--version", "plan --help", "host list --help", "demo --help")
QUICK = ("setup-link", "host list", "db upgrade")
_MUSTER = "import sys; from plugin.cli import main; sys.exit(main(sys.argv[1:]))"


def processor(command: Sequence[str], environment: dict[str, str], times: int = 5) -> float:
    """Median processor seconds of a process and whatever it starts."""
    taken = []
    for _turn in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken)


def main() -> int:
    """Print a line for each command; exit status 1 where help takes longer than it may."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
            "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": f"sqlite:///{folder}/muster.sqlite3",
            "PYTHONPYCACHEPREFIX": folder,
        }  # fmt: skip
        subprocess.run(
            [sys.executable, "-c", _MUSTER, "db", "upgrade"], env=environment, check=True, capture_output=True
        )
        print(f"{'an empty Python':20} {processor([sys.executable, '-c', 'pass'], environment):6.3f} s")
        slow = 0
        for words in (*HELP, *QUICK):
            taken = processor([sys.executable, "-c", _MUSTER, *words.split()], environment)
            missed = words in HELP and taken > MOST
            slow += missed
            print(f"{'muster ' + words:20} {taken:6.3f} s{'  missed' if missed else ''}")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
