"""Messages that do not go by the host: posted to a signed webhook, or sent as e-mail. Nothing here keeps a seat waiting.

A webhook's call is repeated to the letter until it is answered. A letter is sent at most once: which one is under way is
written down before it is handed in, so that a worker that dies leaves one *maybe sent* and the others owed (DOMAIN 8.6).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.logs import correlation, log, use_correlation
from plugin.core.runtime import Runtime
from plugin.delivery import tally
from plugin.delivery.channels import BY_HOST, MAIL, WEBHOOK, channel_of, in_trouble, server_of, well
from plugin.delivery.claim import LEASE, claim_open_call, worker_token
from plugin.delivery.messages import (
    Render,
    apply_messages,
    claim_messages,
    release_call,
    release_waiting,
    settle_message,
)
from plugin.delivery.outcomes import backoff
from plugin.delivery.smtp import Mailer, MailTrouble, Server, compose, message_id, usable
from plugin.delivery.storm import cap_of, hold_storm
from plugin.delivery.tables import Call, Channel, Message
from plugin.hosts.port import Caps, ConnectionSpec, HostTrouble, Outcome, Refused
from plugin.hosts.webhook import WebhookHost
from plugin.mirror.tables import Person

POSTS, LETTERS = "posts", "letters"
BATCH = {WEBHOOK: 100, MAIL: 25}
_KIND = {WEBHOOK: POSTS, MAIL: LETTERS}
_WORDS = {"sent": "done", "refused": "refused", "bounced": "bounced", "retry": "retry", "maybe": "maybe"}
_log = log("delivery")


@dataclass(frozen=True)
class Letter:
    """A message about to be sent as e-mail."""

    message: int
    key: str
    name: str
    email: str
    text: Mapping[str, str]


@dataclass
class _Post:
    """One host's channel, for the length of a round."""

    runtime: Runtime
    host_id: int
    channel: Channel
    render: Render
    gathered: bool
    lease: str
    letters: list[Letter] = field(default_factory=list)

    @property
    def now(self) -> int:
        return self.runtime.clock.now()


def post(runtime: Runtime, host_id: int, render: Render, *, seconds: float | None = None, gathered: bool = True) -> int:
    """Send what is owed by a channel of its own now; returns how many calls and letters were made.

    Never raises for the channel's sake: what cannot go stays owed. Calls begun before the channel changed are finished.

    :param seconds: nothing new is begun after so many.
    """
    with runtime.db.read() as session:
        channel = channel_of(session, host_id)
    if channel.kind == BY_HOST or channel.retry_at > runtime.clock.now():
        return 0
    made = _Post(runtime, host_id, channel, render, gathered, worker_token())
    one_round = _one_post if channel.kind == WEBHOOK else _some_letters
    until = time.monotonic() + seconds if seconds is not None else None
    done = 0
    try:
        while count := one_round(made):
            done += count
            if until is not None and time.monotonic() > until:
                break
    except (MailTrouble, HostTrouble) as trouble:
        why, now = trouble.why, made.now
        runtime.db.transact(lambda session: in_trouble(session, host_id, why, now))
        _log.warning("channel in trouble", host=host_id, channel=channel.kind, why=why)
    else:
        if done:
            runtime.db.transact(lambda session: well(session, host_id))
    return done


def _claim(made: _Post, claim: Callable[[Session], Call | None]) -> Call | None:
    """A call left by somebody, or a new one."""

    def work(session: Session) -> Call | None:
        now, true_now = made.now, made.runtime.clock.true()
        kind = _KIND[made.channel.kind]
        found = claim_open_call(session, made.host_id, now, true_now, made.lease, kinds=(kind,))
        if found is not None:
            return found
        release_waiting(session, made.host_id, now)
        hold_storm(session, made.host_id, cap_of(session, made.host_id, made.runtime.settings.message_cap))
        return claim(session)

    return made.runtime.db.transact(work)


def _ours(session: Session, made: _Post, call: Call) -> Call | None:
    row = session.get(Call, (made.host_id, call.id), with_for_update=True, populate_existing=True)
    return row if row is not None and row.lease == made.lease else None


# --- a signed webhook


def _one_post(made: _Post) -> int:
    receiver = _receiver(made)

    def claim(session: Session) -> Call | None:
        return claim_messages(
            session, made.host_id, made.now, made.runtime.clock.true(), BATCH[WEBHOOK], made.lease,
            lambda kind, items: receiver.prepare(kind, items, correlation()), made.render, channel=WEBHOOK, kind=POSTS,
            gathered=made.gathered,
        )  # fmt: skip

    call = _claim(made, claim)
    if call is None:
        return 0
    use_correlation(call.correlation or None)
    try:
        reply = receiver.send(call.id, "messages", call.body)
        if reply.outcomes is None:
            raise Refused("The receiver took the messages as a job; it has to answer at once.")
    except Refused as trouble:
        made.runtime.db.transact(lambda session: _give_back(session, made, call, backoff(6)))
        raise trouble
    except HostTrouble as trouble:
        why, attempts = trouble.why, call.attempts + 1
        made.runtime.db.transact(lambda session: _again(session, made, call, why, attempts))
        raise
    outcomes = reply.outcomes
    made.runtime.db.transact(lambda session: _answered(session, made, call, outcomes))
    return 1


