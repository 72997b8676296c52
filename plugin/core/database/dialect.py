"""Which database is it, and what does SQL need there? Whoever has to know asks here."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

ROW_SECURITY = "muster_row_security"
"""Option of an engine whose transactions say which host they are of."""


def is_sqlite(session: Session) -> bool:
    """Whether the session speaks to SQLite; else it speaks to PostgreSQL."""
    return session.get_bind().dialect.name == "sqlite"


def has_row_security(session: Session) -> bool:
    """Whether PostgreSQL keeps the session to the rows of one host (:mod:`plugin.core.database.tenant`)."""
    return bool(session.get_bind().get_execution_options().get(ROW_SECURITY))


def for_update(session: Session, *, of: str = "", skip_locked: bool = False, order: str = "") -> str:
    """The end of a SELECT that locks its rows until the transaction ends; empty on SQLite, where a writer is alone.

    :param of: alias of the one table whose rows are locked. :param skip_locked: leave out rows that others hold.
    :param order: columns in whose order rows are locked, so that two transactions cannot wait for each other.
    """
    if is_sqlite(session):
        return ""
    return (
        (f" ORDER BY {order}" if order else "")
        + " FOR UPDATE"
        + (f" OF {of}" if of else "")
        + (" SKIP LOCKED" if skip_locked else "")
    )


def for_share(session: Session) -> str:
    """The end of a SELECT whose rows nobody may change until the transaction ends; empty on SQLite."""
    return "" if is_sqlite(session) else " FOR SHARE"


def by_bytes(session: Session) -> str:
    """Behind a text in SQL: compared byte by byte, whatever the database's collation is. Empty on SQLite, which does so."""
    return "" if is_sqlite(session) else ' COLLATE "C"'


def one_at_a_time(session: Session, lock: int, host_id: int) -> None:
    """Wait for whoever holds the lock of this number for the host, until the transaction ends; SQLite has one writer anyway."""
    if not is_sqlite(session):
        session.execute(text("SELECT pg_advisory_xact_lock(:lock, :host)"), {"lock": lock, "host": host_id})
