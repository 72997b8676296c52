"""Who read what is written down: lists of people, a learner's page, reads by programs and commands, files (ACCESS 6)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from plugin.access import traces
from plugin.access.tables import Trace
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.access.traces import Read, Sink, Traces
from plugin.core.tables import Journal
from tests.web.conftest import Visit
from tests.world import HOST, World, row

SOME = Read(HOST, 1_790_000_000, "sam", "page", "learners.tab", 1, "", 3, "c")


def _kept(app: Flask, world: World) -> list[tuple[str, str, str, int | None, int]]:
    app.extensions["muster_traces"].flush()
    with world.runtime.db.read() as session:
        rows = session.scalars(select(Trace).where(Trace.host_id == HOST).order_by(Trace.id)).all()
        return [(one.who, one.how, one.what, one.person, one.count) for one in rows]


@pytest.fixture
def company(world: World) -> World:
    world.save("FS", row("organisation", "sales", "below"), name="Food")
    return world


def test_pages_that_show_people_and_no_others(app: Flask, company: World, visit: Visit) -> None:
    sam = visit("sam")
    for path in ("/certifications", "/certifications/1/details", "/certifications/1/overview", "/hosts"):
        sam.page(path)
    assert _kept(app, company) == []
    sam.page("/certifications/1/learners")
    sam.page("/certifications/1/learners/cid")
    sam.page("/certifications/1/learners/nobody", 404)
    assert _kept(app, company) == [
        ("sam", "page", "learners.tab", None, 4), ("sam", "page", "learners.one", 3, 1),
    ]  # fmt: skip
    page = sam.page(f"/hosts/{HOST}/traces?person=cid")
    assert 'data-label="What">Learner<' in page
    assert 'data-label="What">Learners<' not in page


def test_reads_of_programs_a_line_each(app: Flask, company: World) -> None:
    with company.runtime.db.write() as session:
        token = make_token(
            session, HOST, RequestedToken("hr", ("read",)), owner=TokenOwner(), at=company.now, who="test"
        )
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    client.get("/api/v1/certifications/FS/learners?limit=3", headers=headers)
    client.get("/api/v1/certifications/FS/learners/cid", headers=headers)
    assert _kept(app, company) == [
        ("api:hr", "api", "api_learners.listing", None, 3), ("api:hr", "api", "api_learners.one", 3, 1),
    ]  # fmt: skip
    found = client.get("/api/v1/traces?person=cid", headers=headers).json["items"]
    assert [(one["who"], one["what"], one["person"]) for one in found] == [("api:hr", "api_learners.one", "cid")]


def test_files_stand_in_the_history_before_they_leave(app: Flask, company: World, visit: Visit) -> None:
    assert visit("sam").get("/certifications/1/learners.csv").status_code == 200
    with company.runtime.db.read() as session:
        entry = session.scalars(select(Journal).where(Journal.what == "export_begun")).one()
    assert (entry.reason, entry.certification, entry.who) == ("learners", 1, "Sam (sam)")


def test_they_are_kept_so_many_months_and_no_longer(app: Flask, company: World, visit: Visit) -> None:
    day, now = 86_400, company.now
    Traces(company.runtime.db).write([
        Read(HOST, now - age * day, "sam", "page", "learners.tab") for age in (1, 390, 400, 500)
    ])  # fmt: skip
    with company.runtime.db.write() as session:
        traces.forget(session, HOST, now)
    assert len(_kept(app, company)) == 2
    sam = visit("sam")
    assert sam.post(f"/hosts/{HOST}/traces", {"months": "0"}).status_code == 400
    assert sam.post(f"/hosts/{HOST}/traces", {"months": "6"}).status_code == 303
    with company.runtime.db.write() as session:
        traces.forget(session, HOST, now)
        assert session.scalar(select(Journal.what).where(Journal.what == "retention_changed")) == "retention_changed"
    assert len([one for one in _kept(app, company) if one[2] == "learners.tab"]) == 1


def test_lines_go_to_standard_output(company: World, capsys: pytest.CaptureFixture[str]) -> None:
    Traces(company.runtime.db, "stdout").write([SOME])
    line = json.loads(capsys.readouterr().out)
    assert (line["trace"], line["who"], line["what"], line["count"]) == ("read", "sam", "learners.tab", 3)


@pytest.fixture
def collector() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(5)
        yield made


def test_lines_go_to_a_collector_and_nobody_there_stops_nothing(company: World, collector: socket.socket) -> None:
    Sink(f"syslog://127.0.0.1:{collector.getsockname()[1]}").tell(SOME)
    message = collector.recv(65_536).decode()
    assert message.startswith("<110>1 2026-")
    assert json.loads(message.partition(" - {")[2].join(("{", "")))["who"] == "sam"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    Traces(company.runtime.db, f"syslog+tcp://127.0.0.1:{port}").write([SOME])
    with company.runtime.db.read() as session:
        assert len(session.scalars(select(Trace)).all()) == 1


def test_where_very_many_wait_a_page_goes_on(company: World) -> None:
    made = Traces(company.runtime.db)
    for _number in range(10_001):
        made.put(SOME, start=False)
    made.flush()
    with company.runtime.db.read() as session:
        assert session.query(Trace).count() == 10_000
