"""Opening and closing a database."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core.db import Database
from plugin.core.runtime import Runtime


def test_a_connection_in_use_while_its_database_closes_is_closed_once_it_is_given_back(runtime: Runtime) -> None:
    """A thread may be in the middle of a request; what it leaves open would stay open until the process ends."""
    database = Database(runtime.db.url)
    session = Session(database.engine)
    session.execute(text("SELECT 1"))
    held = session.connection().connection.dbapi_connection
    database.close()
    assert session.execute(text("SELECT 2")).scalar_one() == 2  # whoever uses it may finish
    session.close()
    assert is_closed(held)
    with database.read() as again:  # and whoever comes later still gets an answer
        assert again.execute(text("SELECT 3")).scalar_one() == 3
    database.close()


def is_closed(connection: object) -> bool:
    """Of either driver."""
    closed = getattr(connection, "closed", None)
    if closed is not None:
        return bool(closed)
    try:
        connection.execute("SELECT 1")  # type: ignore[attr-defined]  # a connection of SQLite's
    except Exception as error:
        return "closed database" in str(error)
    return False
