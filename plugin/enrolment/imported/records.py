"""Imported records (rules 7.6): a file looked at, line by line, imported in one piece, and taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.file.record_file import RecordFile, read_records
from plugin.certifications.rules.record_states import (
    EXPIRES,
    TAKEN,
    VERDICTS,
    WRONG,
    JudgedLine,
    KnownState,
    NamedPerson,
    Rules,
    brought_along,
    judge,
)
from plugin.core.database.bulk import insert_rows
from plugin.core.errors import Conflict, NotFound, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.core.text.stored import later
from plugin.enrolment.answers.ended import refuse_ended
from plugin.enrolment.earlier_rows import keep_rows
from plugin.enrolment.facts import NONE, Facts, read_facts
from plugin.enrolment.imported.record_facts import present_state, still_stands
from plugin.enrolment.reading.live_rows import touch_enrolments
from plugin.enrolment.reading.snapshot import Snapshot, lock_certification
from plugin.enrolment.settling.owed_looks import owe
from plugin.enrolment.tables import OVER, TAKING_BACK, WAITING, Enrolment, ImportedRecord
from plugin.enrolment.tables import TAKEN as JOINED
from plugin.enrolment.terms import Terms, terms_of
from plugin.mirror.lookup.find_people import identities_named

BROUGHT, TAKEN_BACK = "records_brought", "records_taken_back"
"""What the history says."""
KEPT = 30 * 86400
"""How long a file can be taken back."""


@dataclass(frozen=True)
class CheckedFile:
    """A file looked at: a verdict for each line, and headings nothing was taken from."""

    lines: list[JudgedLine]
    unused: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many lines of each verdict there are, those of none left out."""
        found = Counter(one.verdict for one in self.lines)
        return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}

    @property
    def taken(self) -> int:
        """How many records would be imported."""
        return sum(one.verdict in TAKEN for one in self.lines)

    @property
    def wrong(self) -> int:
        """How many lines cannot be."""
        return sum(one.verdict in WRONG for one in self.lines)


@dataclass(frozen=True)
class Choice:
    """What is imported of a file.

    :ivar order: how its dates are written (:data:`plugin.certifications.file.record_file.ORDERS`).
    :ivar expired: bring those along that expire at once, too.
    :ivar leave_out: bring the rest along though some lines cannot be.
    :ivar expected: how many records she saw, those that expire at once among them; another number is refused.
    """

    order: str = ""
    expired: bool = True
    leave_out: bool = False
    expected: int | None = None


def look(session: Session, host_id: int, certification: int, words: str, *, now: int, order: str = "") -> CheckedFile:
    """What every line of a file would do. Nothing is written.

    :raises Invalid: for a file that cannot be read as a whole.
    :raises RefusedByRule: when the certification does not say yet how long it holds.
    """
    terms = terms_of(session, host_id, certification)
    if terms.settings is None and terms.kind != "program":
        raise RefusedByRule(_("Say on the Details tab how long the certification holds; then import records."))
    read = read_records(words, terms.zone, order)
    _seq, as_of = read_clock(session, host_id)
    rules = Rules(terms.settings, terms.content, terms.zone, max(as_of, now))
    people = _people(session, host_id, read)
    known = _known(session, terms, {one.person for named in people.values() for one in named}, rules)
    return CheckedFile(judge(read.lines, people, known, rules), read.unused)


def _people(session: Session, host_id: int, read: RecordFile) -> dict[str, list[NamedPerson]]:
    names = sorted({line.person for line in read.lines if line.person})
    found = identities_named(session, host_id, names) if names else {}
    return {name: [NamedPerson(one.person, one.ext, one.name) for one in people] for name, people in found.items()}


def _known(session: Session, terms: Terms, people: set[int], rules: Rules) -> dict[int, KnownState]:
    """States and completions of these people, records that wait for a spell among them."""
    listed = np.array(sorted(people), np.int64)
    facts = read_facts(session, terms.host_id, terms.id, listed)
    snapshot = Snapshot(session, terms.host_id, [terms.id], listed)
    done = snapshot.completions(terms, listed)
    known = {
        person: KnownState(present_state(facts, position, rules.as_of), done.get(person, {}))
        for position, person in enumerate(listed.tolist())
    }
    for one in snapshot.brought(terms.id):
        if one.person in known and one.state == WAITING:
            about = known[one.person]
            state = brought_along(about.state, one.record, about.completions or {}, rules)
            known[one.person] = KnownState(state, about.completions)
    return known


