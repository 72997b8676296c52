"""A hundred hostile strings in every field of every kind, with honest records between them: the honest ones lose nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.network.signing import signed_headers
from plugin.core.runtime import Runtime
from plugin.core.text.texts import clean, usable
from plugin.enrolment.doctor import examine
from plugin.hosts.port import Refused
from plugin.mirror.hints import inbox, receiving
from plugin.mirror.problems import problems_of
from plugin.mirror.tables import Audience, AudienceMember, Completion, Course, Job, Person, Unit
from tests.hostile import STRINGS
from tests.hosts.strange import KEY, Strange
from tests.hosts.test_strange_host import Site, register, serve

PAGE = 1000
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Hostile(Strange):
    """Gives records in the order they were added, whatever their ids are: it keys them by number."""

    def add(self, kind: str, *rows: dict[str, Any]) -> None:
        for row in rows:
            self.rows[kind][f"{len(self.rows[kind]):05}"] = row

    def read(self, path: str, asked: dict[str, str]) -> Any:
        if "ids" in asked:
            kind = path.strip("/")
            wanted = set(asked["ids"].split(","))
            return 200, {}, {"items": [row for row in self.rows[kind].values() if row["id"] in wanted]}
        if (kind := path.strip("/")) in self.rows:
            rows, start = list(self.rows[kind].values()), int(asked.get("cursor", 0))
            following = str(start + PAGE) if start + PAGE < len(rows) else None
            return 200, {}, {"items": rows[start : start + PAGE], "next": following}
        return super().read(path, asked)


def fill(host: Hostile) -> None:
    """Between two honest records of each kind one with each string as its id, and one with it in every field."""
    host.add("units", {"id": "O1", "kind": "organisation", "framework": "f", "name": "Sales"})
    host.add("audiences", {"id": "A1", "name": "All"})
    host.add("courses", {"id": "c1", "name": "Course"})
    host.add("people", {"id": "P1", "name": "Ann"})
    host.add("jobs", {"id": "J1", "person": "P1", "organisation": "O1"})
    host.add("members", {"id": "M1", "audience": "A1", "person": "P1"})
    host.add("completions", {"id": "C1", "person": "P1", "course": "c1", "at": "2026-01-01T00:00:00Z"})
    for number, text in enumerate(STRINGS):
        h = f"h{number}"
        every = dict.fromkeys(
            ("name", "given_name", "family_name", "email", "username", "number", "state", "time_zone", "language",
             "created", "first_login", "kind", "framework", "framework_name", "parent", "code", "person", "title",
             "organisation", "position", "manager_job", "manager", "temporary", "start", "end", "position_since", "audience",
             "url", "visible", "course", "at"), text,
        )  # fmt: skip
        for kind in ("people", "units", "jobs", "audiences", "members", "courses", "completions"):
            host.add(kind, {"id": text, "name": "odd id"}, {**every, "id": h})
        host.add("people", {"id": f"n{number}", "name": text, "fields": {text: text, "deep": [[{text: [text]}]]}})
        host.add("jobs", {"id": f"j{number}", "person": f"n{number}", "organisation": "O1", "end": text or None})
    host.add("people", {"id": "P2", "name": "Bea"})
    host.add("jobs", {"id": "J2", "person": "P2", "organisation": "O1"})
    host.add("members", {"id": "M2", "audience": "A1", "person": "P2"})
    host.add("completions", {"id": "C2", "person": "P2", "course": "c1", "at": "2026-01-01T00:00:00Z"})


@pytest.fixture
def site(runtime: Runtime) -> Iterator[Site]:
    host = Hostile()
    host.kinds = {kind: ["full", "ids"] for kind in host.kinds}
    fill(host)
    with serve(host) as base:
        yield Site(host, runtime, register(runtime, base))


def test_a_whole_read_keeps_every_honest_record_and_says_what_it_left_out(site: Site) -> None:
    site.pull()
    with site.runtime.db.read() as session:
        for table, names in ((Person, ("P1", "P2")), (Unit, ("O1",)), (Job, ("J1", "J2")), (Audience, ("A1",)),
                             (AudienceMember, ("M1", "M2")), (Course, ("c1",)), (Completion, ("C1", "C2"))):  # fmt: skip
            known = set(session.scalars(select(table.ext).where(table.host_id == site.host_id)))
            assert set(names) <= known
            assert {text for text in STRINGS if usable(text)} <= known
            assert {f"h{number}" for number in range(len(STRINGS))} <= known
        names_kept = {row.ext: row.name for row in session.scalars(select(Person))}
        total, rows = problems_of(session, site.host_id, limit=5000)
    for number, text in enumerate(STRINGS):
        assert names_kept[f"n{number}"] == clean(text).strip() or names_kept[f"n{number}"] == clean(text)
    refused = {row.ext for row in rows if row.kind == "people" and row.field == "id"}
    assert len(refused) >= len([text for text in STRINGS if text and not usable(text) and len(text) < 100]) - 2
    assert total > 0

    _honest_ones_are_settled_and_delivered(site)
    _hints_go_on(site)


def _honest_ones_are_settled_and_delivered(site: Site) -> None:
    """A job whose end cannot be read never lasts for ever: of O1's many jobs those of Ann and Bea count alone."""
    site.assign("{organisation: O1}")
    site.work()
    assert site.strange.wants_in("c1") == {"P1", "P2"}
    assert examine(site.runtime, deep=True) == []


def _hints_go_on(site: Site) -> None:
    for number, text in enumerate([*STRINGS, "P2"]):
        body = json.dumps({"type": "person.changed", "timestamp": "x", "data": {"ids": [text, "P1"]}}).encode()
        headers = signed_headers(SECRET, f"k{number}", body.decode(), at=site.runtime.clock.true())
        with suppress(Refused):  # with a sentence, for the host
            receiving.store(site.runtime, "strange", headers, body)
    row = next(one for one in site.strange.rows["people"].values() if one["id"] == "P2")
    row["state"] = "suspended"
    site.work()
    with site.runtime.db.read() as session:
        assert session.scalars(select(Person.state).where(Person.ext == "P2")).one() == 1
        assert inbox.waiting(session, site.host_id) == []
