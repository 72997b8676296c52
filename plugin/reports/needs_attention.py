"""What asks for somebody today: who is late and who soon will be, open questions, and what waits at the learning site.

Every number is counted by the condition that the list behind it is filtered by.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from plugin.core.days import DAY
from plugin.delivery.endpoints.event_log import disabled_count
from plugin.delivery.figures import parked_count
from plugin.delivery.messages.message_list import HELD, IN_DOUBT, by_state
from plugin.enrolment.answers.exception_list import open_counts
from plugin.enrolment.codes import STATES, WITHDRAWN
from plugin.enrolment.tables import Held
from plugin.mirror.pulling.row_guard import held_records
from plugin.mirror.sources.source import sources_of
from plugin.mirror.sources.tables import Identity, Rename, SourceLoad
from plugin.mirror.tables import Connection
from plugin.reports import overview
from plugin.reports.asking.reader import Asker, condition_of
from plugin.reports.sources.cells import ACTIVE, OVERDUE, TO_DO

WEEK, MONTH = 7, 30
"""Days that the page looks back and ahead."""
CONDITIONS: Mapping[str, str] = {
    **{
        name: overview.CONDITIONS[name]
        for name in ("enrolled", "certified", "overdue", "due_30", "expiring_30", "held")
    },
    "newly_overdue": f"({OVERDUE} AND e.due >= :now - {WEEK * DAY})",
    "due_7": f"({TO_DO} AND e.due > :now AND e.due <= :now + {WEEK * DAY})",
}


def condition(standing: str, now: int) -> str:
    """The SQL over rows ``e`` that a number above is counted by; empty for a word that is none."""
    return CONDITIONS.get(standing, "").replace(":now", str(int(now)))


def counted(asker: Asker, conditions: Mapping[str, str]) -> dict[int, dict[str, int]]:
    """By certification, of those the reader may see, how many learners are in each of these conditions over rows ``e``."""
    where, values = "e.host_id = ?", list[Any]([asker.host_id])
    if asker.reader.certifications is not None:
        where += f" AND e.certification IN ({', '.join(map(str, sorted(asker.reader.certifications))) or 'NULL'})"
    if asker.reader.people is not None:
        condition, more = condition_of(asker, "e.person", asker.reader.people)
        where, values = f"{where} AND {condition}", [*values, *more]
    listed = ", ".join(f"sum(CASE WHEN {one} THEN 1 ELSE 0 END)" for one in conditions.values())
    sql = f"SELECT e.certification, {listed} FROM enrolment e WHERE {where} GROUP BY e.certification"
    rows = asker.rows(sql.replace(":now", str(asker.now)), *values)
    return {row[0]: {name: int(n) for name, n in zip(conditions, row[1:], strict=True)} for row in rows}


def counted_in(asker: Asker, certification: int) -> dict[str, int]:
    """These numbers of one certification, and how many learners are in each state (``state.NAME``)."""
    states = {
        f"state.{word}": f"({ACTIVE} AND e.state = {code})" for code, word in enumerate(STATES) if code != WITHDRAWN
    }
    wanted = {**CONDITIONS, **states}
    reader = replace(asker.reader, certifications=frozenset({certification}))
    only = Asker(asker.session, asker.host_id, asker.now, reader)
    return counted(only, wanted).get(certification, dict.fromkeys(wanted, 0))


@dataclass(frozen=True)
class CertificationNeeds:
    """How a certification stands: the numbers above, and the exceptions that wait for an answer."""

    id: int
    code: str
    name: str
    numbers: Mapping[str, int]
    exceptions: int


def of_certifications(asker: Asker) -> list[CertificationNeeds]:
    """The certifications that the reader may see and that are not archived, those with most overdue first."""
    counts = counted(asker, CONDITIONS)
    open_questions = open_counts(asker.session, asker.host_id)
    rows = asker.rows(
        "SELECT id, code, name FROM certification WHERE host_id = ? AND state <> 'archived' ORDER BY name, id",
        asker.host_id,
    )  # fmt: skip
    allowed = asker.reader.certifications
    found = [
        CertificationNeeds(number, code, name or code, counts.get(number, dict.fromkeys(CONDITIONS, 0)),
                        open_questions.get(number, 0))
        for number, code, name in rows
        if allowed is None or number in allowed
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.numbers["overdue"], -one.exceptions))


@dataclass(frozen=True)
class OfSource:
    """What waits at a source: records to be matched, a load that waits for somebody, units perhaps renamed."""

    name: str
    unmatched: int
    loads: int
    renames: int


@dataclass(frozen=True)
class Waits:
    """What waits at the whole learning site.

    :ivar down: why the learning site cannot be used; empty where it can. :ivar refused: course places that it refused.
    :ivar learners: whose withdrawal is on hold; ``holds``: decisions about them; ``records``: of the site, on hold.
    :ivar doubtful: messages of which somebody must say what becomes of them; ``stormy``: held because they are many.
    """

    down: str
    refused: int
    learners: int
    holds: int
    records: int
    disabled: int
    sources: tuple[OfSource, ...]
    doubtful: Mapping[str, int]
    stormy: int

    @property
    def system(self) -> int:
        """How many things of the system wait for somebody."""
        sources = sum(bool(one.unmatched) + one.loads + one.renames for one in self.sources)
        return bool(self.down) + bool(self.refused) + self.holds + bool(self.records) + self.disabled + sources


def waits_of(session: Session, host_id: int) -> Waits:
    """What waits at the learning site now."""
    down = session.scalar(
        select(Connection.reason)
        .where(Connection.host_id == host_id, Connection.role == "site", Connection.state != "active")
        .limit(1)
    )
    holds = session.execute(
        select(func.count(), func.sum(Held.n)).where(Held.host_id == host_id, Held.state == "open", Held.n > 0)
    ).one()
    messages = by_state(session, host_id, only=(HELD, *IN_DOUBT))
    return Waits(
        down=down or "", refused=parked_count(session, host_id), holds=int(holds[0]), learners=int(holds[1] or 0),
        records=sum(held_records(session, host_id).values()), disabled=disabled_count(session, host_id),
        sources=_sources(session, host_id), stormy=messages.pop(HELD, 0), doubtful=messages,
    )  # fmt: skip


def _sources(session: Session, host_id: int) -> tuple[OfSource, ...]:
    rows = sources_of(session, host_id)
    if not rows:
        return ()

    def by_source(table: type[Identity | SourceLoad | Rename], *conditions: ColumnElement[bool]) -> dict[int, int]:
        query = select(table.source, func.count()).where(table.host_id == host_id, *conditions)
        return {row[0]: int(row[1]) for row in session.execute(query.group_by(table.source))}

    unmatched = by_source(Identity, Identity.why > 0, Identity.gone.is_(None))
    loads, renames = by_source(SourceLoad, SourceLoad.state == "waits"), by_source(Rename, Rename.state == "open")
    found = (OfSource(row.name, unmatched.get(row.id, 0), loads.get(row.id, 0), renames.get(row.id, 0)) for row in rows)
    return tuple(one for one in found if one.unmatched or one.loads or one.renames)
