"""Files are fetched by HTTPS: once while nothing changes, again when something did, and trouble is said and leaves all as it was."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.core.errors import Invalid, RefusedByRule, Unavailable
from plugin.core.runtime import Runtime
from plugin.enrolment.sourcing import fetching
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.hosts.csv.fetching import Place, fetch
from plugin.hosts.port import Refused, Wait
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.sources.source import source_row
from plugin.mirror.sources.tables import Identity, SourceLoad
from tests.internet import File, Internet, internet
from tests.world import HOST, World

__all__ = ["internet"]


class Site:
    """HR's web server: what it has, what it answers with, and what it was asked."""

    def __init__(self) -> None:
        self.body = people(20)
        self.headers: dict[str, str] = {}
        self.status = 200
        self.asked: list[dict[str, str]] = []

    def __call__(self, _path: str, headers: dict[str, str]) -> tuple[int, Any]:
        self.asked.append(headers)
        etag = self.headers.get("ETag")
        modified = self.headers.get("Last-Modified")
        known = (etag and headers.get("if-none-match") == etag) or (
            not etag and modified and headers.get("if-modified-since") == modified
        )
        if known and self.status == 200:
            return 304, File(b"", self.headers)
        return self.status, File(self.body, {"Content-Type": "text/csv", **self.headers})


def people(count: int, *, end: str = "\n", unit: str = "Claims") -> bytes:
    return ("id,organisation\n" + "\n".join(f"{n:03},{unit}" for n in range(count)) + end).encode()


@pytest.fixture
def world(runtime: Runtime) -> World:
    """As in production: no private address may be called."""
    made = World(replace(runtime, settings=replace(runtime.settings, allow_private_addresses=False)))
    for n in range(30):
        made.people(f"p{n}", number=f"{n:03}")
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "hr", "csv", join_by="id=number", mapping={}, at=made.now, who="t")
    return made


def point(world: World, secret: str | None = None, **given: Any) -> None:
    settings = fetching.chosen(**given)
    world.runtime.db.transact(
        lambda session: setup.change_source(
            session, HOST, "hr", settings=settings, secret=secret, at=world.now, who="t"
        )
    )


def shown(world: World) -> dict[str, Any]:
    with world.runtime.db.read() as session:
        return overview.shown(session, HOST, "hr")


def now(world: World, **how: Any) -> Any:
    return fetching.fetch_now(world.runtime, HOST, "hr", who="t", **how)


def counted(world: World) -> tuple[int, int]:
    """Identities that stand, and loads that are done."""
    with world.runtime.db.read() as session:
        return (
            session.scalar(select(func.count()).select_from(Identity).where(Identity.gone.is_(None))) or 0,
            session.scalar(select(func.count()).select_from(SourceLoad).where(SourceLoad.state == "done")) or 0,
        )  # fmt: skip


@pytest.mark.parametrize("header", [{"ETag": '"a1"'}, {"Last-Modified": "Mon, 30 Nov 2026 00:00:00 GMT"}])
def test_a_file_is_read_once_while_the_server_says_it_did_not_change(
    world: World, internet: Internet, header: dict[str, str]
) -> None:
    site = Site()
    site.headers = header
    with internet.site("hr.test", site) as base:
        point(world, "s3cret-token", url=f"{base}/export/people.csv")
        with pytest.raises(NotLoaded, match="first load"):
            now(world)
        assert counted(world) == (0, 0)
        done = now(world, yes=True)
        assert done.document["files"] == [
            {"kind": "people", "name": "people.csv", "rows": 20, "used": 20, "refused": []}
        ]
        assert counted(world) == (20, 1)
        assert now(world) is None
        assert counted(world) == (20, 1)
        site.headers = {
            name: value.replace("a1", "a2").replace("00:00:00", "01:00:00") for name, value in header.items()
        }
        site.body = people(21)
        assert now(world).document["identities"]["new"] == 1
        assert counted(world) == (21, 2)
    assert {one["authorization"] for one in site.asked} == {"Bearer s3cret-token"}
    assert [("if-none-match" in one or "if-modified-since" in one) for one in site.asked] == [False, False, True, True]


def test_user_and_password_sign_in_as_basic_and_the_secret_is_kept_encrypted(world: World, internet: Internet) -> None:
    site = Site()
    with internet.site("hr.test", site) as base:
        point(world, "muster:pä:ss", url=f"{base}/people.csv")
        now(world, yes=True)
    assert site.asked[0]["authorization"] == "Basic " + base64.b64encode("muster:pä:ss".encode()).decode()
    assert "ss" not in str(shown(world)["url"])
    assert "pä:ss" not in str(shown(world))


