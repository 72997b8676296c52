"""Files of HR are loaded whole or not at all, and do exactly what their plan said."""

from __future__ import annotations

import csv
import io
import os
import random
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.settling.tick import tick
from plugin.enrolment.sourcing import fetching, kept, loads, source_input, undoing
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.tables import Enrolment
from plugin.hosts.csv import last_file
from plugin.hosts.csv.file_faults import Unreadable
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.sources.tables import Identity, SourceLoad
from plugin.mirror.tables import Job, Unit
from tests.enrolment.test_settle import active
from tests.world import HOST, World, row

PEOPLE = 30


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = World(runtime)
    for n in range(PEOPLE):
        made.people(f"p{n}", number=f"{n:03}")
    with runtime.db.write() as session:
        setup.add_source(
            session, HOST, "hr", "csv", join_by="id=number", mapping={"separator": "/"}, at=made.now, who="t"
        )
    return made


def people(units: dict[int, str], managers: dict[int, int] | None = None) -> list[tuple[str, bytes]]:
    lines = ["Personalnummer;Abteilung;Vorgesetzter;Eintritt"]
    for n, unit in units.items():
        boss = (managers or {}).get(n)
        lines.append(f"{n:03};{unit};{'' if boss is None else f'{boss:03}'};{n % 28 + 1:02}.03.2020")
    return [("people.csv", ("\r\n".join(lines) + "\r\n").encode("cp1252"))]


def load(world: World, files: list[tuple[str, bytes]], **how: Any) -> dict[str, Any]:
    done = loads.load(world.runtime, HOST, "hr", files, who="tester", **{"yes": True, **how}).document
    world.settle()
    return done


def state(world: World) -> list[Any]:
    """Everything that a load may change, as rows."""
    with world.runtime.db.read() as session:
        found: list[Any] = []
        for columns in (
            (Identity.ext, Identity.person, Identity.why, Identity.gone, Identity.said),
            (Job.ext, Job.person_ext, Job.organisation_ext, Job.manager_ext, Job.ends, Job.gone),
            (Unit.ext, Unit.name, Unit.gone), (Enrolment.certification, Enrolment.person, Enrolment.state, Enrolment.hold),
        ):  # fmt: skip
            found.append(sorted(map(repr, session.execute(select(*columns)).all())))
        return found


def test_the_first_load_waits_and_its_plan_writes_nothing(world: World) -> None:
    world.settle()
    files = people(dict.fromkeys(range(5), "Büro / Nacht"))
    before = state(world)
    plan = loads.plan(world.runtime, HOST, "hr", files).document
    assert state(world) == before
    assert plan["files"] == [{"kind": "people", "name": "people.csv", "rows": 5, "used": 5, "refused": []}]
    assert (plan["matched"], plan["identities"]["new"], plan["units"]["new"], plan["guard"]) == (5, 5, 2, None)
    with pytest.raises(NotLoaded, match="first load"):
        loads.load(world.runtime, HOST, "hr", files, who="t")
    assert state(world) == before
    assert load(world, files) == plan


