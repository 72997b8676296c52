"""Messages as e-mail: which letter is under way is written down before it is handed in (rules 8.6).

So a worker that dies leaves one *maybe sent* and the others owed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.logs import use_correlation
from plugin.core.network import outcome_counts
from plugin.delivery.calls import our_call
from plugin.delivery.messages.channels import MAIL, server_of
from plugin.delivery.messages.queue import KeyAbroad, claim_messages, release_call, settle_message
from plugin.delivery.messages.rounds import LETTERS, HostChannel, OutgoingMail, claim_call, give_back
from plugin.delivery.messages.smtp import Mailer, MailTrouble, Server, compose, message_id, usable
from plugin.delivery.tables import Call, Message
from plugin.hosts.port import Outcome
from plugin.mirror.tables import Person

BATCH = 25
"""Letters over one line."""
_WORDS = {"sent": "done", "refused": "refused", "bounced": "bounced", "retry": "retry", "maybe": "maybe"}


def some_letters(made: HostChannel) -> int:
    """Send a few letters over one line; what was not begun when it broke is owed as before."""
    call = claim_call(made, lambda session: _claim_letters(session, made))
    if call is None:
        return 0
    if call.state == "broken":
        made.runtime.db.transact(lambda session: left_behind(session, made, call))
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
        made.runtime.db.transact(lambda session: give_back(session, made, call, 0))
        if not sent:
            raise
        return sent  # servers end a line after some letters: the next one is tried over a new line
    made.runtime.db.transact(lambda session: _close(session, made, call))
    return sent


def _claim_letters(session: Session, made: HostChannel) -> Call | None:
    texts: dict[str, Mapping[str, str]] = {}

    def prepare(_kind: str, items: Sequence[Mapping[str, str]]) -> str:
        texts.update((item["message"], item) for item in items)
        return "{}"

    call = claim_messages(
        session, made.host_id, made.now, made.runtime.clock.true(), BATCH, made.lease, prepare, made.render,
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
    sent_as = KeyAbroad(session, made.host_id)
    made.letters = [
        OutgoingMail(number, key, name, email.strip(), texts[sent_as(key)]) for number, key, name, email in rows
    ]
    return call


def _begin(session: Session, made: HostChannel, call: Call, number: int) -> bool:
    """From here on this letter may have been sent."""
    row = our_call(session, call, made.lease)
    if row is None:
        return False
    row.body = json.dumps({"begun": number})
    row.take(made.lease, made.runtime.clock.true())
    return True


def _send(made: HostChannel, mailer: Mailer, server: Server, one: OutgoingMail) -> Outcome:
    address = usable(one.email)
    if address is None:
        return Outcome(one.key, "bounced", "There is no e-mail address that a letter could be sent to.")
    identity = message_id(made.host_id, one.text["message"], server.sender)
    letter = compose(server, address, one.name, one.text, identity=identity, at=made.runtime.clock.true())
    posted = mailer.send(address, letter)
    return Outcome(one.key, _WORDS[posted.word], posted.why)


def _record(session: Session, made: HostChannel, call: Call, outcome: Outcome) -> None:
    row = session.scalars(
        select(Message).where(Message.host_id == made.host_id, Message.call == call.id, Message.key == outcome.key)
    ).first()
    if row is not None:
        outcome_counts.count(session, made.host_id, made.now, "messages", {settle_message(row, outcome, made.now): 1})


def _close(session: Session, made: HostChannel, call: Call) -> None:
    row = our_call(session, call, made.lease)
    if row is not None:
        session.delete(row)


def left_behind(session: Session, made: HostChannel, call: Call) -> None:
    """Somebody stopped in the middle: the letter begun is *maybe sent*, those after it are owed."""
    row = our_call(session, call, made.lease)
    if row is None:
        return
    begun = int(json.loads(row.body).get("begun", 0))
    message = session.get(Message, (made.host_id, begun)) if begun else None
    if message is not None and message.call == call.id:
        settle_message(message, Outcome(message.key, "maybe", "Muster stopped while this was being sent."), made.now)
        outcome_counts.count(session, made.host_id, made.now, "messages", {"maybe": 1})
    session.flush()
    release_call(session, made.host_id, row, made.now, 0)
    session.delete(row)
