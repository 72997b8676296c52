"""Tables of enrolment: the stored facts S that ``step`` decides from, and why."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

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
    """When this spell began (DOMAIN 3.2)."""
    ended: Mapped[int | None] = mapped_column(BigInteger)
    due: Mapped[int | None] = mapped_column(BigInteger)
    due_from: Mapped[int | None] = mapped_column(Integer)
    """The assignment that gave the date."""
    baseline_due: Mapped[int | None] = mapped_column(BigInteger)
    """Her due date without extensions, where one was granted before the first certification."""
    why: Mapped[int] = mapped_column(BigInteger, default=0)
    """A row of ``why_set``; 0 is the empty set."""
    frozen_since: Mapped[int | None] = mapped_column(BigInteger)
    """Since when she is suspended at the host, as settled (DOMAIN 2.6)."""
    leaves_on: Mapped[int | None] = mapped_column(BigInteger)
    """The end of grace, while she has no assignment left."""
    quiet: Mapped[bool] = mapped_column(default=False)
    """This spell began by a save that sends no messages (DOMAIN 5.4)."""
    cycle: Mapped[int] = mapped_column(Integer, default=0)
    certified_at: Mapped[int | None] = mapped_column(BigInteger)
    expires: Mapped[int | None] = mapped_column(BigInteger)
    window_opens: Mapped[int | None] = mapped_column(BigInteger)
    baseline: Mapped[int | None] = mapped_column(BigInteger)
    """The expiry before extensions: the next cycle counts from here (DOMAIN 7.5)."""
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


class WhySet(Base):
    """An interned set of assignments, named by the XOR of their keys (DESIGN, point 8)."""

    __tablename__ = "why_set"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    assignments: Mapped[list[int]] = mapped_column(JSON)


class ExceptionRow(Base):
    """An open exception: one per learner and certification, by the key (DOMAIN 4.2)."""

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
    """The answer in force to an exception: covers the assignments known then; may be reopened (DOMAIN 4.4)."""

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


class Extension(Base):
    """A date moved for one learner, never the next cycle (DOMAIN 7.5)."""

    __tablename__ = "extension"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    until: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255))


class Exemption(Base):
    """A learner a certification does not apply to, whatever assigns her, until a day or for good."""

    __tablename__ = "exemption"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    until: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)


class Settling(Base):
    """A whole settle under way or owed: one row per certification, leased, resumable."""

    __tablename__ = "settling"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    """Order of the saves: of two certifications saved at once the earlier one is settled first."""
    version: Mapped[int] = mapped_column(Integer)
    requested: Mapped[int] = mapped_column(BigInteger)
    as_of: Mapped[int] = mapped_column(BigInteger)
    """The instant of the save: a spell that this save begins began then (DOMAIN 3.2)."""
    who: Mapped[str] = mapped_column(String(255), default="")
    choices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    resume_at: Mapped[int] = mapped_column(Integer, default=0)
    """People below this id are done."""
    lease: Mapped[str] = mapped_column(String(64), default="")
    lease_until: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(16), default="owed")
    """``owed``, ``running`` or ``done``."""
    correlation: Mapped[str] = mapped_column(String(32), default="")


class Held(Base):
    """Withdrawals on hold, shown, to be released or refused; their learners stay enrolled (DOMAIN 5.6, 2.3, 5.10)."""

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


class Opened(Base):
    """A course a learner opened from Muster, where seats wait for that (AS-CODE ``enrol: on_open``)."""

    __tablename__ = "opened"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    course: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)


WAITING, TAKEN, TAKING_BACK, OVER = range(4)
"""``Brought.state``: not part of a spell yet; part of one; to be taken back by settling; taken back."""


class Brought(Base):
    """A record brought along (DOMAIN 7.6): part of the facts that ``step`` decides from.

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
    """When the file was brought along: of moments before it nobody is told."""
    kept: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What her row said before, and what it said after, while it is part of a spell."""


Index(
    "ix_brought_open",
    Brought.host_id,
    Brought.person,
    sqlite_where=text("state IN (0, 2)"),
    postgresql_where=text("state IN (0, 2)"),
)