def test_people_who_move_are_moved_and_a_half_file_is_held(world: World) -> None:
    everybody = dict.fromkeys(range(20), "A") | dict.fromkeys(range(20, PEOPLE), "B")
    load(world, people(everybody))
    world.save("fs", row("organisation", "hr:B"))
    assert len(active(world)) == 10
    moved = everybody | dict.fromkeys(range(4), "B")
    plan = loads.plan(world.runtime, HOST, "hr", people(moved)).document
    assert plan["certifications"] == [
        {"code": "fs", "newly": 4, "withdrawn": 0, "redated": 0, "held_back": 0, "messages": 0}
    ]  # fmt: skip
    assert load(world, people(moved), yes=False) == plan
    assert len(active(world)) == 14
    half = {n: unit for n, unit in moved.items() if n < PEOPLE // 2}
    plan = loads.plan(world.runtime, HOST, "hr", people(half)).document
    assert plan["guard"] is not None
    before = state(world)
    with pytest.raises(NotLoaded) as refusal:
        loads.load(world.runtime, HOST, "hr", people(half), who="t")
    assert refusal.value.plan is not None
    assert refusal.value.plan.document == plan
    with pytest.raises(NotLoaded, match="fewer than half"):
        load(world, people({0: "A"}))
    assert state(world) == before
    assert examine(world.runtime, deep=True) == []


def test_confirmed_withdrawals_must_name_the_number_of_the_plan(world: World) -> None:
    load(world, people(dict.fromkeys(range(PEOPLE), "A")))
    world.save("fs", row("organisation", "hr:A"))
    moved = people(dict.fromkeys(range(15), "B") | dict.fromkeys(range(15, PEOPLE), "A"))
    plan = loads.plan(world.runtime, HOST, "hr", moved).document
    assert plan["certifications"][0]["withdrawn"] == 15
    with pytest.raises(NotLoaded, match="the plan says 15"):
        load(world, moved, allow=14)
    assert load(world, moved, allow=15) == plan
    assert len(active(world)) == 15


def test_without_a_confirmation_the_withdrawal_guard_holds(world: World) -> None:
    load(world, people(dict.fromkeys(range(PEOPLE), "A")))
    world.save("fs", row("organisation", "hr:A"))
    load(world, people(dict.fromkeys(range(15), "B") | dict.fromkeys(range(15, PEOPLE), "A")), yes=False)
    assert len(active(world)) == PEOPLE
    assert examine(world.runtime, deep=True) == []


def test_a_row_that_cannot_be_used_leaves_its_person_as_she_was(world: World) -> None:
    load(world, people(dict.fromkeys(range(5), "A")))
    name, data = people(dict.fromkeys(range(5), "B"))[0]
    broken = data.replace(b"002;B;;03.03.2020", b"002;B;;99.99.2020")
    done = load(world, [(name, broken)])
    assert [(one["line"], one["column"]) for one in done["files"][0]["refused"]] == [(4, "Eintritt")]
    with world.runtime.db.read() as session:
        jobs = dict(session.execute(select(Job.ext, Job.organisation_ext)).all())
    assert (jobs["hr:002"], jobs["hr:003"]) == ("hr:A", "hr:B")


def test_too_many_rows_that_cannot_be_used_stop_the_file(world: World) -> None:
    load(world, people(dict.fromkeys(range(PEOPLE), "A")))
    before = state(world)
    name, data = people(dict.fromkeys(range(PEOPLE), "B"))[0]
    with pytest.raises(NotLoaded, match="11 of 30 rows"):
        load(world, [(name, data.replace(b";;0", b";;99.", 12))], force=True)
    assert state(world) == before


def test_an_older_file_is_refused_unless_forced(world: World) -> None:
    data = people(dict.fromkeys(range(5), "A"))[0][1]
    load(world, [("People_2026-11-30.CSV", data)])
    with pytest.raises(NotLoaded, match="older"):
        load(world, [("People_2026-11-29.CSV", data)])
    load(world, [("People_2026-11-29.CSV", data)], force=True)


def test_the_day_of_the_last_dated_file_counts_though_an_undated_one_came_between(world: World) -> None:
    data = people(dict.fromkeys(range(5), "A"))[0][1]
    load(world, [("People_2026-11-30.CSV", data)])
    load(world, [("people.csv", data)])
    with pytest.raises(NotLoaded, match="older than the one read last, of 2026-11-30"):
        load(world, [("People_2026-11-29.CSV", data)])


def test_a_half_file_is_kept_for_force_and_takes_no_held_loads_place(world: World) -> None:
    files = [people(dict.fromkeys(range(many), "A")) for many in (PEOPLE, 18, 4)]
    load(world, files[0])

    def waits() -> list[str]:
        with world.runtime.db.read() as session:
            found = kept.waiting(session, HOST, "hr")
            return [] if found is None else [found[0].reason, str(kept.is_unfit(found[0]))]

    with pytest.raises(NotLoaded):
        loads.load(world.runtime, HOST, "hr", files[2], who="schedule", keep=False)
    assert waits() == []
    with pytest.raises(NotLoaded, match="fewer than half"):
        load(world, files[2])
    assert waits() == ["people.csv has 4 rows, fewer than half of the 30 before: it may be half written.", "True"]
    with pytest.raises(NotLoaded, match="fewer than half"):
        fetching.load_now(world.runtime, HOST, "hr", who="t", yes=True)
    with pytest.raises(NotLoaded, match="12 of 30"):
        load(world, files[1], yes=False)
    with pytest.raises(NotLoaded, match="fewer than half"):
        load(world, files[2])
    assert waits() == ["12 of 30 people would be gone: more than the row guard lets through.", "False"]
    plan = loads.plan(world.runtime, HOST, "hr", files[2]).document["guard"]
    assert ("fewer than half" in plan, "26 of 30 people would be gone" in plan) == (True, True)
    assert fetching.load_now(world.runtime, HOST, "hr", who="t", yes=True) is not None
    assert waits() == []


def test_undo_wants_a_look_where_the_row_guard_would(world: World) -> None:
    load(world, people(dict.fromkeys(range(PEOPLE), "A")))
    before = state(world)
    with pytest.raises(NotLoaded, match="undo with --yes"):
        undoing.undo(world.runtime, HOST, "hr", who="t")
    assert state(world) == before
    undoing.undo(world.runtime, HOST, "hr", who="t", yes=True)


def test_undo_restores_the_records_as_they_were(world: World) -> None:
    load(world, people({0: "A", 1: "A", 2: "B"}, {1: 0}))
    world.save("fs", row("organisation", "hr:A"))
    before = state(world)
    load(world, people({0: "B", 2: "B", 3: "A"}, {3: 2}))
    assert active(world) == {"p3"}
    with pytest.raises(NotLoaded, match="undo with --yes"):
        undoing.undo(world.runtime, HOST, "hr", who="t")
    with pytest.raises(NotLoaded, match="says 2, the plan says 1"):
        undoing.undo(world.runtime, HOST, "hr", who="t", yes=True, allow=2)
    undoing.undo(world.runtime, HOST, "hr", who="t", allow=1)
    world.settle()
    assert active(world) == {"p0", "p1"}
    live = [[one for one in part if "True" not in one] for part in before[1:3]]
    assert live[0] == [one for one in state(world)[1] if "hr:003" not in one]
    with world.runtime.db.read() as session:
        assert session.scalars(select(SourceLoad.state).order_by(SourceLoad.id)).all() == ["done", "undone"]


def test_an_unreadable_file_says_where(world: World) -> None:
    with pytest.raises(Unreadable, match="line 1"):
        loads.plan(world.runtime, HOST, "hr", [("people.csv", b"a,b\n1,2\n")])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20 if os.environ.get("MUSTER_LONG") else 2))
