"""Files are fetched by SFTP from a real OpenSSH server: who we are, who it is, which files, and what becomes of them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plugin.core.errors import MusterError, Unavailable
from plugin.core.runtime import Runtime
from plugin.enrolment.sourcing import fetching
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.hosts.csv.fetching import Place, fetch
from plugin.hosts.port import Locked, Wait
from plugin.mirror.sources.managing import overview, setup
from tests.password_sftp import password_server
from tests.sftp import Server, key_pair, sftp
from tests.world import HOST, World

__all__ = ["sftp"]


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = World(runtime)
    for n in range(30):
        made.people(f"p{n}", number=f"{n:03}")
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "hr", "csv", join_by="id=number", mapping={}, at=made.now, who="t")
    return made


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's size is watched for a moment, not for a second."""
    monkeypatch.setattr("plugin.hosts.csv.fetching.SETTLE", 0.05)


def put(server: Server, name: str, count: int, age: int = 0, *, end: str = "\n") -> Path:
    """A file of so many people, written so many seconds ago."""
    path = server.export / name
    path.write_text("id,organisation\n" + "\n".join(f"{n:03},Claims" for n in range(count)) + end, encoding="utf-8")
    os.utime(path, (1_795_000_000 - age, 1_795_000_000 - age))
    return path


def point(world: World, secret: str | None = None, **given: Any) -> None:
    settings = fetching.chosen(**given)
    world.runtime.db.transact(
        lambda session: setup.change_source(
            session, HOST, "hr", settings=settings, secret=secret, at=world.now, who="t"
        )
    )


def now(world: World, **how: Any) -> Any:
    return fetching.fetch_now(world.runtime, HOST, "hr", who="t", **{"yes": True, **how})


def shown(world: World) -> dict[str, Any]:
    with world.runtime.db.read() as session:
        return overview.shown(session, HOST, "hr")


def names(done: Any) -> list[str]:
    return [one["name"] for one in done.document["files"]]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_newest_file_of_a_kind_is_read_once(world: World, sftp: Server, kind: str) -> None:
    point(world, sftp.let_in(kind), url=sftp.url)
    put(sftp, "People_2026-11-28.csv", 18)
    put(sftp, "people_2026-11-29.CSV", 20, age=9_000)
    put(sftp, "readme.txt", 1)
    (sftp.export / "people_2026-12-31.csv").mkdir()
    assert names(now(world)) == ["people_2026-11-29.CSV"]
    assert now(world) is None
    put(sftp, "people_2026-11-30.csv", 21)
    assert now(world).document["identities"]["new"] == 1
    assert {one.name for one in sftp.export.iterdir()} == {
        "People_2026-11-28.csv", "people_2026-11-29.CSV", "readme.txt", "people_2026-12-31.csv", "people_2026-11-30.csv",
    }  # fmt: skip


@pytest.mark.parametrize("after", ["moved", "deleted"])
def test_a_file_that_was_read_is_moved_or_deleted_and_an_older_one_beside_it_is_not_read_for_it(
    world: World, sftp: Server, after: str
) -> None:
    point(world, sftp.let_in(), url=sftp.url, after=after)
    put(sftp, "people-b.csv", 20)
    put(sftp, "people-a.csv", 12, age=500)
    assert names(now(world)) == ["people-b.csv"]
    assert not (sftp.export / "people-b.csv").exists()
    assert (sftp.export / "loaded" / "people-b.csv").exists() == (after == "moved")
    assert now(world) is None
    put(sftp, "people-b.csv", 22, age=-60)
    assert now(world).document["identities"]["new"] == 2
    assert [one.name for one in sftp.export.iterdir() if one.is_file()] == ["people-a.csv"]


