"""The only two ways to the database: ``read()`` and ``write()``.

SQLite: a deferred transaction that reads and then writes fails at once when somebody else wrote, so every
write is ``BEGIN IMMEDIATE``, in turn. PostgreSQL runs READ COMMITTED. No network call belongs inside either.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from plugin.core.errors import Unavailable
from plugin.core.turns import begin_in_turn

T = TypeVar("T")

_RETRY_STATES = {"40001", "40P01", "55P03"}  # serialisation failure, deadlock, lock not available
_ATTEMPTS = 8
_OF_DRIVERS = (DBAPIError, psycopg.Error, sqlite3.Error)
"""What a statement may raise: through SQLAlchemy, or by the driver itself (:mod:`plugin.core.bulk`)."""
DATABASE_AWAY = (
    OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError,
)  # fmt: skip
"""The database cannot be reached; anything else a driver raises is a fault of ours or of the data."""
_BUSY = 30_000
"""Milliseconds SQLite waits for another writer."""
_CONNECTING = 10
"""Seconds PostgreSQL has to take a connection."""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    f"busy_timeout={_BUSY}",
    "cache_size=-65536",
    "wal_autocheckpoint=16000",  # many chunks touch the same index pages: copied back once in 64 MB, not in 4
    "journal_size_limit=67108864",
)


class Base(DeclarativeBase):
    """All tables. Constraints are named by convention so that migrations can address them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"The database's folder {folder} cannot be made: {error.strerror}.") from None


def _is_in_memory(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def make_engine(url: str) -> Engine:
    """An engine with this product's habits: WAL, foreign keys and immediate writes on SQLite."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20, isolation_level="READ COMMITTED",
                             connect_args={"connect_timeout": _CONNECTING})  # fmt: skip
    in_file = not _is_in_memory(parsed)
    if in_file:
        _make_folder(Path(str(parsed.database)).parent)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        if not connection.get_execution_options().get("muster_write", False):
            connection.exec_driver_sql("BEGIN")
        elif in_file:
            begin_in_turn(connection.connection.dbapi_connection, f"{parsed.database}.turn")
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class Database:
    """A database: an engine and the two ways in.

    :ivar sqlite: whether it is a SQLite file (one machine only); ``in_memory``: not even a file, each connection has its own.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self._writer = self.engine.execution_options(muster_write=True)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.in_memory = _is_in_memory(make_url(url))

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A short read. Nothing is committed. Keep it under two seconds."""
        with self._session(self.engine) as session:
            yield session  # closing the session ends the transaction and keeps what was loaded readable

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction, committed at the end of the block, rolled back by an exception.

        A block that may meet a deadlock or a serialisation failure belongs in :meth:`transact` instead.
        """
        with self._session(self._writer) as session:
            yield session
            session.commit()

    def transact(self, work: Callable[[Session], T]) -> T:
        """Run ``work(session)`` in a transaction; repeat it whole when the database asks for that.

        :param work: has no effects outside the session, since it may run more than once.
        :raises Unavailable: when the database still refuses after several attempts.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with self.write() as session:
                    return work(session)
            except _OF_DRIVERS as error:
                if not _retryable(error) or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise Unavailable("The database is busy. Try again in a moment.")

    def briefly(self, work: Callable[[Session], T], *, seconds: int) -> T:
        """Run ``work(session)`` in a transaction once, waiting for others no longer than so many seconds.

        For whoever is asked to answer fast and may be asked again.

        :raises SQLAlchemyError: also where others hold what is needed for longer (or the driver's own error).
        """
        with self._writer.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            if self.sqlite:
                raw.execute(f"PRAGMA busy_timeout={seconds * 1000}")
            try:
                with Session(connection, expire_on_commit=False) as session:
                    if not self.sqlite:
                        limits = (
                            f"SET LOCAL lock_timeout = '{seconds}s'; SET LOCAL statement_timeout = '{2 * seconds}s'"
                        )
                        session.execute(text(limits))
                    done = work(session)
                    session.commit()
                    return done
            finally:
                if self.sqlite:
                    raw.execute(f"PRAGMA busy_timeout={_BUSY}")

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False, autoflush=True) as session:
            try:
                yield session
            except BaseException:
                session.rollback()
                raise

    def reachable(self) -> bool:
        """True when a trivial query is answered."""
        try:
            with self.read() as session:
                session.execute(text("SELECT 1"))
        except OperationalError:
            return False
        return True

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _retryable(error: Exception) -> bool:
    raised = getattr(error, "orig", error)
    return getattr(raised, "sqlstate", None) in _RETRY_STATES or "database is locked" in str(raised)
