"""Writers of one SQLite file take turns, in one process and between several."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core.db import Database
from plugin.core.errors import Unavailable

ROOT = Path(__file__).parents[2]
BUSY = """
    import sys, time
    from sqlalchemy import text
    from plugin.core.db import Database
    db = Database(sys.argv[1])
    while True:  # one transaction after the other, as a worker with much to do
        with db.write() as session:
            session.execute(text("UPDATE work SET done = done + 1"))
            time.sleep(0.02)
"""


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/shared.sqlite3")
    with made.write() as session:
        session.execute(text("CREATE TABLE work (done INTEGER)"))
        session.execute(text("INSERT INTO work VALUES (0)"))
    yield made
    made.close()


@contextmanager
def busy(shared: Database) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(BUSY), shared.url], cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while not done(shared) and time.monotonic() < until:
            time.sleep(0.01)
        yield
    finally:
        process.kill()
        process.wait(10)


def done(shared: Database) -> int:
    with shared.read() as session:
        return seen(session)


def seen(session: Session) -> int:
    return int(session.execute(text("SELECT done FROM work")).scalar_one())


def test_whoever_waits_is_served_before_who_has_just_written(shared: Database) -> None:
    with busy(shared):
        passed = []
        for _ in range(20):
            before = done(shared)
            with shared.write() as session:
                passed.append(seen(session) - before)
    # The one under way, and those between counting and asking; without turns it is dozens.
    assert sum(passed) <= 3 * len(passed), passed


def test_a_writer_that_is_killed_in_its_turn_holds_nobody_up(shared: Database) -> None:
    with busy(shared):
        pass
    with shared.write() as session:
        session.execute(text("UPDATE work SET done = -1"))
    assert done(shared) == -1


def test_who_may_wait_only_briefly_is_told_that_others_write(shared: Database) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with shared.write() as session:
            session.execute(text("UPDATE work SET done = 5"))
            entered.set()
            leave.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(30)
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        shared.briefly(seen, seconds=0)
    leave.set()
    holder.join(30)
    assert shared.briefly(seen, seconds=20) == 5


def test_a_file_of_turns_that_cannot_be_opened_is_said_in_a_sentence_and_all_goes_on_when_it_can(
    shared: Database, tmp_path: Path
) -> None:
    turns = tmp_path / "shared.sqlite3.turn"
    turns.unlink()
    turns.mkdir()  # whoever runs this, root too, cannot open a folder for writing
    for write in (lambda: shared.transact(seen), lambda: shared.briefly(seen, seconds=1)):
        with pytest.raises(Unavailable, match=r"The file .*shared\.sqlite3\.turn, .*, cannot be opened for writing: "):
            write()
    assert done(shared) == 0
    turns.rmdir()
    assert shared.transact(seen) == 0


def test_a_drive_that_knows_no_locks_is_said_in_a_sentence(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_handle: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("plugin.core.database.writer_turns.fcntl.flock", flock)
    with pytest.raises(Unavailable, match="cannot be locked: No locks available"):
        shared.transact(seen)
