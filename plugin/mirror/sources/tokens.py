"""Tokens that a directory pushes with: shown once, kept as hashes, several at a time while one is changed (SOURCES 5.1)."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.clock import format_instant, parse_instant
from plugin.core.days import end_of_day
from plugin.core.errors import RefusedByRule
from plugin.core.stamps import calendar_day
from plugin.mirror.sources.source import source_row
from plugin.mirror.tables import SOURCE, Connection

MOST = 10
"""Tokens of one source at a time."""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def until_of(text: str, zone: str) -> int:
    """The end of a token as somebody writes it: a day, to its end in ``zone``, or an instant.

    :raises Invalid: for neither.
    """
    with suppress(ValueError):
        return end_of_day(calendar_day(text), zone)
    return parse_instant(text)


def make_token(
    session: Session,
    host_id: int,
    name: str,
    *,
    until: int | None = None,
    revoke_others: bool = False,
    at: int,
    who: str,
) -> str:
    """Make a token of a source and return it; it cannot be read again.

    :param until: the instant from which it opens nothing. :param revoke_others: those made before open nothing any more.
    :raises NotFound: for a name nobody has. :raises RefusedByRule: where there are too many, or it would end before it began.
    """
    row = source_row(session, host_id, name, lock=True)
    if until is not None and until <= at:
        raise RefusedByRule(f"{format_instant(until)} has gone by.")
    present: list[dict[str, Any]] = [] if revoke_others else list(row.settings.get("tokens") or ())
    present = [one for one in present if one["until"] is None or one["until"] > at]
    if len(present) >= MOST:
        raise RefusedByRule(f"{name} has {MOST} tokens: make one with --revoke-others.")
    token = f"muster_{name}_{secrets.token_urlsafe(32)}"
    present.append({"digest": _digest(token), "made": at, "until": until})
    row.settings = {**row.settings, "tokens": present}
    journal.record(session, host_id, at, who, "source_token_made", reason=name, data={"revoked": revoke_others})
    return token


def source_with(session: Session, name: str, token: str, now: int) -> Connection | None:
    """The source of this name, in any host, where the token opens it now; ``None`` otherwise.

    :param now: the true time.
    """
    row = session.scalars(select(Connection).where(Connection.name == name, Connection.role == SOURCE)).first()
    given = _digest(token)
    for one in (row.settings.get("tokens") or ()) if row is not None else ():
        if secrets.compare_digest(one["digest"], given) and (one["until"] is None or one["until"] > now):
            return row
    return None
