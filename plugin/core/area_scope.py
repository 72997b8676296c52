"""How much of a host somebody may look at: told to every session that only reads (ACCESS 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pyroaring import BitMap
from sqlalchemy.orm import Session

AREA = "muster_area"
"""Where a session keeps who is asked for the people of an area, and behind it the answers."""
Ask = Callable[[Session, int], BitMap]
_TOLD: ContextVar[Mapping[str, Any] | None] = ContextVar("muster_reading", default=None)


def current_scope() -> Mapping[str, Any]:
    """What sessions that read are told now, in this thread or task."""
    return _TOLD.get() or {}


def tell(what: Mapping[str, Any] | None) -> None:
    """Tell every session that reads from now on; nothing takes it back but the next call."""
    _TOLD.set(what)


@contextmanager
def scoped(what: Mapping[str, Any] | None) -> Iterator[None]:
    """The same for a block."""
    token = _TOLD.set(what)
    try:
        yield
    finally:
        _TOLD.reset(token)


@contextmanager
def whole(session: Session) -> Iterator[None]:
    """Within the block a session looks at everybody: to judge what nobody is shown."""
    ask = session.info.pop(AREA, None)
    try:
        yield
    finally:
        if ask is not None:
            session.info[AREA] = ask


@contextmanager
def narrow(session: Session, what: Mapping[str, Any]) -> Iterator[None]:
    """Within the block a session looks at so much only, whatever it was told before."""
    before = session.info.get(AREA)
    session.info.update(what)
    try:
        yield
    finally:
        session.info.pop(AREA, None)
        if before is not None:
            session.info[AREA] = before


def area_of(session: Session, host_id: int) -> BitMap | None:
    """The people this session may look at, by our ids; ``None`` for everybody."""
    ask: Ask | None = session.info.get(AREA)
    return None if ask is None else ask(session, host_id)


def cut(session: Session, host_id: int, people: BitMap) -> BitMap:
    """Those of these people whom this session may look at."""
    area = area_of(session, host_id)
    return people if area is None else people & area
