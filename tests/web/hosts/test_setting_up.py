"""Setting up a Moodle: what is taken over, found again, said beforehand and named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from plugin.access.setup_links import new_setup_link
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.hosts.preview import MappingPreview, PersonSample
from plugin.lti.registration import tool_configuration
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.pulling.pull import pull
from plugin.web.hosts.connect import reached_at
from plugin.web.hosts.mapping import _rows
from tests.hosts.fake_moodle import FakeMoodle, now, serve_moodle


@pytest.fixture
def fake() -> Iterator[FakeMoodle]:
    with serve_moodle(3) as site:
        yield site


def test_the_sites_own_name_and_zone_are_taken_over(runtime: Runtime, fake: FakeMoodle) -> None:
    made = replace(runtime, clock=Clock(now()))
    new = NewHost(
        "moodle", fake.base, "c", "1", *[f"{fake.base}/x"] * 3, kind="moodle", api_url=fake.base, api_token=fake.token
    )
    host = made.db.transact(lambda session: add_host(session, new, made.clock.now()).id)
    pull(made, host)
    with made.db.read() as session:
        row = session.scalars(select(Host).where(Host.id == host)).one()
        assert (row.title, row.time_zone) == ("Acceptance LMS", "Europe/Berlin")
    made.db.transact(
        lambda session: session.execute(update(Host).where(Host.id == host).values(time_zone="Asia/Tokyo"))
    )
    fake.zone = "99"  # the zone of its server, which it does not tell
    pull(made, host)
    with made.db.read() as session:
        assert session.scalar(select(Host.time_zone).where(Host.id == host)) == "Asia/Tokyo"


def test_the_tab_of_a_setup_link_can_be_left_and_found_again(runtime: Runtime) -> None:
    client = create_app(runtime).test_client()
    link = new_setup_link(runtime).removeprefix(runtime.settings.base_url)
    assert client.get("/setup").status_code == 401
    assert client.get(link).status_code == 200
    first = client.post(link)
    assert first.status_code == 303
    for where in ("/setup", link):
        again = client.get(where)
        assert (again.status_code, again.location) == (303, first.location), where
    stranger = create_app(runtime).test_client()
    assert stranger.get(link).status_code == 401
    assert stranger.get("/setup").status_code == 401


@pytest.mark.parametrize(
    ("base", "port", "private"),
    [
        ("https://muster.example.org", "", ""), ("https://muster.example.org:8443", "8443", ""),
        ("http://localhost:8000", "8000", "localhost"), ("http://10.1.2.3", "", "10.1.2.3"),
        ("https://muster.lan", "", "muster.lan"), ("https://8.8.8.8", "", ""), ("http://[::1]:80", "", "::1"),
    ],
)  # fmt: skip
def test_what_keeps_a_moodle_from_calling_is_known_beforehand(base: str, port: str, private: str) -> None:
    assert reached_at(base) == {"odd_port": port, "private": private}


def test_what_to_write_in_allowed_ports_stands_there(runtime: Runtime) -> None:
    made = replace(runtime, settings=replace(runtime.settings, base_url="http://localhost:8123"))
    client = create_app(made).test_client()
    base = client.post(new_setup_link(made).removeprefix("http://localhost:8123")).location.removesuffix("/hosts")
    text = client.get(f"{base}/hosts/new/moodle").text
    assert "443\n80\n8123</pre>" in text
    assert "remove the lines that localhost falls under" in text


def test_muster_is_registered_with_a_picture_that_can_be_had(runtime: Runtime) -> None:
    address = tool_configuration(runtime, ())["logo_uri"]
    answer = create_app(runtime).test_client().get(str(address).removeprefix(runtime.settings.base_url))
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    answer.close()


def test_a_preview_names_each_date_and_shows_the_day_of_the_sites_zone(runtime: Runtime) -> None:
    sample = PersonSample("3", "Ann", days=(("start", "2026-02-28T23:30:00Z"), ("position_since", "2020-05-01")))
    with create_app(runtime).test_request_context("/"):
        row = _rows(MappingPreview([sample], 0.0), MappingPreview([sample], 0.0), "Europe/Berlin")[0]
    assert row.sample.dates == "starts 1 March 2026; in this position since 1 May 2020"
    assert row.before == {}
