"""The same people by a file, by a directory and by the generic API: one mirror, one set of enrolments."""

from __future__ import annotations

import csv
import io
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from sqlalchemy import select

from plugin.app import create_app
from plugin.certifications.definition import Definition, Proposal
from plugin.certifications.tables import Certification
from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.sourcing import changes, fetching, loads
from plugin.enrolment.tables import Enrolment
from plugin.mirror.pulling.pull import pull
from plugin.mirror.pulling.unit_trees import count_if_owed
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.sources.source import source_row
from plugin.mirror.sources.tokens import make_token
from plugin.mirror.tables import Job, Person, Unit
from plugin.sandbox.hr import _Directory
from plugin.sandbox.hr_files import staff
from tests.live import Sandbox, connect, serve_sandbox
from tests.world import row

LONG = bool(os.environ.get("MUSTER_LONG"))
KINDS = ("organisation", "position", "managers")


class _Inside(BaseAdapter):
    """Requests reach the application without a socket."""

    def __init__(self, client: FlaskClient) -> None:
        super().__init__()
        self._client = client

    def send(self, request: PreparedRequest, **_how: Any) -> Response:
        given = self._client.open(
            request.path_url, method=request.method, data=request.body, headers=dict(request.headers)
        )  # fmt: skip
        answer = Response()
        answer.status_code, answer._content = given.status_code, given.data
        return answer

    def close(self) -> None:
        """Nothing is open."""


def told(sandbox: Sandbox, most: int) -> list[dict[str, Any]]:
    """What HR knows of the first people; everybody works."""
    return [{**one, "active": True} for one in staff(sandbox.app.config["STORE"])[:most]]


def as_file(people: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "organisation", "position", "manager"])
    writer.writerows([one["number"], one["unit"], one["title"], one["manager"]] for one in people)
    return text.getvalue().encode()


def settle(made: Runtime, host_id: int) -> None:
    while settle_certifications(made, host_id) + settle_people(made, host_id):
        pass


def seen(made: Runtime, host_id: int, connection: int, numbers: set[str]) -> dict[str, Any]:
    """By number of a person where she works, as what, and for whom, as this supplier has it."""
    with made.db.read() as session:
        units = {one.id: one for one in session.scalars(select(Unit).where(Unit.host_id == host_id))}
        people = {one.id: one for one in session.scalars(select(Person).where(Person.host_id == host_id))}
        jobs = {one.id: one for one in session.scalars(select(Job).where(Job.host_id == host_id, Job.gone.is_(False)))}

        def path(unit: int | None) -> str:
            names: list[str] = []
            while unit is not None and len(names) < 3:
                names.append(units[unit].name.replace("/", "-"))
                unit = units[unit].parent
            return " / ".join(reversed(names))

        found = {}
        for job in jobs.values():
            number = people[job.person].number if job.person is not None else ""
            if job.connection != connection or number not in numbers:
                continue
            boss = jobs[job.manager_job].person if job.manager_job in jobs else job.manager
            chief = people[boss].number if boss is not None else ""
            position = units[job.position].name if job.position is not None else ""
            found[number] = (path(job.organisation), position, chief if chief in numbers else "")
        return found


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(one, marks=pytest.mark.long) for one in range(2, 12 if LONG else 2))]
)
def test_a_file_a_directory_and_an_api_give_one_mirror(runtime: Runtime, tmp_path: Path, seed: int) -> None:
    rng, most = random.Random(seed), 14 if seed == 1 else 60
    made = replace(runtime, clock=Clock())
    with serve_sandbox(tmp_path / "sandbox") as sandbox:
        one_job_each(sandbox)
        host_id = connect(made, sandbox)
        with made.db.write() as session:
            for name, kind, join in (("hr", "csv", "id=number"), ("dir", "scim", "userName=username")):
                mapping: dict[str, Any] = {"separator": "/"}
                setup.add_source(
                    session, host_id, name, kind, join_by=join, mapping=mapping, at=made.clock.now(), who="t"
                )
            setup.add_source(
                session, host_id, "other", "webhook", join_by="number=number", mapping={}, at=made.clock.now(), who="t"
            )
            setup.change_source(
                session, host_id, "other", settings={"url": sandbox.connection["api_url"]},
                secret=sandbox.connection["api_token"], at=made.clock.now(), who="t",
            )  # fmt: skip
            token = make_token(session, host_id, "dir", at=made.clock.true(), who="t")
            numbers = {name: source_row(session, host_id, name).id for name in ("hr", "dir", "other")}
        for kind in KINDS:
            changes.supply(made, host_id, kind, ["site", "hr", "dir", "other"], yes=True, who="t")
        directory = _Directory("http://muster/scim/v2/dir", token, okta=bool(seed % 2))
        directory._http.mount("http://muster", _Inside(create_app(made).test_client()))
        names = {one["number"] for one in told(sandbox, most)}
        for step in range(2 if seed == 1 else 5):
            if step:
                change(sandbox, rng, most)
            pull(made, host_id, full=True)
            people = told(sandbox, most)
            loads.load(made, host_id, "hr", [("people.csv", as_file(people))], who="t", yes=True)
            directory.do("push", people)
            fetching.fetch_now(made, host_id, "other", who="t", yes=True)
            no_renames(made, host_id)
            settle(made, host_id)
            site = seen(made, host_id, 0, names)
            assert seen(made, host_id, numbers["hr"], names) == site
            assert seen(made, host_id, numbers["dir"], names) == site
            assert seen(made, host_id, numbers["other"], names) == site
            if not step:
                words = people[0]["unit"]
                own = sandbox.get(f"person/{_person(made, host_id, people[0]['number'])}")["jobs"][0]["organisation"]
                for code, unit in (
                    ("api", own),
                    ("file", f"hr:{words}"),
                    ("push", f"dir:{words}"),
                    ("other", f"other:{own}"),
                ):
                    wanted = Definition(code, code, state="live", assignments=(row("organisation", unit),))
                    save(made, host_id, [Proposal(wanted, 0)], who="t", choices=Choices())
                settle(made, host_id)
            learners = enrolled(made, host_id, names)
            assert learners["file"] == learners["push"] == learners["api"] == learners["other"]
        count_if_owed(made, host_id, patient=False)
        assert examine(made, deep=True) == []


