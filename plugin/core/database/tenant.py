"""Which host's rows a transaction may touch: told to every session, and kept by PostgreSQL where row security is on.

Work inside one host says so once, where the host becomes known: a request, a lane of the worker, a command. What has to
look at several hosts names its reason, and every reason is listed here. Whoever says neither reads no host's rows at all:
PostgreSQL refuses the statement (docs/decisions/0094-row-security.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Engine, event

from plugin.core.database.dialect import ROW_SECURITY

EVERY_HOST = "muster_every_host"
"""The role whose policies show the rows of every host (:mod:`plugin.migrations.row_security`)."""
TENANT, STEADY = "muster_tenant", "muster_steady"
"""Options of a transaction: the host it is of, and whether its statements see one instant."""
EVERY = "*"
NOBODY = ""
ACROSS = frozenset({
    "a session by its handle",
    "a directory's source by its name",
    "a connection by the name in its hooks' address",
    "an operator's pages",
    "a registration before it has a host",
    "a new host",
    "hosts that are owed work",
    "events that are owed",
    "figures of all hosts",
    "the shell's list of hosts",
    "a backup",
})  # fmt: skip
"""Why anything may look at the rows of every host. A test compares this with the places that say so."""
_TOLD: ContextVar[str | None] = ContextVar("muster_tenant", default=None)


def current_tenant() -> str | None:
    """The host told in this thread or task: its number, ``EVERY``, ``NOBODY``; ``None`` where nothing was said."""
    return _TOLD.get()


def enter(host_id: int | None) -> None:
    """From now on this thread or task works inside a host, or inside none; nothing takes it back but the next call."""
    _TOLD.set(NOBODY if host_id is None else str(int(host_id)))


def leave() -> None:
    """Nothing is told in this thread or task any more."""
    _TOLD.set(None)


def enter_every(why: str) -> None:
    """From now on this thread or task looks at the rows of every host."""
    _TOLD.set(_every(why))


@contextmanager
def restored() -> Iterator[None]:
    """Behind the block the same is told as before, whatever is told within."""
    with _telling(_TOLD.get()):
        yield


@contextmanager
def inside(host_id: int) -> Iterator[None]:
    """Within the block, sessions that are opened touch the rows of this host alone."""
    with _telling(str(int(host_id))):
        yield


@contextmanager
def across(why: str) -> Iterator[None]:
    """Within the block, sessions that are opened touch the rows of every host.

    :param why: one of ``ACROSS``.
    """
    with _telling(_every(why)):
        yield


def _every(why: str) -> str:
    if why not in ACROSS:
        raise ValueError(f"'{why}' is no reason to look at every host.")
    return EVERY


@contextmanager
def _telling(what: str | None) -> Iterator[None]:
    token = _TOLD.set(what)
    try:
        yield
    finally:
        _TOLD.reset(token)


def tell_postgres(engine: Engine) -> None:
    """Begin each transaction of PostgreSQL's with the host it is of, in one message, so that it costs no way there and back."""
    engine.update_execution_options(**{ROW_SECURITY: True})

    @event.listens_for(engine, "connect")
    def _by_hand(connection: Any, _record: Any) -> None:
        connection.autocommit = True  # else the driver would send a BEGIN of its own first

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        options, raw = connection.get_execution_options(), connection.connection.dbapi_connection
        if options.get("isolation_level") == "AUTOCOMMIT":
            return
        level = "REPEATABLE READ" if options.get(STEADY) else "READ COMMITTED"
        first = f"BEGIN ISOLATION LEVEL {level}" if raw.autocommit else ""  # where somebody asked for another level
        if words := [one for one in (first, _said(options.get(TENANT, ""))) if one]:
            raw.execute("; ".join(words), prepare=False)


def _said(host: str) -> str:
    """What tells PostgreSQL the tenant until the transaction ends; behind a pooler too."""
    if host == EVERY:
        return f"SET LOCAL ROLE {EVERY_HOST}"
    return f"SET LOCAL muster.host = '{int(host)}'" if host else ""