def test_a_file_that_was_refused_stays_where_it_is(world: World, sftp: Server) -> None:
    point(world, sftp.let_in(), url=sftp.url, after="deleted")
    put(sftp, "people.csv", 20)
    with pytest.raises(NotLoaded, match="first load"):
        now(world, yes=False)
    assert (sftp.export / "people.csv").exists()
    now(world)
    put(sftp, "people.csv", 19, age=-60, end="")
    with pytest.raises(NotLoaded, match="written to its end"):
        now(world, yes=False)
    assert (sftp.export / "people.csv").exists()


def test_the_servers_key_is_pinned_at_the_first_use_and_another_is_refused_until_it_is_forgotten(
    world: World, sftp: Server
) -> None:
    secret = sftp.let_in()
    point(world, secret, url=sftp.url)
    put(sftp, "people.csv", 20)
    now(world)
    second = Server(sftp.folder / "other")
    second.export = sftp.export
    (second.folder / "authorized").write_text((sftp.folder / "authorized").read_text(), encoding="utf-8")
    with second.running():
        known = {"host_key": _pinned(world)}
        with pytest.raises(Locked, match="key is another"):
            fetch(Place(second.url, secret, known), world.runtime.http)
        with world.runtime.db.write() as session:  # the same address, behind which another server answers
            row = setup.source_row(session, HOST, "hr", lock=True)
            row.settings = {**row.settings, "url": second.url}
        with pytest.raises(Unavailable, match="key is another"):
            now(world)
        assert shown(world)["state"] == "paused"
        point(world, secret)
        with pytest.raises(Unavailable, match="key is another"):
            now(world)
        put(sftp, "people.csv", 21, age=-60)
        point(world, forget_host_key=True)
        assert shown(world)["state"] == "active"
        assert now(world).document["identities"]["new"] == 1
        assert _pinned(world) != known["host_key"]


def test_the_key_is_pinned_though_the_first_load_waits_for_somebody(world: World, sftp: Server) -> None:
    point(world, sftp.let_in(), url=sftp.url)
    put(sftp, "people.csv", 20)
    with pytest.raises(NotLoaded, match="first load"):
        now(world, yes=False)
    assert _pinned(world).startswith("ssh-")
    with world.runtime.db.write() as session:
        row = setup.source_row(session, HOST, "hr", lock=True)
        row.settings = {**row.settings, "fetched": {"host_key": "ssh-ed25519 another"}}
    with pytest.raises(Unavailable, match="key is another"):
        now(world)


@pytest.mark.parametrize("trouble", ["no file", "no folder", "a wrong secret", "a file that cannot be read"])
def test_the_key_is_pinned_at_the_first_contact_whatever_comes_after(world: World, sftp: Server, trouble: str) -> None:
    secret = sftp.let_in()
    point(world, "a-wrong-password" if trouble == "a wrong secret" else secret, url=sftp.url)
    if trouble == "no folder":
        point(world, url=f"{sftp.url}/nowhere")
    if trouble == "a file that cannot be read":
        (sftp.export / "people.csv").write_text("who,what\n1,2\n", encoding="utf-8")
    with pytest.raises(MusterError):
        now(world)
    first = _pinned(world)
    assert first.startswith("ssh-")
    with world.runtime.db.write() as session:
        row = setup.source_row(session, HOST, "hr", lock=True)
        row.settings = {**row.settings, "fetched": {"host_key": "ssh-ed25519 another"}}
    point(world, secret)  # another secret begins anew, and keeps the key
    with pytest.raises(Unavailable, match="key is another"):
        now(world)


def _pinned(world: World) -> str:
    with world.runtime.db.read() as session:
        return str(setup.source_row(session, HOST, "hr").settings["fetched"]["host_key"])


def test_a_key_or_a_password_that_is_not_known_opens_nothing_and_says_so(world: World, sftp: Server) -> None:
    put(sftp, "people.csv", 20)
    stranger = key_pair(sftp.folder / "stranger")
    for secret in (
        stranger,
        "a-wrong-password",
        "-----BEGIN nothing",
        key_pair(sftp.folder / "closed", passphrase="word"),
    ):
        with pytest.raises(Locked):
            fetch(Place(sftp.url, secret), world.runtime.http)


