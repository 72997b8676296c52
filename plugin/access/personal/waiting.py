"""What waits and speaks of somebody is given up when she is erased: it would keep her for as long as it waits (ACCESS 7).

Changes that wait for a second administrator, messages not sent yet, and events that receivers are still owed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from plugin.access import four_eyes
from plugin.access.personal.export import called
from plugin.access.tables import WaitingChange
from plugin.core.text.stored import later
from plugin.delivery.tables import EndpointDelivery, Message
from plugin.mirror.tables import Person

_UNSENT = ("waiting", "owed", "held", "maybe", "parked", "bounced")
_WHY = later("The person was erased.")


def give_up(
    session: Session, host_id: int, person: Person, names: re.Pattern[str] | None, *, at: int, who: str
) -> None:
    """End what waits and speaks of her.

    :param names: her names as words of a text; ``None`` where all are too short to be told from other words.
    """
    _changes(session, host_id, person, names, at, who)
    session.execute(
        update(Message)
        .where(Message.host_id == host_id, or_(Message.learner == person.id, Message.recipient == person.id),
               Message.state.in_(_UNSENT), Message.leader == 0)
        .values(state="cancelled", why=_WHY)
    )  # fmt: skip
    quoted = json.dumps(person.ext)
    mine = or_(EndpointDelivery.subject == person.ext, EndpointDelivery.body.contains(quoted, autoescape=True))
    session.execute(
        update(EndpointDelivery)
        .where(EndpointDelivery.host_id == host_id, EndpointDelivery.state == "owed", mine)
        .values(state="failed", next_at=0, ended=at, why=_WHY)
    )


def _changes(
    session: Session, host_id: int, person: Person, names: re.Pattern[str] | None, at: int, who: str
) -> None:  # fmt: skip
    """Changes that she asked for or that name her: those that wait are refused, of all nothing is kept that was entered."""
    ids = set(called(person))
    for row in session.scalars(select(WaitingChange).where(WaitingChange.host_id == host_id).with_for_update()):
        hers = row.person == person.id or row.subject in ids
        if not hers and not _names_her(row, person, ids, names):
            continue
        if row.state == four_eyes.WAITS:
            four_eyes.give_up(session, row, at=at, who=who)
        row.request, row.shown = "{}", []


def _names_her(row: WaitingChange, person: Person, ids: set[str], names: re.Pattern[str] | None) -> bool:
    kept: dict[str, Any] = json.loads(row.request)
    if str(person.id) in kept.get("form", {}).get("person", ()):
        return True
    texts = {unquote_plus(one) for one in _texts([kept, row.shown, _document(str(kept.get("body", "")))])}
    return bool(texts & ids) or (names is not None and any(names.search(one) for one in texts))


def _document(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _texts(value: Any) -> Iterable[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(one)
