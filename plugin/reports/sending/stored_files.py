"""Files that wait to be sent or fetched: kept in pieces, given out a piece at a time, dropped when their time is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.reports.sending.tables import ReportPart, ReportSending

REMEMBERED = 400 * 86_400
"""Seconds for which it is known what was sent to whom."""


def parts(runtime: Runtime, host_id: int, number: int) -> Iterator[bytes]:
    """A file, a piece at a time, each in a transaction of its own."""
    n = 0
    while True:
        with runtime.db.read() as session:
            part = session.get(ReportPart, (host_id, number, n))
        if part is None:
            return
        yield bytes(part.data)
        n += 1


def copy_to(runtime: Runtime, host_id: int, number: int, file: IO[bytes]) -> None:
    """Write a file out, and go back to its beginning."""
    for part in parts(runtime, host_id, number):
        file.write(part)
    file.seek(0)


def forget(session: Session, host_id: int, now: int) -> None:
    """Drop files whose time is over, and what was sent long ago."""
    here = ReportSending.host_id == host_id
    over = session.scalars(
        select(ReportSending).where(here, ReportSending.kept_until > 0, ReportSending.kept_until <= now)
    ).all()
    for row in over:
        row.kept_until = 0
    old = list(
        session.scalars(
            select(ReportSending.id).where(here, ReportSending.ended > 0, ReportSending.ended <= now - REMEMBERED)
        )
    )
    if gone := [*(row.id for row in over), *old]:
        drop(session, host_id, gone)
    if old:
        session.execute(delete(ReportSending).where(here, ReportSending.id.in_(old)))


def drop(session: Session, host_id: int, sendings: Sequence[int]) -> None:
    """Files that are not needed any more."""
    session.execute(delete(ReportPart).where(ReportPart.host_id == host_id, ReportPart.sending.in_(sendings)))
