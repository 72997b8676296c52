"""The room's door: a report for a reader, in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.reports.answers import ReportAnswer, WholeReport
from plugin.reports.asking.question import Question, parse_question
from plugin.reports.asking.reader import Asker, Reader
from plugin.reports.query import ask


@contextmanager
def asking(runtime: Runtime, host_id: int, reader: Reader) -> Iterator[Asker]:
    """A transaction to ask in: rows, total and computed columns are of one instant."""
    with runtime.db.read(steady=True) as session:
        yield asker_of(runtime, session, host_id, reader)


def asker_of(runtime: Runtime, session: Session, host_id: int, reader: Reader) -> Asker:
    """The same in a transaction there is."""
    return Asker(session, host_id, runtime.clock.now(), reader)


def report(
    runtime: Runtime, host_id: int, reader: Reader, source: str, pairs: Iterable[tuple[str, str]]
) -> tuple[Question, ReportAnswer, str]:
    """A part of a report: what was asked, the answer, and the host's time zone.

    :raises Refused: for anything that is asked for and is not there.
    """
    question = parse_question(source, pairs)
    with asking(runtime, host_id, reader) as asker:
        answer = ask(asker, question)
        return question, answer, zone_of(asker, answer)


def zone_of(asker: Asker, answer: ReportAnswer | WholeReport) -> str:
    """The host's time zone: of now, or of the day that is asked about."""
    return asker.zone if answer.moment is None else answer.moment.zone