@pytest.mark.parametrize(
    ("status", "content", "body", "said"),
    [
        (500, "text/plain", b"oops", "500"),
        (503, "text/html", b"<html>later</html>", "503"),
        (404, "text/plain", b"", "no file"),
        (302, "text/plain", b"", "302"),
        (200, "text/html; charset=utf-8", b"<p>Sign in</p>", "web page"),
        (200, "text/csv", b"\n <!DOCTYPE html><title>Sign in</title>", "web page"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_file_is_a_sentence_and_the_next_round_tries_again(
    world: World, internet: Internet, status: int, content: str, body: bytes, said: str
) -> None:
    site = Site()
    with internet.site("hr.test", site) as base:
        point(world, url=f"{base}/people.csv")
        now(world, yes=True)
        good, site.status, site.body, site.headers = site.body, status, body, {"Content-Type": content, "ETag": '"bad"'}
        with pytest.raises(Unavailable, match=said) as trouble:
            now(world)
        assert trouble.value.exit_code == 3
        assert (shown(world)["state"], said in shown(world)["reason"]) == ("active", True)
        assert counted(world) == (20, 1)
        site.status, site.body, site.headers = 200, good, {}
        assert now(world) is not None
        assert shown(world)["reason"] == ""


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/ccx/service/4711", {}, "people 4711"),
        ("/report?id=7", {"Content-Disposition": 'attachment; filename="Export_2026-11-30.csv"'}, "people Export_2026-11-30.csv"),
        ("/hr/Positions.csv", {"Content-Disposition": "inline"}, "Positions.csv"),
        ("/", {}, "people.csv"),
    ],
)  # fmt: skip
def test_an_address_whose_name_says_no_kind_gives_people(
    world: World, internet: Internet, path: str, headers: dict[str, str], name: str
) -> None:
    site = Site()
    site.headers = headers
    with internet.site("hr.test", site) as base:
        assert fetch(Place(f"{base}{path}"), world.runtime.http).files == [(name, site.body)]


def test_a_fetch_that_ends_after_the_address_was_changed_says_nothing_of_the_new_one(
    world: World, internet: Internet
) -> None:
    site = Site()
    site.headers = {"ETag": '"old"'}
    with internet.site("hr.test", site) as base:
        point(world, "old", url=f"{base}/people.csv")
        answer = site.__call__

        def moved(path: str, headers: dict[str, str]) -> tuple[int, Any]:
            point(world, "old", url=f"{base}/other/people.csv")
            return answer(path, headers)

        with internet.site("slow.test", moved) as slow:
            point(world, "old", url=f"{slow}/people.csv")
            now(world, yes=True)
            with world.runtime.db.read() as session:
                assert source_row(session, HOST, "hr").settings["fetched"] == {}
            point(world, "old", url=f"{slow}/people.csv")
            site.status = 401
            with pytest.raises(Unavailable, match="secret"):
                now(world)
        assert (shown(world)["state"], shown(world)["reason"]) == ("active", "")


def test_a_secret_is_sent_to_the_server_it_was_given_for_alone(world: World) -> None:
    point(world, "Bearer x", url="https://hr.test/people.csv")
    point(world, url="https://HR.test/other/people.csv")
    for url in ("https://evil.test/people.csv", "https://hr.test:8443/people.csv", "sftp://hr@hr.test/people"):
        with pytest.raises(Invalid, match="Enter the secret again"):
            point(world, url=url)
    point(world, "", url="https://evil.test/people.csv")
    point(world, url="https://hr.test/people.csv")


def test_a_wrong_secret_stops_the_source_until_there_is_another(world: World, internet: Internet) -> None:
    site = Site()
    site.status = 401
    with internet.site("hr.test", site) as base:
        point(world, "old", url=f"{base}/people.csv")
        with pytest.raises(Unavailable, match="secret"):
            now(world)
        assert shown(world)["state"] == "paused"
        with pytest.raises(RefusedByRule, match="paused"):
            now(world)
        assert len(site.asked) == 1
        site.status = 200
        point(world, "new")
        assert (shown(world)["state"], shown(world)["reason"]) == ("active", "")
        now(world, yes=True)
        assert site.asked[-1]["authorization"] == "Bearer new"


def test_a_pause_made_by_hand_stays_when_the_secret_changes(world: World, internet: Internet) -> None:
    with internet.site("hr.test", Site()) as base:
        point(world, "old", url=f"{base}/people.csv")
        world.runtime.db.transact(
            lambda session: setup.set_paused(session, HOST, "hr", paused=True, at=world.now, who="t")
        )
        point(world, "new")
        assert shown(world)["state"] == "paused"


def test_a_half_written_file_waits_for_the_next_round(world: World, internet: Internet) -> None:
    site = Site()
    with internet.site("hr.test", site) as base:
        point(world, url=f"{base}/people.csv")
        now(world, yes=True)
        for half in (people(19, end=""), people(9)):
            site.body, site.headers = half, {"ETag": '"half"'}
            with pytest.raises(NotLoaded, match=r"half written|written to its end"):
                now(world)
            assert counted(world) == (20, 1)
            assert shown(world)["reason"]
        site.body = people(22)
        assert now(world).document["identities"]["new"] == 2
        assert shown(world)["reason"] == ""


def test_an_answer_that_breaks_off_is_not_taken_for_a_file(world: World, internet: Internet) -> None:
    site = Site()
    with internet.site("hr.test", site) as base:
        point(world, url=f"{base}/people.csv")
        now(world, yes=True)
        site.headers = {"Content-Length": "100000", "Connection": "close"}
        with pytest.raises(Unavailable):
            now(world)
        assert counted(world) == (20, 1)


def test_a_schedule_fetches_at_its_time_and_one_source_in_trouble_costs_no_other(
    world: World, internet: Internet
) -> None:
    site = Site()
    with world.runtime.db.write() as session:
        setup.add_source(session, HOST, "bad", "csv", join_by="id=number", mapping={}, at=world.now, who="t")
        row = source_row(session, HOST, "bad")
        row.settings = {**row.settings, "url": "https://nobody.test/people.csv", "schedule": "never"}
    with internet.site("hr.test", site) as base:
        point(world, url=f"{base}/people.csv")
        now(world, yes=True)
        point(world, schedule="daily 12:30")
        assert fetching.fetch_due(world.runtime, HOST) == 0
        start = world.now
        site.body = people(23)
        for later, asked in ((600, 1), (2 * 3600, 2), (3 * 3600, 2), (26 * 3600, 3)):
            world.at(start + later)
            fetching.fetch_due(world.runtime, HOST)
            assert len(site.asked) == asked, later
        assert counted(world)[0] == 23


def test_a_server_in_trouble_is_said_and_asked_again_at_the_next_time_of_the_schedule(
    world: World, internet: Internet
) -> None:
    site = Site()
    with internet.site("hr.test", site) as base:
        point(world, url=f"{base}/people.csv")
        now(world, yes=True)
        point(world, schedule="hourly")
        fetching.fetch_due(world.runtime, HOST)
        site.body = people(22)
        start = world.now
        for hour, status, reason, known in ((1, 502, "The server answers 502.", 20), (2, 500, "The server answers 500.", 20),
                                            (3, 200, "", 22)):  # fmt: skip
            site.status = status
            world.at(start + hour * 3600)
            fetching.fetch_due(world.runtime, HOST)
            found = shown(world)
            assert (found["state"], found["reason"], counted(world)[0]) == ("active", reason, known)
        assert len(site.asked) == 4


@pytest.mark.parametrize("written", ["daily 2:05", "Daily at 02:05", "5 2 * * *"])
def test_a_time_of_day_is_written_as_people_say_it(written: str) -> None:
    assert fetching.next_time(written, 1_795_000_000, "Europe/Berlin") == 1_795_050_300  # 19 November, 02:05 in Berlin


@pytest.mark.parametrize(
    "given",
    [
        {"url": "ftp://hr.test/people.csv"}, {"url": "http://hr.test/people.csv"}, {"url": "people.csv"},
        {"url": "https://[/"}, {"url": "https://hr.test:99999/"}, {"url": "https://user:word@hr.test/people.csv"},
        {"url": "sftp://hr.test/export"}, {"schedule": "never"}, {"schedule": "daily 25:00"}, {"schedule": "99 * * * *"},
        {"after": "burnt"},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_when_they_are_given(given: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        fetching.chosen(**given)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fd00::1"]
)
def test_a_name_that_leads_inside_is_not_called(world: World, internet: Internet, address: str) -> None:
    internet.certificate("unused.test")
    internet.names["inside.test"] = address
    for url in ("https://inside.test/people.csv", "sftp://hr@inside.test/export"):
        with pytest.raises((Refused, Wait), match=r"not allowed|not known"):
            fetch(Place(url), world.runtime.http)