def test_a_password_opens_the_server(world: World, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id\n001\n", encoding="utf-8")
    with password_server(tmp_path, "muster", "geheim:ß") as port:
        url = f"sftp://muster@127.0.0.1:{port}/"
        assert fetch(Place(url, "geheim:ß"), world.runtime.http).files == [("people.csv", b"id\n001\n")]
        with pytest.raises(Locked):
            fetch(Place(url, "geheim"), world.runtime.http)


def test_what_cannot_be_reached_waits(world: World, sftp: Server) -> None:
    secret = sftp.let_in()
    with pytest.raises(Wait, match="cannot be read"):
        fetch(Place(f"{sftp.url}/none", secret), world.runtime.http)
    with pytest.raises(Wait, match="reached"):
        fetch(Place("sftp://hr@127.0.0.1:1/", secret), world.runtime.http)
    with pytest.raises(Wait, match="reached"):
        fetch(Place("sftp://hr@nobody.invalid/", secret), world.runtime.http)


def test_a_file_that_still_grows_waits_for_the_next_round(
    world: World, sftp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = sftp.let_in()
    path = put(sftp, "people.csv", 5)

    def grow(_seconds: float) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write("900,Claims\n")

    monkeypatch.setattr("plugin.hosts.csv.fetching.time", SimpleNamespace(sleep=grow))
    with pytest.raises(Wait, match="still being written"):
        fetch(Place(sftp.url, secret), world.runtime.http)


def test_an_archive_of_any_name_is_read_where_it_holds_files_of_ours(world: World, sftp: Server) -> None:
    point(world, sftp.let_in(), url=sftp.url, after="moved")
    for name, inner in (("HR_2026-11-30.zip", "Export/People.csv"), ("photos_2026-12-01.zip", "ann.jpg")):
        with zipfile.ZipFile(sftp.export / name, "w") as packed:
            packed.writestr(inner, "id,organisation\n001,Claims\n")
    assert names(now(world)) == ["Export/People.csv"]
    assert sorted(one.name for one in sftp.export.iterdir()) == ["loaded", "photos_2026-12-01.zip"]
    assert now(world) is None
    (sftp.export / "broken_2026-12-02.zip").write_bytes(b"PK\x03\x04" + bytes(99))
    (sftp.export / "begun_2026-12-02.zip").write_bytes(b"PK")
    put(sftp, "people.csv", 12)
    assert names(now(world)) == ["people.csv"]
    assert sorted(one.name for one in sftp.export.iterdir() if one.is_file()) == [
        "begun_2026-12-02.zip", "broken_2026-12-02.zip", "photos_2026-12-01.zip",
    ]  # fmt: skip


def test_a_folder_without_a_file_of_ours_is_said_at_the_first_fetch_and_is_no_news_later(
    world: World, sftp: Server
) -> None:
    point(world, sftp.let_in(), url=sftp.url, after="deleted")
    put(sftp, "Mitarbeiter.csv", 12)
    with pytest.raises(Unavailable, match="called people") as trouble:
        now(world)
    assert (trouble.value.exit_code, shown(world)["state"]) == (3, "active")
    assert "called people" in shown(world)["reason"]
    put(sftp, "people.csv", 12)
    now(world)
    assert (now(world), shown(world)["reason"]) == (None, "")


def test_of_very_many_files_in_a_folder_the_newest_of_a_kind_is_read(world: World, sftp: Server) -> None:
    point(world, sftp.let_in(), url=sftp.url)
    for n in range(1_500):
        (sftp.export / f"people_{2020 + n // 400}-{n % 12 + 1:02}-{n % 28 + 1:02}_{n}.csv").write_bytes(b"id\n1\n")
    put(sftp, "people_2026-11-30.csv", 7, age=99_999)
    assert names(now(world)) == ["people_2026-11-30.csv"]
