"""Sessions: asked at every request whether they live, and whether whoever has one may still be let in (ACCESS 4)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from plugin.access.rights import NONE, Rights, rights_of, today
from plugin.access.standing import counting, filled, granted, is_here, person_of_subject, suspected
from plugin.access.tables import AccessGrant
from plugin.core.database.tenant import across
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.lti.tables import LaunchSession, Nonce
from plugin.mirror.tables import Person

IDLE, ABSOLUTE = 1800, 8 * 3600
"""Seconds without a request after which a session ends, and after which it ends anyhow."""
TAB = "tab"
"""The kind of the tickets that open a tab of its own."""


@dataclass(frozen=True)
class Alive:
    """A session that lives: its row, who she is now, what she may now."""

    row: LaunchSession
    person: int | None
    rights: Rights


@dataclass(frozen=True)
class Ended:
    """A session that opens nothing. ``why``: ``over``, ``host`` (closed off) or ``person`` (not active there)."""

    why: str
    return_url: str = ""


def look(runtime: Runtime, key: str) -> Alive | Ended:
    """How the session with this hash of a handle stands at this moment. One statement where it is a person's."""
    now = runtime.clock.true()
    with across("a session by its handle"):
        with runtime.db.read() as session:
            found = _look(session, key, now, runtime.clock.now())
        if isinstance(found, int):
            runtime.db.transact(lambda session: _adopt(session, key, found))
    if isinstance(found, int):
        return look(runtime, key)
    return Ended("over") if found is None else found


def _look(session: Session, key: str, now: int, at: int) -> Alive | Ended | int | None:
    """The answer, or the person by whom a session without one has to be looked at again."""
    rows = session.execute(_QUERY.where(LaunchSession.digest == key)).all()
    if not rows:
        return None
    row, host_state, zone, state, life, absent = rows[0][:6]
    back = str(row.data.get("return_url", ""))
    if row.expires < now or row.used + IDLE < now:
        return Ended("over", back)
    if row.purpose != "launch":
        return Alive(row, None, NONE)
    if host_state != "active":
        return Ended("host", back)
    if row.person is not None and not is_here(state, absent):
        return Ended("person", back)
    if row.person is None and (appeared := person_of_subject(session, row.host_id, row.subject)) is not None:
        return appeared
    grants = counting([one[6] for one in rows if one[6] is not None], row.person, known=row.person is not None)
    day = today(at, zone)
    found = rights_of(grants, role=row.is_administrator, life=life or 0, day=day)
    return Alive(row, row.person, filled(session, row.host_id, found))


_QUERY = (
    select(
        LaunchSession, Host.state, Host.time_zone, Person.state, Person.life, suspected(LaunchSession.host_id), AccessGrant
    )
    .select_from(LaunchSession)
    .outerjoin(Host, Host.id == LaunchSession.host_id)
    .outerjoin(Person, and_(Person.host_id == LaunchSession.host_id, Person.id == LaunchSession.person))
    .outerjoin(AccessGrant, granted(LaunchSession.host_id, LaunchSession.person, LaunchSession.subject))
)  # fmt: skip


def _adopt(session: Session, key: str, person: int) -> None:
    """Whoever came before the mirror knew her is that person from now on."""
    session.execute(update(LaunchSession).where(LaunchSession.digest == key).values(person=person))


def end(session: Session, key: str) -> None:
    """End a session, the tabs that were opened from it, and tickets not yet used."""
    family = session.scalar(select(LaunchSession.family).where(LaunchSession.digest == key)) or key
    session.execute(delete(LaunchSession).where(or_(LaunchSession.family == family, LaunchSession.digest == key)))


def end_all(session: Session, host_id: int, person: int | None, *, at: int, who: str) -> int:
    """End every session of a person, or of the host; returns how many there were. In the history."""
    here = [LaunchSession.host_id == host_id]
    if person is not None:
        here.append(LaunchSession.person == person)
    count = session.scalar(select(func.count()).select_from(LaunchSession).where(*here)) or 0
    session.execute(delete(LaunchSession).where(*here))
    record(session, host_id, at, who, "sessions_ended", person=person, data={"sessions": count})
    return int(count)


def lives(session: Session, key: str, now: int) -> int | None:
    """When the session with this hash ends at the latest; ``None`` where it ended."""
    row = session.get(LaunchSession, key)
    return row.expires if row is not None and row.expires >= now and row.used + IDLE >= now else None


def forget(session: Session, now: int) -> None:
    """Drop sessions and tickets whose time is over."""
    session.execute(delete(LaunchSession).where(or_(LaunchSession.expires < now, LaunchSession.used < now - IDLE)))
    session.execute(delete(Nonce).where(Nonce.kind == TAB, Nonce.expires < now))
