"""Loads go on while a directory pushes and the learning site is read: each counts, and nothing is lost between them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.sourcing import changes, loads
from plugin.mirror.pulling.pull import pull
from plugin.mirror.pulling.unit_trees import recount
from plugin.mirror.sources.directory.tables import USER
from plugin.mirror.sources.directory.writing import Times, create
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.tables import Job
from tests.live import connect, serve_sandbox

MOST = 40


def together(*acts: Callable[[], object]) -> None:
    """Do them all at once; whatever one raises is raised."""
    failures: list[BaseException] = []

    def kept(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # a thread must not lose it
            failures.append(error)

    threads = [threading.Thread(target=kept, args=(act,)) for act in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if failures:
        raise failures[0]


def test_loads_a_directorys_burst_and_a_read_of_the_site_go_on_at_once(runtime: Runtime, tmp_path: Path) -> None:  # noqa: C901 - four that go on at once
    with serve_sandbox(tmp_path / "sandbox", people=60, units=10) as sandbox:
        host_id = connect(runtime, sandbox)
        people = sorted(sandbox.api("people").json()["items"], key=lambda one: one["id"])[:MOST]
        at = runtime.clock.now()
        with runtime.db.write() as session:
            setup.add_source(session, host_id, "hr", "csv", join_by="id=number", mapping={}, at=at, who="t")
            setup.add_source(session, host_id, "dir", "scim", join_by="userName=username", mapping={}, at=at, who="t")
        changes.supply(runtime, host_id, "organisation", ["site", "hr", "dir"], yes=True, who="t")

        def load() -> None:
            for step in range(4):
                rows = "".join(
                    f"{one['number']},{('Claims', 'Legal')[(n + step) % 2]}\n" for n, one in enumerate(people)
                )
                data = f"id,organisation\n{rows}".encode()
                loads.load(runtime, host_id, "hr", [("people.csv", data)], yes=True, who="t")

        def push() -> None:
            for one in people:
                document = {"userName": one["username"], "active": True, "department": "Pushed"}

                def write(session: Session, document: dict[str, object] = document) -> None:
                    source = source_of(session, source_row(session, host_id, "dir", lock=True))
                    create(session, source, USER, document, Times(at, runtime.clock.true()))

                runtime.db.transact(write)

        def read() -> None:
            for _time in range(2):
                pull(runtime, host_id, full=True)

        def settle() -> None:
            for _time in range(6):
                settle_people(runtime, host_id)

        together(load, push, read, settle)
        pull(runtime, host_id, full=True)
        while settle_people(runtime, host_id):
            pass
        with runtime.db.write() as session:
            recount(session, host_id)
        assert where(runtime, host_id) == {
            **{f"hr:{one['number']}": ("hr:Legal", "hr:Claims")[n % 2] for n, one in enumerate(people)},
            **{one["id"]: "dir:Pushed" for one in people},
        }  # fmt: skip
        assert examine(runtime, deep=True) == []


def where(runtime: Runtime, host_id: int) -> dict[str, str]:
    """By job of the file, and by person of the directory, where somebody works."""
    with runtime.db.read() as session:
        rows = session.scalars(select(Job).where(Job.host_id == host_id, Job.gone.is_(False), Job.connection > 0)).all()
        return {
            str(one.ext if one.ext.startswith("hr:") else one.person_ext): one.organisation_ext
            for one in rows
        }  # fmt: skip
