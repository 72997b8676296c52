"""The only two ways to the database: ``read()`` and ``write()``.

SQLite: a deferred transaction that reads and then writes fails at once when somebody else wrote, so every
write is ``BEGIN IMMEDIATE``, in turn. PostgreSQL runs READ COMMITTED. No network call belongs inside either.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from plugin.core.area_scope import current_scope
from plugin.core.database import tenant
from plugin.core.database.process_cache import provisional
from plugin.core.database.writer_turns import begin_in_turn
from plugin.core.errors import Unavailable

T = TypeVar("T")
_REHEARSED: ContextVar[Connection | None] = ContextVar("muster_rehearsed", default=None)
"""The one connection of a rehearsal, in this thread."""

_RETRY_STATES = {"40001", "40P01", "55P03"}  # serialisation failure, deadlock, lock not available
_ATTEMPTS = 8
_OF_DRIVERS = (DBAPIError, psycopg.Error, sqlite3.Error)
"""What a statement may raise: through SQLAlchemy, or by the driver itself (:mod:`plugin.core.database.bulk`)."""
DATABASE_AWAY = (
    OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError,
)  # fmt: skip
"""The database cannot be reached; anything else a driver raises is a fault of ours or of the data."""
_BUSY = 30_000
"""Milliseconds SQLite waits for another writer."""
_CONNECTING = 10
"""Seconds PostgreSQL has to take a connection."""
_REPEATABLE: Mapping[bool, Mapping[str, Any]] = {
    False: {"isolation_level": "REPEATABLE READ"},
    True: {tenant.STEADY: True},
}
"""Options of transactions that see one instant, by whether Muster begins them by hand."""
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


def _make_private(file: Path) -> None:
    """Have a new database's file read by its owner alone; SQLite gives the files beside it the same rights."""
    with suppress(OSError):  # what is wrong with it is said when it is opened
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _is_in_memory(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def make_engine(url: str, *, pooler: bool = False, row_security: bool = False) -> Engine:
    """An engine with this product's habits: WAL, foreign keys and immediate writes on SQLite.

    :param pooler: each transaction may run on another connection of PostgreSQL's, so that no statement stays prepared.
    :param row_security: each transaction tells PostgreSQL which host it is of (:mod:`plugin.core.database.tenant`).
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        prepared: dict[str, Any] = {"prepare_threshold": None} if pooler else {}
        level = {} if row_security else {"isolation_level": "READ COMMITTED"}
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=20, **level,
                               connect_args={"connect_timeout": _CONNECTING, **prepared})  # fmt: skip
        if row_security:
            tenant.tell_postgres(engine)
        return engine
    in_file = not _is_in_memory(parsed)
    if in_file:
        _make_folder(Path(str(parsed.database)).parent)
        _make_private(Path(str(parsed.database)))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 30, "check_same_thread": False})

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
    :ivar row_security: whether its transactions are of one host each, as :mod:`plugin.core.database.tenant` says.
    :ivar untold: the tenant where nobody told one; for tests that look at everything.
    """

    def __init__(self, url: str, *, pooler: bool = False, row_security: bool = False) -> None:
        self.url = url
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        self.row_security = row_security and not self.sqlite
        self.untold = tenant.NOBODY
        self.engine = make_engine(url, pooler=pooler, row_security=self.row_security)
        self._closed = False
        event.listen(self.engine, "checkin", self._given_back)
        self._writer = self.engine.execution_options(muster_write=True)
        self._steady = self.engine if self.sqlite else self.engine.execution_options(**_REPEATABLE[self.row_security])
        self._of_tenant: dict[tuple[bool, bool, str], Engine] = {}
        self.in_memory = _is_in_memory(make_url(url))

    @contextmanager
    def read(self, *, steady: bool = False) -> Iterator[Session]:
        """A short read. Nothing is committed. Keep it under two seconds.

        :param steady: its statements see one instant. On SQLite they do anyway, on PostgreSQL each sees its own otherwise.
        """
        with self._session(self.engine_now(steady=steady)) as session:
            session.info.update(current_scope())  # for how much of a host whoever looks may look
            yield session  # closing the session ends the transaction and keeps what was loaded readable

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction, committed at the end of the block, rolled back by an exception.

        A block that may meet a deadlock or a serialisation failure belongs in :meth:`transact` instead.
        """
        with self._session(self.engine_now(write=True)) as session:
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
        if is_rehearsal():
            return self.transact(work)
        with self.engine_now(write=True).connect() as connection:
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

    def engine_now(self, *, write: bool = False, steady: bool = False) -> Engine:
        """The engine whose transactions are of the tenant told now. :param steady: of one instant each."""
        plain = self._writer if write else self._steady if steady else self.engine
        if not self.row_security:
            return plain
        said = tenant.current_tenant()
        key = write, steady, self.untold if said is None else said
        if key not in self._of_tenant:
            self._of_tenant[key] = plain.execution_options(**{tenant.TENANT: key[2]})
        return self._of_tenant[key]

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Within the block everything is written as usual, seen by the block alone, and gone at its end.

        For asking whether something can be done. Nothing goes out meanwhile (:mod:`plugin.core.network.http`).
        """
        with self.engine_now(write=True).connect() as connection, connection.begin() as everything:
            token = _REHEARSED.set(connection)
            try:
                yield
            finally:
                _REHEARSED.reset(token)
                everything.rollback()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        bind: Any = _REHEARSED.get() or engine
        with Session(bind, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            if is_rehearsal():
                provisional(session)  # it reads what another session of the rehearsal wrote
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
        """Give all connections back; one that is still in use is closed when its user is done with it."""
        self._closed = True
        self.engine.dispose()

    def _given_back(self, _connection: Any, record: ConnectionPoolEntry) -> None:
        if self._closed:
            record.invalidate()


def is_rehearsal() -> bool:
    """Whether what is done now is taken back at once."""
    return _REHEARSED.get() is not None


def _retryable(error: Exception) -> bool:
    raised = getattr(error, "orig", error)
    return getattr(raised, "sqlstate", None) in _RETRY_STATES or "database is locked" in str(raised)
