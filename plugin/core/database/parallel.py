"""Several things at once: reading what comes next while the present is worked on, and writing side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from queue import Empty, Queue
from threading import Event
from typing import TypeVar

from sqlalchemy.orm import Session

from plugin.core.db import Database

T = TypeVar("T")
R = TypeVar("R")
_AHEAD = 2
"""Answers each connection may have waiting."""
_MOST = 4


def hands() -> int:
    """How many things are worth doing at once on this machine."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()  # Linux alone tells
    return min(ours or 1, _MOST)


def read_ahead(db: Database, items: Sequence[T], read: Callable[[Session, T], R]) -> Iterator[R]:
    """What ``read`` finds for each item, in their order.

    Several connections read at once, each in one read of its own: the answers are not of one instant.

    :raises: what ``read`` raised, in the place of its answer.
    """
    readers = 1 if db.in_memory else min(hands(), len(items))
    if readers < 2:
        with db.read() as session:
            for item in items:
                yield read(session, item)
        return
    over, found = Event(), [Queue[tuple[R | None, BaseException | None]](_AHEAD) for _reader in range(readers)]
    with ThreadPoolExecutor(readers) as pool:
        for number, queue in enumerate(found):
            pool.submit(copy_context().run, _read_share, db, items[number::readers], read, queue, over)
        try:
            for number in range(len(items)):
                answer, trouble = found[number % readers].get()
                if trouble is not None:
                    raise trouble
                yield answer  # type: ignore[misc]  # with no trouble there is an answer
        finally:
            over.set()
            for queue in found:
                _empty(queue)


def _read_share(
    db: Database, items: Sequence[T], read: Callable[[Session, T], R],
    found: Queue[tuple[R | None, BaseException | None]], over: Event,
) -> None:  # fmt: skip
    try:
        with db.read() as session:
            for item in items:
                if over.is_set():
                    return
                found.put((read(session, item), None))
    except BaseException as trouble:
        found.put((None, trouble))


def _empty(queue: Queue[T]) -> None:
    """So that nobody waits to put something in."""
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return


def side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """``work`` of each item, all at once; the answers in their order.

    :raises: what one of them raised, when all are over.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(len(items)) as pool:
        begun = [pool.submit(copy_context().run, work, item) for item in items]
    return [one.result() for one in begun]
