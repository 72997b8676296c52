"""A backup taken under saves is one moment of the database; restored, it is the same to the row, on either kind."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select, text, update

from plugin.core.database.leases import take_turn
from plugin.core.db import Database
from plugin.core.errors import Invalid, RefusedByRule
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, HostClock, Journal, Lease
from plugin.delivery.calls import claim_open_call
from plugin.delivery.tables import Call
from plugin.enrolment.doctor import examine
from plugin.migrations.backup import LEFT_OUT, read_backup, restore, write_backup
from plugin.migrations.run import is_current, upgrade
from plugin.mirror.tables import Connection
from plugin.population.sets import forget_bases
from plugin.schema import metadata
from tests.web.conftest import small_world
from tests.world import HOST, World, row


def emptied(db: Database) -> None:
    metadata.drop_all(db.engine)


@pytest.fixture
def world(runtime: Runtime) -> World:
    emptied(runtime.db)
    upgrade(runtime.db)
    return small_world(runtime)


def contents(db: Database) -> dict[str, str]:
    """A digest of each table's rows, as the database has them."""
    there = MetaData()
    there.reflect(db.engine)
    with db.engine.connect() as connection:
        return {
            name: hashlib.sha256(repr(sorted(map(repr, connection.execute(select(table)).all()))).encode()).hexdigest()
            for name, table in there.tables.items()
            if name not in LEFT_OUT
        }


def test_a_backup_comes_back_to_the_row_and_secrets_stay_sealed(world: World, tmp_path: Path) -> None:
    world.save("FS", row("organisation", "sales", "below"), name="Food “Safety”, \u2028 日本 \t\\N")
    with world.runtime.db.write() as session:
        session.add(Connection(host_id=HOST, id=1, name="acme", kind="webhook", api_token="a-secret-of-the-host"))
    before, file = contents(world.runtime.db), tmp_path / "one.backup"
    made = write_backup(world.runtime.db, file, world.now)
    assert made == read_backup(file)
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        assert b"a-secret-of-the-host" not in b"".join(archive.read(name) for name in archive.namelist())
    emptied(world.runtime.db)
    with world.runtime.db.engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    assert restore(world.runtime.db, file) == made
    assert contents(world.runtime.db) == before
    assert is_current(world.runtime.db)
    forget_bases()
    assert examine(world.runtime, deep=True) == []
    with world.runtime.db.write() as session:  # numbers go on behind those that are taken
        session.add(Host(name="next", settings={}))
        session.flush()
        assert session.get_one(Connection, (HOST, 1)).api_token == "a-secret-of-the-host"


def test_a_backup_under_saves_is_one_moment_and_the_doctor_finds_nothing(world: World, tmp_path: Path) -> None:
    stop, saved = threading.Event(), [0]

    def keep_saving() -> None:
        other = World.__new__(World)
        other.runtime = world.runtime
        while not stop.is_set() and saved[0] < 200:
            code = f"C{saved[0] % 3}"
            target = ("sales", "north", "legal")[saved[0] % 3]
            other.save(code, row("organisation", target, "below"), row("individual", "eve"))
            other.save(code, row("individual", "eve"))
            saved[0] += 1

    thread = threading.Thread(target=keep_saving)
    thread.start()
    files = []
    try:
        while saved[0] < 2:
            stop.wait(0.01)
        for number in range(3):
            files.append(tmp_path / f"{number}.backup")
            write_backup(world.runtime.db, files[-1], world.now)
    finally:
        stop.set()
        thread.join(60)
    assert saved[0] >= 2
    for number, file in enumerate(files):
        url = f"sqlite:///{tmp_path}/restored-{number}.sqlite3"
        restored = replace(world.runtime, db=Database(url))
        restore(restored.db, file)  # of PostgreSQL into SQLite as well
        forget_bases()
        with restored.db.read() as session:
            versions = {one.certification for one in session.scalars(select(Journal).where(Journal.what == "saved"))}
        assert versions
        again = World.__new__(World)
        again.runtime = restored
        again.settle()
        assert examine(again.runtime, deep=True) == []
        restored.db.close()
    forget_bases()


