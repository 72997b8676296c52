"""What the messages page shows: how many stand where, the messages themselves, and the answer to those in doubt."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.logs import correlation
from plugin.delivery.tables import Message

AGAIN, DISMISS = "again", "dismiss"
STATES = ("held", "maybe", "bounced", "parked", "owed", "waiting", "sending", "sent", "cancelled")
"""As the page lists them: what asks for somebody first."""
HELD = "held"
IN_DOUBT = ("maybe", "bounced", "parked")
"""States out of which a message comes only by somebody's answer."""
_DISMISSED = "Dismissed. "
_FROM = (
    " FROM message m JOIN person r ON r.host_id = m.host_id AND r.id = m.recipient"
    " JOIN person l ON l.host_id = m.host_id AND l.id = m.learner"
    " LEFT JOIN certification k ON k.host_id = m.host_id AND k.id = m.certification"
    " WHERE m.host_id = ? AND m.state <> 'joined'"
)


@dataclass(frozen=True)
class ShownMessage:
    """One message. ``others``: how many more it tells of, where it is a digest."""

    id: int
    when: str
    state: str
    why: str
    channel: str
    recipient: str
    learner: str
    learner_ext: str
    certification: int
    certification_name: str
    created: int
    next_at: int
    sent_at: int | None
    others: int


@dataclass(frozen=True)
class MessageFilters:
    """Filters of the page; zero and empty leave a filter out."""

    state: str = ""
    certification: int = 0
    people: tuple[int, ...] | None = None
    """Only those to or about these; ``None`` where nobody was searched for."""


def by_state(
    session: Session, host_id: int, certification: int = 0, *, only: Sequence[str] = ()
) -> dict[str, int]:  # fmt: skip
    """How many messages stand in each state, a digest counting once.

    :param only: these states alone, by which they are found fast.
    """
    of, values = ("AND certification = ?", (host_id, certification)) if certification else ("", (host_id,))
    if only:
        of, values = f"{of} AND state IN ({', '.join('?' * len(only))})", (*values, *only)
    sql = f"SELECT state, count(*) FROM message WHERE host_id = ? {of} GROUP BY state"
    return {row[0]: int(row[1]) for row in fetch(session, sql, *values)}


def listed(
    session: Session, host_id: int, asked: MessageFilters, *, limit: int, offset: int
) -> tuple[int, list[ShownMessage]]:
    """Messages, newest first, and how many match."""
    where, values = _where(asked)
    total = int(fetch(session, f"SELECT count(*){_FROM}{where}", host_id, *values)[0][0])
    rows = fetch(
        session,
        'SELECT m.id, m."when", m.state, m.why, m.channel, r.name, r.ext, l.name, l.ext, m.certification, k.name,'
        " m.created, m.next_at, m.sent_at, m.leader"
        f"{_FROM}{where} ORDER BY m.id DESC LIMIT ? OFFSET ?",
        host_id, *values, limit, offset,
    )  # fmt: skip
    leaders = ", ".join(str(row[14]) for row in rows if row[14]) or "NULL"
    sql = f"SELECT leader, count(*) FROM message WHERE host_id = ? AND leader IN ({leaders}) GROUP BY leader"
    sizes = dict(fetch(session, sql, host_id))
    return total, [
        ShownMessage(row[0], row[1], row[2], row[3], row[4], row[5] or row[6], row[7] or row[8], row[8], row[9], row[10] or "",
              row[11], row[12], row[13], int(sizes.get(row[14], 1)) - 1)
        for row in rows
    ]  # fmt: skip


def _where(asked: MessageFilters) -> tuple[str, list[object]]:
    sql, values = "", list[object]()
    if asked.state:
        sql, values = f"{sql} AND m.state = ?", [*values, asked.state]
    if asked.certification:
        sql, values = f"{sql} AND m.certification = ?", [*values, asked.certification]
    if asked.people is not None:
        ids = ", ".join(str(int(one)) for one in asked.people) or "NULL"
        sql = f"{sql} AND (m.recipient IN ({ids}) OR m.learner IN ({ids}))"
    return sql, values


def unanswered(session: Session, host_id: int) -> tuple[str, int] | None:
    """What the other side said of messages it did not take, and when they are tried again; ``None`` where it took them."""
    sql = (
        "SELECT last_error, next_at FROM call WHERE host_id = ? AND kind IN ('messages', 'posts') AND last_error <> ''"
        " ORDER BY created LIMIT 1"
    )
    rows = fetch(session, sql, host_id)
    return (rows[0][0], int(rows[0][1])) if rows else None


def answer_doubtful(
    session: Session, host_id: int, action: str, ids: Sequence[int] | None, *, state: str, at: int, who: str
) -> int:
    """Send again, or dismiss, messages in doubt; returns how many. Sending again keeps the key.

    :param ids: ``None`` for all in this ``state``.
    :raises Invalid: for another action, or where none is chosen.
    """
    if action not in (AGAIN, DISMISS):
        raise Invalid(_("Choose Send again or Dismiss."))
    if ids is not None and not ids:
        raise Invalid(_("Choose at least one of them."))
    states = [state] if state in IN_DOUBT else list(IN_DOUBT)
    marks = ", ".join(f"'{one}'" for one in states)
    which = "" if ids is None else f" AND id IN ({', '.join(str(int(one)) for one in ids)})"
    if action == AGAIN:
        change = f"state = 'owed', attempts = 0, why = '', created = {int(at)}, next_at = {int(at)}"
    else:
        change = f"state = 'cancelled', why = '{_DISMISSED}' || why"
    count = run(session, f"UPDATE message SET {change} WHERE host_id = ? AND state IN ({marks}){which}", host_id)
    if count:
        record(session, host_id, at, who, f"messages_{action}", data={"count": count})
    return count


DAY = 86_400


def send_anew(
    session: Session, host_id: int, number: int, certification: int, learner: int, *, at: int, who: str
) -> None:  # fmt: skip
    """Send a message to a learner about herself once more, worded as things stand now; at most once a day.

    :raises NotFound: where there is no such message about her and this certification.
    :raises RefusedByRule: where it was sent or asked for within a day, or is on its way.
    """
    row = session.get(Message, (host_id, number))
    if row is None or row.learner != learner or row.recipient != learner or row.certification != certification:
        raise NotFound(_("There is no such message."))
    stem = row.key.partition("#again")[0]
    latest = fetch(
        session,
        "SELECT max(COALESCE(sent_at, created)) FROM message WHERE host_id = ? AND learner = ? AND certification = ?"
        " AND recipient = ? AND notification = ? AND \"when\" = ? AND state <> 'cancelled'",
        host_id, learner, certification, learner, row.notification, row.when,
    )[0][0]  # fmt: skip
    if latest is not None and at - int(latest) < DAY:
        raise RefusedByRule(_("This message went to this learner within the last day. It can be sent again tomorrow."))
    session.add(
        Message(
            host_id=host_id, id=take_ids(session, host_id, "message"), key=f"{stem}#again{at}"[:255],
            notification=row.notification, when=row.when, certification=certification, learner=learner,
            recipient=learner, spell=row.spell, cycle=row.cycle, channel=row.channel, state="owed", created=at, next_at=at,
            correlation=correlation(),
        )
    )  # fmt: skip
    record(session, host_id, at, who, "message_again", certification=certification, person=learner)
