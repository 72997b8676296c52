"""Whose turn it is to write into a SQLite file.

SQLite lets writers ask again and again, ever more rarely; whoever writes one transaction after the other takes the file again
before anybody else has asked, and a person who saves may wait for as long as a worker has work. Here whoever waits stands in
line: a writer that has just finished goes behind those who wait.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from plugin.core.errors import Unavailable

_SHORTEST, _LONGEST = 0.001, 0.01
"""Seconds between two looks."""


def begin_in_turn(connection: Any, path: str) -> None:
    """Begin a transaction that writes.

    :param connection: the driver's own; its busy timeout says how long to wait.
    :param path: of a file beside the database, that marks who is next. The system frees it when a process dies.
    :raises sqlite3.OperationalError: ``database is locked``, when others hold the file for longer.
    :raises Unavailable: when that file cannot be made, opened or locked.
    """
    wait = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    until = time.monotonic() + wait / 1000
    with _next(path, until):
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            for _look in _looks(until):
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error):
                        raise
                else:
                    return
        finally:
            connection.execute(f"PRAGMA busy_timeout = {wait}")


@contextmanager
def _next(path: str, until: float) -> Iterator[None]:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(_cannot(path, error, "opened for writing")) from None
    try:
        for _look in _looks(until):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError as error:  # some network drives know no locks
                raise Unavailable(_cannot(path, error, "locked")) from None
            break
        yield
    finally:
        os.close(handle)


def _cannot(path: str, error: OSError, done: str) -> str:
    return f"The file {path}, by which writers of the database take turns, cannot be {done}: {error.strerror}."


def _looks(until: float) -> Iterator[None]:
    """One look at once, then more until the time is over."""
    pause = _SHORTEST
    while True:
        yield
        if time.monotonic() >= until:
            raise sqlite3.OperationalError("database is locked")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST)
