"""A report of everybody leaves as a file while twenty people use the pages: when it begins, what memory it takes, their p95."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READERS = 20
PAUSE = 3.0
"""Seconds between two pages of one reader, on average."""
LEAST, MOST = 20.0, 120.0
"""Seconds that the pages are read without a file."""
AT_ONCE = 8
"""Pages that one process serves together; who comes then waits, and the wait counts."""
_WORK = """
import sys, time
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.files.export import Export
from tests.bench.__main__ import HOST, peak, runtime_for
runtime = runtime_for(sys.argv[1])
with runtime.db.read():
    base = peak()
start = time.perf_counter()
pairs = [("columns", "certification,person,name,state,due,progress,assignment_names"), *[("sort", one) for one in sys.argv[3:]]]
export = Export(runtime, HOST, Reader("bench"), parse_question("learners", pairs), sys.argv[2])
next(export)
begun = time.perf_counter() - start
for _block in export:
    pass
rows = export.counted.rows
export.close()
print(rows, begun * 1000, base, peak())
"""


@dataclass(frozen=True)
class Exported:
    """What one file took. ``pages_ms``: how long the readers' pages took meanwhile, the 95th percentile; ``quiet_ms``: the same
    for as long again without a file, and how many pages either is of."""

    rows: int
    begun_ms: float
    seconds: float
    base_mb: float
    peak_mb: float
    pages_ms: float
    pages: int
    quiet_ms: float
    quiet: int


def exported(url: str, form: str, page: Callable[[int], object], sort: str = "") -> Exported:
    """Write a file in a process of its own while readers ask for pages in this one.

    :param page: asks for one of the pages.
    """
    start = time.perf_counter()
    with _read(page) as taken:
        ran = subprocess.run([sys.executable, "-c", _WORK, url, form, *([sort] if sort else [])], capture_output=True,
                             text=True, check=True, env=os.environ | {"PYTHONPATH": str(Path.cwd())})  # fmt: skip
    seconds = time.perf_counter() - start
    with _read(page) as quiet:
        time.sleep(min(max(seconds, LEAST), MOST))
    rows, begun, base, peak = ran.stdout.split()
    return Exported(int(rows), float(begun), seconds, int(base) / 1024, int(peak) / 1024, _late(taken), len(taken),
                    _late(quiet), len(quiet))  # fmt: skip


@contextmanager
def _read(page: Callable[[int], object]) -> Iterator[list[float]]:
    """Twenty people read until the block is over; how long each page took."""
    over, taken = threading.Event(), list[float]()
    served = threading.BoundedSemaphore(AT_ONCE)

    def reads(seed: int) -> None:
        dice = random.Random(seed)
        while not over.wait(dice.uniform(0, 2 * PAUSE)):
            start = time.perf_counter()
            with served:
                page(dice.randrange(1000))
            taken.append((time.perf_counter() - start) * 1000)

    readers = [threading.Thread(target=reads, args=(seed,)) for seed in range(READERS)]
    for one in readers:
        one.start()
    try:
        yield taken
    finally:
        over.set()
        for one in readers:
            one.join()


def _late(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1] if len(taken) > 1 else max(taken, default=1.0)


if __name__ == "__main__":
    from tests.bench import reports
    from tests.bench.__main__ import HOST, runtime_for

    runtime = runtime_for(sys.argv[1])
    asked = list(reports.FIRST_PAGES.values())
    for source, query in asked:
        reports.page(runtime, HOST, source, query)
    chosen = [tuple(one.split(":")) for one in sys.argv[2:]] or [("csv", ""), ("xlsx", ""), ("csv", "-progress")]
    for form, sort in chosen:
        found = exported(sys.argv[1], form, lambda n: reports.page(runtime, HOST, *asked[n % len(asked)]), sort)
        print(json.dumps({"form": form, "sort": sort, **vars(found)}), flush=True)