def _receiver(made: _Post) -> WebhookHost:
    row = made.channel
    spec = ConnectionSpec(
        name="messages", kind="webhook", api_url="", api_token="", webhook_url=row.url, webhook_secret=row.secret or "",
        hooks_secret="", mapping={}, settings={}, caps=Caps(writes_all_or_nothing=True),
    )  # fmt: skip
    return WebhookHost(spec, made.runtime.http, made.runtime.clock)


def _again(session: Session, made: _Post, call: Call, why: str, attempts: int) -> None:
    row = _ours(session, made, call)
    if row is not None:
        row.attempts, row.last_error, row.lease, row.lease_until = attempts, why, "", 0
        row.next_at = made.now + backoff(attempts)
        tally.count(session, made.host_id, made.now, "calls", {"wait": 1})


def _give_back(session: Session, made: _Post, call: Call, after: int) -> None:
    row = _ours(session, made, call)
    if row is not None:
        release_call(session, made.host_id, row, made.now, after)
        session.delete(row)


def _answered(session: Session, made: _Post, call: Call, outcomes: Any) -> None:
    row = _ours(session, made, call)
    if row is not None:
        tally.count(
            session, made.host_id, made.now, "messages", apply_messages(session, made.host_id, row, outcomes, made.now)
        )
        session.delete(row)


# --- letters


def _some_letters(made: _Post) -> int:
    """A few letters over one line; what was not begun when it broke is owed as before."""
    call = _claim(made, lambda session: _claim_letters(session, made))
    if call is None:
        return 0
    if call.state == "broken":
        made.runtime.db.transact(lambda session: _left_behind(session, made, call))
        return 1
    use_correlation(call.correlation or None)
    sent = 0
    try:
        server = server_of(made.runtime, made.channel)
        with Mailer(server) as mailer:
            for letter in made.letters:
                if not made.runtime.db.transact(partial(_begin, made=made, call=call, number=letter.message)):
                    return sent  # it took so long that another worker thinks us dead
                outcome = _send(made, mailer, server, letter)
                made.runtime.db.transact(partial(_record, made=made, call=call, outcome=outcome))
                sent += 1
    except MailTrouble:
        made.runtime.db.transact(lambda session: _give_back(session, made, call, 0))
        if not sent:
            raise
        return sent  # servers end a line after some letters: the next one is tried over a new line
    made.runtime.db.transact(lambda session: _close(session, made, call))
    return sent


def _claim_letters(session: Session, made: _Post) -> Call | None:
    texts: dict[str, Mapping[str, str]] = {}

    def prepare(_kind: str, items: Sequence[Mapping[str, str]]) -> str:
        texts.update((item["message"], item) for item in items)
        return "{}"

    call = claim_messages(
        session, made.host_id, made.now, made.runtime.clock.true(), BATCH[MAIL], made.lease, prepare, made.render,
        channel=MAIL, kind=LETTERS, gathered=made.gathered,
    )  # fmt: skip
    if call is None:
        return None
    rows = session.execute(
        select(Message.id, Message.key, Person.name, Person.email)
        .join(Person, (Person.host_id == Message.host_id) & (Person.id == Message.recipient))
        .where(Message.host_id == made.host_id, Message.call == call.id)
        .order_by(Message.id)
    )
    made.letters = [Letter(number, key, name, email.strip(), texts[key]) for number, key, name, email in rows]
    return call


def _begin(session: Session, made: _Post, call: Call, number: int) -> bool:
    """From here on this letter may have been sent."""
    row = _ours(session, made, call)
    if row is None:
        return False
    row.body = json.dumps({"begun": number})
    row.lease_until = made.runtime.clock.true() + LEASE
    return True


def _send(made: _Post, mailer: Mailer, server: Server, one: Letter) -> Outcome:
    address = usable(one.email)
    if address is None:
        return Outcome(one.key, "bounced", "There is no e-mail address that a letter could be sent to.")
    identity = message_id(made.host_id, one.key, server.sender)
    letter = compose(server, address, one.name, one.text, identity=identity, at=made.runtime.clock.true())
    posted = mailer.send(address, letter)
    return Outcome(one.key, _WORDS[posted.word], posted.why)


def _record(session: Session, made: _Post, call: Call, outcome: Outcome) -> None:
    row = session.scalars(
        select(Message).where(Message.host_id == made.host_id, Message.call == call.id, Message.key == outcome.key)
    ).first()
    if row is not None:
        tally.count(session, made.host_id, made.now, "messages", {settle_message(row, outcome, made.now): 1})


def _close(session: Session, made: _Post, call: Call) -> None:
    row = _ours(session, made, call)
    if row is not None:
        session.delete(row)


def _left_behind(session: Session, made: _Post, call: Call) -> None:
    """Somebody stopped in the middle: the letter begun is *maybe sent*, those after it are owed."""
    row = _ours(session, made, call)
    if row is None:
        return
    begun = int(json.loads(row.body).get("begun", 0))
    message = session.get(Message, (made.host_id, begun)) if begun else None
    if message is not None and message.call == call.id:
        settle_message(message, Outcome(message.key, "maybe", "Muster stopped while this was being sent."), made.now)
        tally.count(session, made.host_id, made.now, "messages", {"maybe": 1})
    session.flush()
    release_call(session, made.host_id, row, made.now, 0)
    session.delete(row)
