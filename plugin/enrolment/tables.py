"""Tables of enrolment: the stored facts S that ``step`` decides from, and why."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.database.leases import Leased
from plugin.core.db import Base


class Enrolment(Base):
    """One learner in one certification: at most one row, however many assignments stand behind it.

    ``state`` and ``hold`` are the codes of :mod:`plugin.enrolment.codes`.
    """

    __tablename__ = "enrolment"
    __table_args__ = (
        Index(None, "host_id", "person", "certification"),
        # A tenth of each page stays free, so that a row that changes stays where it is and its indexes as they are.
        {"sqlite_with_rowid": False, "postgresql_with": {"fillfactor": 90}},
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    state: Mapped[int] = mapped_column(SmallInteger)
    hold: Mapped[int] = mapped_column(SmallInteger, default=0)
    spell: Mapped[int] = mapped_column(Integer, default=1)
    began: Mapped[int] = mapped_column(BigInteger)
    """When this spell began (rules 3.2)."""
    ended: Mapped[int | None] = mapped_column(BigInteger)
    due: Mapped[int | None] = mapped_column(BigInteger)
    due_from: Mapped[int | None] = mapped_column(Integer)
    """The assignment that gave the date."""
    baseline_due: Mapped[int | None] = mapped_column(BigInteger)
    """Her due date without extensions, where one was granted before the first certification."""
    why: Mapped[int] = mapped_column(BigInteger, default=0)
    """A row of ``why_set``; 0 is the empty set."""
    frozen_since: Mapped[int | None] = mapped_column(BigInteger)
    """Since when she is suspended at the host, as settled (rules 2.6)."""
    leaves_on: Mapped[int | None] = mapped_column(BigInteger)
    """The end of grace, while she has no assignment left."""
    quiet: Mapped[bool] = mapped_column(default=False)
    """This spell began by a save that sends no messages (rules 5.4)."""
    cycle: Mapped[int] = mapped_column(Integer, default=0)
    certified_at: Mapped[int | None] = mapped_column(BigInteger)
    expires: Mapped[int | None] = mapped_column(BigInteger)
    window_opens: Mapped[int | None] = mapped_column(BigInteger)
    baseline: Mapped[int | None] = mapped_column(BigInteger)
    """The expiry before extensions: the next cycle counts from here (rules 7.5)."""
    wakes: Mapped[int | None] = mapped_column(BigInteger)
    """The next instant at which time alone may change this row; the tick looks here."""
    rev: Mapped[int] = mapped_column(Integer, default=1)


Index(
    "ix_enrolment_wakes",
    Enrolment.host_id,
    Enrolment.wakes,
    sqlite_where=Enrolment.wakes.isnot(None),
    postgresql_where=Enrolment.wakes.isnot(None),
)


class EnrolmentPast(Base):
    """What rows of learners said before a transaction changed them (:mod:`plugin.enrolment.earlier_rows`)."""

    __tablename__ = "enrolment_past"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(BigInteger)
    """The earliest of the instants as of which they changed, and ``until`` the latest."""
    until: Mapped[int] = mapped_column(BigInteger)
    people: Mapped[bytes] = mapped_column(LargeBinary)
    before: Mapped[bytes] = mapped_column(LargeBinary)
    """Packed columns."""


class WhySet(Base):
    """An interned set of assignments, named by the XOR of their keys (design point 8)."""

    __tablename__ = "why_set"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    assignments: Mapped[list[int]] = mapped_column(JSON)


class ExceptionRow(Base):
    """An open exception: one per learner and certification, by the key (rules 4.2)."""

    __tablename__ = "exception"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    type: Mapped[int] = mapped_column(SmallInteger)
    since: Mapped[int] = mapped_column(BigInteger)
    wanted_due: Mapped[int | None] = mapped_column(BigInteger)
    wanted_from: Mapped[int | None] = mapped_column(Integer)
    why: Mapped[int] = mapped_column(BigInteger, default=0)


class Decision(Base):
    """The answer in force to an exception: covers the assignments known then; may be reopened (rules 4.4)."""

    __tablename__ = "decision"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    spell: Mapped[int] = mapped_column(Integer)
    type: Mapped[int] = mapped_column(SmallInteger)
    action: Mapped[str] = mapped_column(String(16))
    """realistic, assign or dismiss."""
    why: Mapped[int] = mapped_column(BigInteger, default=0)
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255))
    due: Mapped[int | None] = mapped_column(BigInteger)
    """The wanted date it was given for."""
    applied: Mapped[bool] = mapped_column(default=False)
    """False from the answer until settling has carried it out."""
    raised: Mapped[int | None] = mapped_column(BigInteger)
    """Since when the exception was open; empty where an earlier release wrote the answer."""


class DecisionPast(Base):
    """An answer that was carried out, and that a later one to another exception took the place of."""

    __tablename__ = "decision_past"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    type: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    action: Mapped[str] = mapped_column(String(16), primary_key=True)
    who: Mapped[str] = mapped_column(String(255))
    due: Mapped[int | None] = mapped_column(BigInteger)
    raised: Mapped[int | None] = mapped_column(BigInteger)


class Extension(Base):
    """A date moved for one learner, never the next cycle (rules 7.5)."""

    __tablename__ = "extension"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    until: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255))


class ExtensionRequest(Base):
    """A learner asks for more time; her manager or an administrator answers."""

    __tablename__ = "extension_request"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    certification: Mapped[int] = mapped_column(Integer)
    person: Mapped[int] = mapped_column(Integer)
    until: Mapped[int] = mapped_column(BigInteger)
    """The date she asks for; once granted, the date she got."""
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default="open")
    """``open``, ``granted``, ``refused`` or ``withdrawn``."""
    answered: Mapped[int | None] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255), default="")
    """Who answered."""
    answer: Mapped[str] = mapped_column(Text, default="")


Index(
    "ix_extension_request_open",
    ExtensionRequest.host_id,
    ExtensionRequest.person,
    ExtensionRequest.certification,
    unique=True,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)


class Exemption(Base):
    """A learner a certification does not apply to, even where an assignment matches her, until a day or for good."""

    __tablename__ = "exemption"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    until: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)


Index(
    "ix_exemption_until",
    Exemption.host_id,
    Exemption.until,
    sqlite_where=Exemption.until.isnot(None),
    postgresql_where=Exemption.until.isnot(None),
)


class Settling(Leased, Base):
    """A whole settle under way or owed: one row per certification, leased, resumable."""

    __tablename__ = "settling"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    """Order of the saves: of two certifications saved at once the earlier one is settled first."""
    version: Mapped[int] = mapped_column(Integer)
    requested: Mapped[int] = mapped_column(BigInteger)
    as_of: Mapped[int] = mapped_column(BigInteger)
    """The instant of the save: a spell that this save begins began then (rules 3.2)."""
    who: Mapped[str] = mapped_column(String(255), default="")
    choices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    resume_at: Mapped[int] = mapped_column(Integer, default=0)
    """People below this id are done."""
    state: Mapped[str] = mapped_column(String(16), default="owed")
    """``owed``, ``running``, ``done``, or ``aside`` after it failed again and again."""
    correlation: Mapped[str] = mapped_column(String(32), default="")


class Held(Base):
    """Withdrawals on hold, shown, to be released or refused; their learners stay enrolled (rules 5.6, 2.3, 5.10)."""

    __tablename__ = "held"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    certification: Mapped[int] = mapped_column(Integer)
    cause: Mapped[str] = mapped_column(String(16))
    """``guard``, ``target_gone`` or ``team_gone``."""
    assignment: Mapped[int | None] = mapped_column(Integer)
    since: Mapped[int] = mapped_column(BigInteger)
    people: Mapped[bytes] = mapped_column(LargeBinary)
    n: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16), default="open")
    """``open``, ``released`` or ``refused``."""
    answered: Mapped[int | None] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255), default="")


class OpenedCourse(Base):
    """A course a learner opened from Muster, where seats wait for that (AS-CODE ``enrol: on_open``)."""

    __tablename__ = "opened"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    course: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)


class WaveState(Base):
    """What one lane of a certification has drawn (rules 11.3): a row with a wave, or those that share the certification's."""

    __tablename__ = "wave"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    assignment: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """0 where the wave is the certification's."""
    drawn: Mapped[int] = mapped_column(BigInteger)
    """When it drew last."""
    used: Mapped[int] = mapped_column(Integer)
    """How many were drawn in the period of that."""
    turn: Mapped[int | None] = mapped_column(BigInteger)
    """When the next period begins, where somebody waits for it."""
    people: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """By instant, who was drawn and has not begun yet."""


WAITING, TAKEN, TAKING_BACK, OVER = range(4)
"""``Brought.state``: not part of a spell yet; part of one; to be taken back by settling; taken back."""


class ImportedRecord(Base):
    """An imported record (rules 7.6): part of the facts that ``step`` decides from.

    It waits until its learner has a spell, so that it makes no difference which of the two came first.
    """

    __tablename__ = "brought"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Entry of the history that tells of the file."""
    since: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[int | None] = mapped_column(BigInteger)
    day: Mapped[bool] = mapped_column(default=False)
    """``since`` is the end of a day alone."""
    state: Mapped[int] = mapped_column(SmallInteger, default=WAITING)
    at: Mapped[int] = mapped_column(BigInteger)
    """When the file was imported: of moments before it nobody is told."""
    kept: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What her row said before, and what it said after, while it is part of a spell."""


Index(
    "ix_brought_open",
    ImportedRecord.host_id,
    ImportedRecord.person,
    sqlite_where=text(f"state IN ({WAITING}, {TAKING_BACK})"),
    postgresql_where=text(f"state IN ({WAITING}, {TAKING_BACK})"),
)