def no_renames(made: Runtime, host_id: int) -> None:
    """Where all of a unit go to one that is new, that is another unit: until somebody says so they stay (SOURCES 4.3)."""
    for name in ("hr", "dir"):
        with made.db.read() as session:
            asked = overview.shown(session, host_id, name)["renames"]
        for question in asked:
            changes.answer_rename(made, host_id, name, question["id"], renamed=False, yes=True, who="t")


def one_job_each(sandbox: Sandbox) -> None:
    """HR's file and the directory tell of one job a person."""
    seen_before: set[str] = set()
    for job in sandbox.app.config["STORE"].all("jobs"):
        if job["person"] in seen_before:
            sandbox.act("delete-job", job=job["id"], hint=False)
        seen_before.add(job["person"])


def change(sandbox: Sandbox, rng: random.Random, most: int) -> None:
    """Some people work elsewhere, as something else, for somebody else."""
    people = [one["username"] for one in told(sandbox, most)]
    units = [one["id"] for one in sandbox.get("units?kind=organisation")]
    for name in rng.sample(people, len(people) // 2):
        ident = f"U-{int(name.removeprefix('user'))}"
        what: dict[str, str] = {"organisation": rng.choice(units)}
        if rng.random() < 0.5:
            what["position"] = f"P-{rng.randint(1, 9)}"
        sandbox.act("move", person=ident, hint=False, **what)


def enrolled(made: Runtime, host_id: int, numbers: set[str]) -> dict[str, set[str]]:
    with made.db.read() as session:
        rows = session.execute(
            select(Certification.code, Person.number)
            .join(
                Enrolment, (Enrolment.host_id == Certification.host_id) & (Enrolment.certification == Certification.id)
            )
            .join(Person, (Person.host_id == Enrolment.host_id) & (Person.id == Enrolment.person))
            .where(Certification.host_id == host_id, Enrolment.state > 0)
        )
        found: dict[str, set[str]] = {code: set() for code in ("api", "file", "push", "other")}
        for code, number in rows:
            if number in numbers:
                found[code].add(number)
        return found


def _person(made: Runtime, host_id: int, number: str) -> str:
    with made.db.read() as session:
        return session.scalars(select(Person.ext).where(Person.host_id == host_id, Person.number == number)).one()
