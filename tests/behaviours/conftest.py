"""Both databases, quickly: one PostgreSQL database for all behaviours, emptied between them; and the worlds."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from plugin.core.database.process_cache import clear
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.schema import metadata
from tests.behaviours.lab import CONTENT, PERIOD, Lab, individuals, row


@pytest.fixture(scope="session")
def one_postgres(postgres_url: str) -> Iterator[str]:
    """A database of our schema on the PostgreSQL server."""
    name = "b" + uuid.uuid4().hex[:12]
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    database = Database(url)
    metadata.create_all(database.engine)
    database.close()
    yield url
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of our schema, once on each engine."""
    clear()
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_model"), tmp_path / "muster.sqlite3")
        database = Database(f"sqlite:///{tmp_path}/muster.sqlite3")
        yield database
        database.close()
        return
    database = Database(request.getfixturevalue("one_postgres"))
    yield database
    with database.engine.begin() as connection:
        tables = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {tables}"))
    database.close()


@pytest.fixture
def lab(runtime: Runtime) -> Lab:
    """People ann to fay in two teams of a little tree, and courses; nothing is assigned yet.

    org: top > left, right; posts: chief > clerk. ann leads bob and dan (jobs j1, j2, j4), bob leads cat (j3).
    """
    made = Lab(runtime)
    made.people("ann", "bob", "cat", "dan", "eve", "fay")
    made.units(("top", None), ("left", "top"), ("right", "top"))
    made.units(("chief", None), ("clerk", "chief"), kind="position")
    made.courses("c1", "c2", "c3")
    made.job("j1", "ann", "top", "chief")
    made.job("j2", "bob", "left", "chief", boss="j1")
    made.job("j3", "cat", "left", "clerk", boss="j2")
    made.job("j4", "dan", "right", "clerk", boss="j1")
    return made


@pytest.fixture
def controlled(lab: Lab) -> Iterator[Lab]:
    """The same with another certification beside it, which must come out as it was to the last column."""
    lab.people("kim", "lee")
    lab.audience("others", "kim")
    lab.save(
        "control", row("audience", "others", due={"fixed": "2027-06-30"}), *individuals("lee", "cat"),
        content=CONTENT, period=PERIOD, exceptions={"duplicate_course": "assign"},
    )  # fmt: skip
    before, seats = lab.facts("control"), lab.seats("c1")
    yield lab
    assert lab.facts("control") == before
    assert {who: seat for who, seat in lab.seats("c1").items() if who in seats} == seats
