"""Saves reports, lists and removes them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from plugin.core.errors import Forbidden, NotFound, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.query import ask
from plugin.reports.saved.tables import SavedReport
from plugin.reports.sending.schedules import remove_of_report
from plugin.reports.service import asking

MOST = 500
"""Saved reports of one host."""


def keep(
    runtime: Runtime, host_id: int, reader: Reader, question: Question, name: str, owner: str, *, shared: bool
) -> int:
    """Save a report and return its number.

    :param owner: the subject or program that saves it.
    :raises Refused: for a name or a report that cannot be saved. :raises RefusedByRule: when there are too many.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= 255:
        raise RefusedReport("A saved report needs a name of at most 255 characters.")
    with asking(runtime, host_id, reader) as asker:
        ask(asker, question)  # what cannot be asked is not saved

    def work(session: Session) -> int:
        there = session.scalar(select(func.count()).select_from(SavedReport).where(SavedReport.host_id == host_id)) or 0
        if there >= MOST:
            raise RefusedByRule(f"There are {MOST} saved reports; remove one first.")
        number = take_ids(session, host_id, "saved_report")
        session.add(
            SavedReport(
                host_id=host_id, id=number, name=name, source=question.source,
                question=[list(pair) for pair in question.pairs()], owner=owner, shared=shared, created=runtime.clock.now(),
            )
        )  # fmt: skip
        data = {"source": question.source, "report": question.pairs(), "shared": shared}
        record(session, host_id, runtime.clock.now(), reader.who, "report_saved", reason=name, data=data, count=0)
        return number

    return runtime.db.transact(work)


def seen_by(session: Session, host_id: int, owner: str) -> Sequence[SavedReport]:
    """One's own, and those for all administrators, by name."""
    return session.scalars(
        select(SavedReport)
        .where(SavedReport.host_id == host_id, or_(SavedReport.owner == owner, SavedReport.shared))
        .order_by(SavedReport.name, SavedReport.id)
    ).all()


def one(session: Session, host_id: int, number: int, owner: str) -> SavedReport:
    """A saved report that this visitor sees.

    :raises NotFound: where there is none of this number, or it is somebody else's own.
    """
    row = session.get(SavedReport, (host_id, number))
    if row is None or (row.owner != owner and not row.shared):
        raise NotFound("There is no such saved report.")
    return row


def forget(runtime: Runtime, host_id: int, number: int, owner: str, who: str, *, site: bool) -> None:
    """Remove one.

    :param site: an administrator of the whole site removes those of others too, where they are shared.
    :raises NotFound: as :func:`one`. :raises Forbidden: where it belongs to somebody else.
    """

    def work(session: Session) -> None:
        row = one(session, host_id, number, owner)
        if row.owner != owner and not site:
            raise Forbidden("This report belongs to somebody else.")
        session.delete(row)
        remove_of_report(session, host_id, number)
        record(session, host_id, runtime.clock.now(), who, "report_removed", reason=row.name, count=0)

    runtime.db.transact(work)
