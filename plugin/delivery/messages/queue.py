"""Messages on their way: released when their seats stand, gathered into digests, rendered when they go, told once."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.database.dialect import one_at_a_time
from plugin.core.logs import use_correlation
from plugin.core.tables import Host
from plugin.core.text.stored import later
from plugin.delivery.calls import new_call
from plugin.delivery.seats.claim import Prepare
from plugin.delivery.seats.outcomes import GIVE_UP, backoff
from plugin.delivery.tables import Call, Message
from plugin.hosts.port import Outcome
from plugin.mirror.tables import ACTIVE, Person

LONGEST_WAIT = 24 * 3600
"""How long "you are enrolled" waits for its seats (rules 8.4)."""
GATHERING = 600
"""Seconds for which a digest waits, at most, until the save or sync it tells of is done."""
_LOCK = 8_310_127
"""Names the lock under which digests are gathered, so that two workers never make two of one."""

Render = Callable[[Session, Sequence[Message]], dict[int, Mapping[str, str]]]
"""By message id: ``subject``, ``text``, ``html``, ``link``. Given by the room above, which owns the templates."""

_RELEASE = """
UPDATE message SET state = 'owed' WHERE host_id = :host AND state = 'waiting' AND (created <= :late OR NOT EXISTS (
  SELECT 1 FROM seat s WHERE s.host_id = message.host_id AND s.person = message.learner AND s.owed
   AND s.course IN (SELECT c.course FROM course_set c
     WHERE c.host_id = message.host_id AND c.certification = message.certification)))
"""
_HEADS = f"""
SELECT min(m.id) FROM message m JOIN person p ON p.host_id = m.host_id AND p.id = m.recipient AND p.state = {ACTIVE}
 WHERE m.host_id = ? AND m.state = 'owed' AND m.next_at <= ? AND m.recipient <> m.learner {{ready}}
 GROUP BY m.recipient, {{daily}}, CASE WHEN {{daily}} = 0 THEN m.correlation ELSE '' END,
  CASE WHEN m.leader = m.id THEN m.id ELSE 0 END
 ORDER BY 1 LIMIT ?
"""
_JOIN = """
UPDATE message SET state = 'joined', leader = ? WHERE host_id = ? AND recipient = ? AND state = 'owed' AND id <> ?
 AND leader = 0 AND next_at <= ? AND recipient <> learner AND {which}
