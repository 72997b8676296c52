"""What a process keeps of a database, tied to its pool of connections: another database, or a closed one, has its own."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

_kept: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()
_lock = Lock()
_PROVISIONAL = "provisional"


def cached(session: Session, name: Hashable) -> Any:
    """What the process keeps of the session's database under a name, or ``None``.

    Whoever keeps something must be able to tell from the database whether it is still true.
    """
    return _memory(session).get(name)


def keep(session: Session, name: Hashable, value: Any) -> None:
    """Keep something, unless this transaction wrote what it was read from: that may yet be rolled back."""
    if not session.info.get(_PROVISIONAL):
        _memory(session)[name] = value


def provisional(session: Session) -> None:
    """From now on this transaction reads what it wrote itself."""
    session.info[_PROVISIONAL] = True


def _memory(session: Session) -> dict[Hashable, Any]:
    pool = session.get_bind().engine.pool
    with _lock:
        return _kept.setdefault(pool, {})


def clear() -> None:
    """Drop everything; for tests that empty a database behind the process's back."""
    with _lock:
        _kept.clear()
