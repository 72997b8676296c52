"""A source that is another program with the host API: its jobs mean what HOST-API says."""

from __future__ import annotations

from sqlalchemy import select

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.sourcing import changes, fetching, undoing
from plugin.mirror.sources.managing import setup
from plugin.mirror.tables import Job, Unit
from tests.enrolment.test_settle import active
from tests.hosts.strange import TOKEN, Strange, serve
from tests.world import HOST, World, row


def test_a_managers_job_wins_over_a_person_and_whoever_stands_in_is_no_manager(runtime: Runtime) -> None:
    world = World(runtime)
    for n in range(1, 8):
        world.people(f"p{n}", number=f"{n:03}")
    strange = Strange()
    strange.add("people", *({"id": f"{n:03}", "name": f"N{n}", "state": "active"} for n in range(1, 7)),
                {"id": "007", "name": "Gone", "state": "suspended"})  # fmt: skip
    strange.add("units", {"id": "C", "kind": "organisation", "framework": "f", "name": "Claims"})
    jobs = [
        {"id": "j1", "person": "001", "organisation": "C"},
        {"id": "j2", "person": "002", "organisation": "C", "manager_job": "j1", "manager": "003"},
        {"id": "j3", "person": "003", "organisation": "C", "manager": "001"},
        {"id": "j4", "person": "004", "organisation": "C", "manager": "003", "temporary": True},
        {"id": "j5", "person": "005", "organisation": "C", "manager_job": "none", "manager": "003"},
        {"id": "j6", "person": "006", "organisation": "C", "manager_job": None, "manager": "003"},
        {"id": "j7", "person": "007", "organisation": "C", "manager": "001"},
    ]
    strange.add("jobs", *jobs)
    with serve(strange) as base:
        with runtime.db.write() as session:
            setup.add_source(session, HOST, "other", "webhook", join_by="id=number", mapping={}, at=world.now, who="t")
            setup.change_source(
                session, HOST, "other", settings={"url": f"{base}/odd/v9"}, secret=TOKEN, at=world.now, who="t"
            )
        for kind in ("organisation", "managers"):
            changes.supply(runtime, HOST, kind, ["other"], yes=True, who="t")
        done = fetching.fetch_now(runtime, HOST, "other", who="t", yes=True)
    assert done is not None
    assert done.document["matched"] == 7
    with runtime.db.read() as session:
        rows = session.scalars(select(Job).where(Job.gone.is_(False)))
        assert {one.ext: one.manager_ext for one in rows} == {
            "other:001/j1": "", "other:002/j2": "p1", "other:003/j3": "p1", "other:004/j4": "", "other:005/j5": "",
            "other:006/j6": "p3", "other:007/j7": "p1",
        }  # fmt: skip
    world.save("fs", row("organisation", "other:C"))
    assert active(world) == {f"p{n}" for n in range(1, 7)}
    assert examine(runtime, deep=True) == []


def test_frameworks_of_another_program_stay_apart_under_its_name(runtime: Runtime) -> None:
    world = World(runtime)
    strange = Strange()
    strange.add("people", {"id": "1", "name": "N", "state": "active"})
    strange.add("units", {"id": "A", "kind": "organisation", "framework": "legal", "framework_name": "Companies", "name": "Acme"},
                {"id": "B", "kind": "organisation", "framework": "cost", "name": "CC 1"},
                {"id": "C", "kind": "position", "name": "Clerk"})  # fmt: skip
    with serve(strange) as base:
        with runtime.db.write() as session:
            setup.add_source(session, HOST, "other", "webhook", join_by="id=number", mapping={}, at=world.now, who="t")
            setup.change_source(
                session, HOST, "other", settings={"url": f"{base}/odd/v9"}, secret=TOKEN, at=world.now, who="t"
            )
        for kind in ("organisation", "position"):
            changes.supply(runtime, HOST, kind, ["other"], yes=True, who="t")
        fetching.fetch_now(runtime, HOST, "other", who="t", yes=True)
        units = frameworks(runtime)
        assert units == {
            "other:A": ("other:legal", "other: Companies"), "other:B": ("other:cost", "other: cost"),
            "other:C": ("other:position", "other: positions"),
        }  # fmt: skip
        strange.rows["units"].pop("B")
        fetching.fetch_now(runtime, HOST, "other", who="t", yes=True)
        undoing.undo(runtime, HOST, "other", who="t", yes=True)
    assert frameworks(runtime) == units


def frameworks(runtime: Runtime) -> dict[str, tuple[str, str]]:
    with runtime.db.read() as session:
        rows = session.scalars(select(Unit).where(Unit.gone.is_(False)))
        return {one.ext: (one.framework, one.framework_name) for one in rows}