def test_every_load_does_what_its_plan_said(world: World, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the even ones the rows that differ are read alone, as of large files."""
    if seed % 2 == 0:
        monkeypatch.setattr(last_file, "FEWEST", 1)
    rng = random.Random(seed)
    names = ["A", "A / X", "A / Y", "B", "B / Z"]
    load(world, people({n: rng.choice(names) for n in range(PEOPLE)}))
    world.save("below", row("organisation", "hr:A", "below"))
    world.save("one", row("organisation", "hr:B"))
    world.save("team", row("manager", "hr:001", "below"))
    for _night in range(4):
        tick(world.runtime, HOST)
        here = rng.sample(range(PEOPLE), rng.randint(27, PEOPLE)) + [900 + n for n in range(rng.randint(0, 3))]
        managers = {n: rng.choice(here) for n in here if rng.random() < 0.5}
        files = people({n: rng.choice(names) for n in sorted(here)}, managers)
        plan = loads.plan(world.runtime, HOST, "hr", files).document
        counted = enrolled(world)
        done = load(world, files)
        assert done == plan
        for one in plan["certifications"]:
            gained = enrolled(world)[one["code"]] - counted[one["code"]]
            assert gained == one["newly"] - one["withdrawn"] or one["withdrawn"], one
        assert examine(world.runtime, deep=True) == []
        again = loads.plan(world.runtime, HOST, "hr", files).document
        assert (again["identities"]["same"], again["identities"]["changed"]) == (len(here), 0)
        other = people({n: rng.choice(names) for n in rng.sample(here, len(here) - 2)}, managers)
        part = loads.plan(world.runtime, HOST, "hr", other).document
        with monkeypatch.context() as whole:
            whole.setattr(source_input, "_last_file", lambda *_: None)
            assert loads.plan(world.runtime, HOST, "hr", other).document == part


def enrolled(world: World) -> dict[str, int]:
    from plugin.certifications.tables import Certification

    with world.runtime.db.read() as session:
        rows = session.execute(
            select(Certification.code, func.count(Enrolment.person))
            .outerjoin(Enrolment, (Enrolment.certification == Certification.id) & (Enrolment.state > 0))
            .group_by(Certification.code)
        )
        return {row[0]: row[1] for row in rows}


def test_no_cell_of_a_report_is_a_formula(world: World) -> None:
    lines = "Personalnummer;Abteilung\r\n=1+1;Sales\r\n001;Sales\r\n"
    load(world, [("people.csv", lines.encode())], force=True)
    load(world, [("people.csv", b"Personalnummer;Abteilung\r\n001;Sales\r\n")], force=True)
    with world.runtime.db.read() as session:
        numbers = session.scalars(select(SourceLoad.id)).all()
        reports = [overview.report_of(session, HOST, "hr", number).decode() for number in numbers]
    assert "'=1+1 is in none of the rows" in reports[-1]
    cells = [cell for report in reports for row in csv.reader(io.StringIO(report)) for cell in row]
    assert any("people.csv" in cell for cell in cells)
    assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")] == []
