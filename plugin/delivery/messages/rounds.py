"""What the ways of messages share that do not go by the host: one channel for the length of a round, and its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.delivery.calls import claim_open_call, our_call
from plugin.delivery.messages.channels import MAIL, WEBHOOK
from plugin.delivery.messages.queue import Render, release_call, release_waiting
from plugin.delivery.messages.storm import cap_of, hold_storm
from plugin.delivery.tables import Call, Channel

POSTS, LETTERS = "posts", "letters"
KINDS = {WEBHOOK: POSTS, MAIL: LETTERS}
"""What calls of each way are called."""


@dataclass(frozen=True)
class OutgoingMail:
    """A message about to be sent as e-mail."""

    message: int
    key: str
    name: str
    email: str
    text: Mapping[str, str]


@dataclass
class HostChannel:
    """One host's channel, for the length of a round."""

    runtime: Runtime
    host_id: int
    channel: Channel
    render: Render
    gathered: bool
    lease: str
    letters: list[OutgoingMail] = field(default_factory=list)

    @property
    def now(self) -> int:
        """The clock of rules and retries."""
        return self.runtime.clock.now()


def claim_call(made: HostChannel, claim: Callable[[Session], Call | None]) -> Call | None:
    """A call left by somebody, or a new one."""

    def work(session: Session) -> Call | None:
        now, true_now = made.now, made.runtime.clock.true()
        kind = KINDS[made.channel.kind]
        found = claim_open_call(session, made.host_id, now, true_now, made.lease, kinds=(kind,))
        if found is not None:
            return found
        release_waiting(session, made.host_id, now)
        hold_storm(session, made.host_id, cap_of(session, made.host_id, made.runtime.settings.message_cap))
        return claim(session)

    return made.runtime.db.transact(work)


def give_back(session: Session, made: HostChannel, call: Call, after: int) -> None:
    """Nothing of it was sent: its messages are owed again after so many seconds."""
    row = our_call(session, call, made.lease)
    if row is not None:
        release_call(session, made.host_id, row, made.now, after)
        session.delete(row)