def test_a_restore_frees_every_lease(world: World, tmp_path: Path) -> None:
    """Whoever had something in hand when the backup was taken never comes back for it."""
    world.save("FS", row("individual", "eve"))
    late = world.runtime.clock.true() + 10_000
    with world.runtime.db.write() as session:
        session.execute(text(f"UPDATE settling SET state = 'running', lease = 'elsewhere:1:x', lease_until = {late}"))
        session.execute(update(HostClock).values(base_until=late))
        assert take_turn(session, HOST, "pull", late, 60)
        session.add(Call(host_id=HOST, id="c1", kind="seats", state="open", body="", lease="elsewhere:1:x",
                         lease_until=late, created=world.now, next_at=world.now, correlation="x"))  # fmt: skip
    write_backup(world.runtime.db, tmp_path / "held.backup", world.now)
    restored = replace(world.runtime, db=Database(f"sqlite:///{tmp_path}/freed.sqlite3"))
    restore(restored.db, tmp_path / "held.backup")
    forget_bases()
    with restored.db.read() as session:
        assert session.scalars(select(HostClock.base_until)).all() == [0]
        assert session.scalars(select(Lease.lease_until)).all() == [0]
        call = session.get_one(Call, (HOST, "c1"))
        assert (call.state, call.lease, call.lease_until) == ("open", "elsewhere:1:x", 0)
    again = World.__new__(World)
    again.runtime = restored
    again.settle()
    assert examine(restored, deep=True) == []
    with restored.db.write() as session:  # it may have reached the learning site
        taken = claim_open_call(session, HOST, world.now, world.runtime.clock.true(), "here:2:y")
        assert taken is not None
        assert taken.state == "broken"
    restored.db.close()
    forget_bases()


def test_nothing_is_overwritten_and_nothing_damaged_is_loaded(world: World, tmp_path: Path) -> None:
    world.save("FS", row("individual", "eve"))
    file, db = tmp_path / "one.backup", world.runtime.db
    write_backup(db, file, world.now)
    with pytest.raises(RefusedByRule, match="overwrites nothing"):
        write_backup(db, file, world.now)
    with pytest.raises(RefusedByRule, match="not empty"):
        restore(db, file)
    empty = Database(f"sqlite:///{tmp_path}/empty.sqlite3")
    with pytest.raises(RefusedByRule, match="nothing to back up"):
        write_backup(empty, tmp_path / "none.backup", world.now)
    assert [one.name for one in tmp_path.glob("none*")] == []
    whole = file.read_bytes()
    for name, content in _damaged(file, whole).items():
        bad = tmp_path / name
        bad.write_bytes(content)
        with pytest.raises(Invalid):
            restore(empty, bad)
    with pytest.raises(Invalid):
        restore(empty, tmp_path / "missing")
    with empty.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar() == 0  # nothing half done
    empty.close()


def _damaged(file: Path, whole: bytes) -> dict[str, bytes]:
    found = {"cut": whole[: len(whole) // 2], "none": b"", "text": b"hello"}
    with zipfile.ZipFile(file) as archive:
        names, entries = archive.namelist(), {name: archive.read(name) for name in archive.namelist()}
    entries["certification.jsonl"] = entries["certification.jsonl"].replace(b"Fs", b"Xx")
    for name, left_out in (("changed", ""), ("without", "journal.jsonl"), ("nameless", "manifest.json")):
        path = file.with_name(f"made-{name}")
        with zipfile.ZipFile(path, "w") as archive:
            for one in names:
                if one != left_out:
                    archive.writestr(one, entries[one])
        found[name] = path.read_bytes()
    return found


def test_a_backup_of_another_schema_goes_into_a_database_without_tables_alone(world: World, tmp_path: Path) -> None:
    from plugin.migrations.run import downgrade

    downgrade(world.runtime.db, "0015")
    file = tmp_path / "old.backup"
    assert write_backup(world.runtime.db, file, world.now).schema == "0015"
    target = Database(f"sqlite:///{tmp_path}/target.sqlite3")
    restore(target, file)
    assert is_current(target)
    target.close()
    other = Database(f"sqlite:///{tmp_path}/other.sqlite3")
    upgrade(other)
    with pytest.raises(RefusedByRule, match="without tables"):
        restore(other, file)
    other.close()