"""


def release_waiting(session: Session, host_id: int, now: int) -> int:
    """Let messages go whose seats are no longer owed, or that waited a day; a refused seat is still owed."""
    return int(session.execute(text(_RELEASE), {"host": host_id, "late": now - LONGEST_WAIT}).rowcount)  # type: ignore[attr-defined]  # an UPDATE counts its rows


def pick(session: Session, host_id: int, now: int, limit: int, *, gathered: bool = True) -> list[Message]:
    """Owed messages, locked: those to learners about themselves first, then digests (rules 8.3).

    :param gathered: whether everything a digest would tell of has been settled.
    """
    rows = list(
        session.scalars(
            select(Message)
            .join(Person, (Person.host_id == Message.host_id) & (Person.id == Message.recipient))
            .where(
                Message.host_id == host_id, Message.state == "owed", Message.next_at <= now, Person.state == 0,
                Message.learner == Message.recipient,
            )
            .order_by(Message.next_at, Message.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=Message)
        )
    )  # fmt: skip
    if len(rows) < limit:
        rows += _digests(session, host_id, now, limit - len(rows), gathered)
    return rows


def _digests(session: Session, host_id: int, now: int, limit: int, gathered: bool) -> list[Message]:
    """One message for each manager and save or sync, and for each administrator, certification and day of exceptions."""
    one_at_a_time(session, _LOCK, host_id)
    daily = _daily(session, host_id)
    ready = "" if gathered else f"AND (m.created <= {now - GATHERING} OR {daily} > 0)"
    heads = fetch(session, _HEADS.format(daily=daily, ready=ready), host_id, now, limit)
    if not heads:
        return []
    rows = list(
        session.scalars(
            select(Message)
            .where(Message.host_id == host_id, Message.id.in_([head[0] for head in heads]), Message.state == "owed")
            .order_by(Message.id)
            .with_for_update(skip_locked=True)
        )
    )
    for row in rows:
        if row.leader == 0:
            _gather(session, row, now, daily.replace("m.", ""))
    return rows


def _daily(session: Session, host_id: int) -> str:
    """SQL: the certification of an exception told to an administrator, else 0."""
    host = session.get(Host, host_id)
    named = ", ".join(str(int(one)) for one in (host.settings.get("administrators") or [])) if host else ""
    return (
        f"(CASE WHEN m.\"when\" = 'exception' AND m.recipient IN ({named or 'NULL'}) THEN m.certification ELSE 0 END)"
    )


def _gather(session: Session, head: Message, now: int, daily: str) -> None:
    values: list[Any] = [head.id, head.host_id, head.recipient, head.id, now]
    own = fetch(session, f"SELECT {daily} FROM message WHERE host_id = ? AND id = ?", head.host_id, head.id)[0][0]
    which = f"{daily} = ?" if own else f"{daily} = 0 AND correlation = ?"
    if run(session, _JOIN.format(which=which), *values, own or head.correlation):
        head.leader = head.id


class KeyAbroad:
    """The once-key of a message as others see it, who drop what they have seen (decision 145).

    Ours counts from one in each database; a Muster set up anew beside the same host must use none of them again.
    """

    def __init__(self, session: Session, host_id: int) -> None:
        host = session.get(Host, host_id)
        self._mark = f"{host.created:x}" if host else ""

    def __call__(self, key: str) -> str:
        return f"{self._mark}:{key}"


def claim_messages(
    session: Session, host_id: int, now: int, true_now: int, limit: int, lease: str, prepare: Prepare, render: Render,
    *, channel: str = "host", kind: str = "messages", gathered: bool = True,
) -> Call | None:  # fmt: skip
    """Take a batch of owed messages into a new call.

    :param kind: what the call is called where it does not go to the host itself.
    """
    rows = pick(session, host_id, now, limit, gathered=gathered)
    if not rows:
        return None
    texts = render(session, rows)
    names = _exts(session, host_id, {row.recipient for row in rows})
    causes = {row.correlation for row in rows}
    use_correlation(causes.pop() if len(causes) == 1 else None)
    rows = sorted(rows, key=lambda one: one.id)
    sent_as = KeyAbroad(session, host_id)
    items = [{"message": sent_as(row.key), "person": names[row.recipient], **texts[row.id]} for row in rows]
    call = new_call(session, host_id, kind, prepare("messages", items), lease, now, true_now)
    for row in rows:
        row.state, row.call, row.channel = "sending", call.id, channel
    session.flush()
    return call


def _exts(session: Session, host_id: int, people: set[int]) -> dict[int, str]:
    statement = text("SELECT id, ext FROM person WHERE host_id = :host AND id IN :ids").bindparams(
        bindparam("ids", expanding=True)
    )
    return {row[0]: row[1] for row in session.execute(statement, {"host": host_id, "ids": sorted(people)})}


def apply_messages(session: Session, host_id: int, call: Call, outcomes: Sequence[Outcome], now: int) -> dict[str, int]:
    """Write the outcomes of a ``messages`` call. What is *maybe* sent waits for a person; nobody is told twice."""
    answers = {outcome.key: outcome for outcome in reversed(outcomes)}
    counts: dict[str, int] = {}
    sent_as = KeyAbroad(session, host_id)
    for row in session.scalars(select(Message).where(Message.host_id == host_id, Message.call == call.id)):
        # The key itself: of our own verdicts, and of calls that an earlier release had begun.
        word = settle_message(row, answers.get(sent_as(row.key)) or answers.get(row.key), now)
        counts[word] = counts.get(word, 0) + 1
    session.flush()
    return counts


def settle_message(row: Message, outcome: Outcome | None, now: int) -> str:
    """Write what became of one message; returns the word it is counted under."""
    word = outcome.outcome if outcome else "missing"
    row.call = ""
    if word in ("done", "same", "found"):
        row.state, row.sent_at, row.why = "sent", now, ""
    elif outcome is not None and word == "maybe":
        row.state, row.why = "maybe", outcome.why
    elif outcome is not None and word in ("refused", "gone"):
        row.state, row.why = "parked", outcome.why or later("The host refuses this message.")
    elif outcome is not None and word == "bounced":
        row.state, row.why = "bounced", outcome.why
    else:
        row.state, row.attempts, row.why = "owed", row.attempts + 1, outcome.why if outcome else ""
        row.next_at = now + (outcome.after if outcome and outcome.after is not None else backoff(row.attempts))
        if now - row.created > GIVE_UP and row.attempts > 5:
            row.state, row.why = "parked", row.why or later("It was not taken for 48 hours.")
    return word


def keys_of(session: Session, host_id: int, call: Call) -> list[str]:
    """Keys of the messages in a call."""
    return list(session.scalars(select(Message.key).where(Message.host_id == host_id, Message.call == call.id)))


def release_call(session: Session, host_id: int, call: Call, now: int, after: int) -> None:
    """The call will never be made again: its messages are owed anew, with the same keys."""
    session.execute(
        text("UPDATE message SET state = 'owed', call = '', next_at = :at WHERE host_id = :host AND call = :call"),
        {"host": host_id, "call": call.id, "at": now + after},
    )
