"""What a process keeps of a database, tied to its pool of connections: another database, or a closed one, has its own."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

_kept: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()
_lock = Lock()


def kept(session: Session) -> dict[Hashable, Any]:
    """The process's memory of the session's database.

    Whoever keeps something here must be able to tell from the database whether it is still true.
    """
    pool = session.get_bind().engine.pool
    with _lock:
        return _kept.setdefault(pool, {})


def forget_all() -> None:
    """Drop everything; for tests that empty a database behind the process's back."""
    with _lock:
        _kept.clear()