def bring(runtime: Runtime, host_id: int, certification: int, words: str, *, who: str, choice: Choice) -> int:
    """Bring a file's records along, all of them or none; returns how many. Nobody is sent a message.

    :raises Invalid: for a file that cannot be read as a whole.
    :raises RefusedByRule: when there are lines that cannot be taken and nobody said to leave them out.
    :raises Conflict: when it is not the number of records that was shown.
    """

    def work(session: Session) -> int:
        _seq, as_of = read_clock(session, host_id, share=True)
        lock_certification(session, host_id, certification)
        at = max(as_of, runtime.clock.now())
        refuse_ended(session, host_id, certification, at)
        found = look(session, host_id, certification, words, now=at, order=choice.order)
        taken = [one for one in found.lines if one.verdict in TAKEN and (choice.expired or one.verdict != EXPIRES)]
        if choice.expected is not None and choice.expected != found.taken:
            numbers = {"taken": found.taken, "expected": choice.expected}
            raise Conflict(
                _("It would be %(taken)s records now, not %(expected)s: look at the lines again.", **numbers)
            )
        if found.wrong and not choice.leave_out:
            sentence = _("%(wrong)s of %(all)s lines cannot be imported, so nothing is. Correct them, or"
                         " say that they are to be left out.", wrong=found.wrong, all=len(found.lines))  # fmt: skip
            raise RefusedByRule(sentence)
        if taken:
            _write(session, host_id, certification, taken, found, who, at)
        return len(taken)

    move_on(runtime, host_id)
    return runtime.db.transact(work)


def _write(
    session: Session,
    host_id: int,
    certification: int,
    taken: Sequence[JudgedLine],
    found: CheckedFile,
    who: str,
    at: int,
) -> None:
    records = {one.who.person: one.record for one in taken if one.who is not None and one.record is not None}
    people = sorted(records)
    n = record(
        session, host_id, at, who, BROUGHT, certification=certification, people=BitMap(people),
        data={"lines": len(found.lines), "verdicts": found.counts},
    )  # fmt: skip
    rows = [records[person] for person in people]
    insert_rows(session, ImportedRecord, {
        "host_id": host_id, "certification": certification, "person": people, "n": n,
        "since": [one.since for one in rows], "until": [one.until for one in rows],
        "day": [int(one.day) for one in rows], "state": WAITING, "at": at, "kept": "{}",
    })  # fmt: skip
    owe(session, host_id, people, at)


def take_back(runtime: Runtime, host_id: int, number: int, *, who: str) -> tuple[int, int]:
    """Undo a file: what records said is taken out again. Returns how many, and how many stay for what came since.

    :raises NotFound: for a number that is no such entry.
    :raises RefusedByRule: when it is too old, or was taken back before.
    """

    def work(session: Session) -> tuple[int, int]:
        entry = session.get(Journal, (host_id, number))
        if entry is None or entry.what != BROUGHT or entry.certification is None:
            raise NotFound(_("%(number)s is no file of records that could be taken back.", number=number))
        certification = entry.certification
        _seq, as_of = read_clock(session, host_id, share=True)
        lock_certification(session, host_id, certification)
        at = max(as_of, runtime.clock.now())
        refuse_ended(session, host_id, certification, at)
        if at - entry.at > KEPT:
            raise RefusedByRule(_("These records were imported more than 30 days ago and can no longer be undone."))
        rows = session.scalars(
            select(ImportedRecord).where(
                ImportedRecord.host_id == host_id, ImportedRecord.certification == certification, ImportedRecord.n == number,
                ImportedRecord.state.in_((WAITING, JOINED)),
            )
        ).all()  # fmt: skip
        if not rows:
            raise RefusedByRule(_("These records were taken back already."))
        undone, staying = _take_out(session, host_id, certification, rows, at)
        record(session, host_id, at, who, TAKEN_BACK, certification=certification, people=BitMap(undone),
               reason=later("Undo of %(number)s", number=number), data={"of": number, "staying": len(staying)})  # fmt: skip
        owe(session, host_id, undone, at)
        return len(undone), len(staying)

    move_on(runtime, host_id)
    return runtime.db.transact(work)


def _take_out(
    session: Session, host_id: int, certification: int, rows: Sequence[ImportedRecord], at: int
) -> tuple[list[int], list[int]]:
    """Whose records go, and whose stay because she has moved on since."""
    people = np.array(sorted(row.person for row in rows), np.int64)
    facts = read_facts(session, host_id, certification, people)
    gone = [int(one) for one in people[~facts.live]]
    keep_rows(session, host_id, certification, gone, at)
    undone: list[int] = []
    staying: list[int] = []
    for row in rows:
        position = int(people.searchsorted(row.person))
        if row.state == WAITING:
            row.state = OVER
        elif not _stands(facts, position, row):
            staying.append(row.person)
            continue
        elif facts.live[position]:
            row.state = TAKING_BACK
        else:
            _restore(session, host_id, certification, row)
        undone.append(row.person)
    session.flush()
    touch_enrolments(session, host_id, {certification: 0})
    return undone, staying


def _stands(facts: Facts, position: int, row: ImportedRecord) -> bool:
    names = ("cycle", "certified_at", "baseline")
    return still_stands({name: int(getattr(facts, name)[position]) for name in names}, row.kept)


def _restore(session: Session, host_id: int, certification: int, row: ImportedRecord) -> None:
    """Somebody who has left since: the dates kept of her are what they were."""
    enrolment = session.get_one(Enrolment, (host_id, certification, row.person), with_for_update=True)
    before = row.kept["before"]
    for name in ("cycle", "certified_at", "expires", "window_opens", "baseline"):
        value = int(before[name])
        setattr(enrolment, name, None if value == NONE else value)
    enrolment.rev += 1
    row.state = OVER


def is_file(session: Session, host_id: int, number: int) -> bool:
    """Whether an entry of the history tells of an imported file."""
    entry = session.get(Journal, (host_id, number))
    return entry is not None and entry.what == BROUGHT
