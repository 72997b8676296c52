"""Tokens of programs that use the API: made for one host, shown once, kept as a hash, taken back at any time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from plugin.access.rules import READER, WRITER
from plugin.access.tables import ApiToken
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.lti.login import digest

MOST = 100
"""Tokens of one host."""
_FORM = re.compile(r"muster_([0-9]{1,9})_[A-Za-z0-9_-]{43}")
_SEEN = 60
"""Seconds in which a token's use is noted once."""


@dataclass(frozen=True)
class Program:
    """A program as pages and rules see a visitor: an administrator's hand, and nobody's person."""

    host_id: int
    subject: str
    purpose: str
    """``reader`` or ``writer``."""
    name: str = ""
    person: int | None = None
    is_administrator: bool = False


def make_token(session: Session, host_id: int, name: str, *, may_write: bool, at: int, who: str) -> str:
    """Make a token and return it; it cannot be read again.

    :raises Invalid: without a name. :raises RefusedByRule: when the name is taken, or there are too many.
    """
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise Invalid(_("A token needs a name of at most 80 characters."))
    session.scalars(select(Host.id).where(Host.id == host_id).with_for_update()).one()
    present = tokens_of(session, host_id)
    if any(one.name == name for one in present):
        raise RefusedByRule(_("There is a token '%(name)s' already.", name=name))
    if len(present) >= MOST:
        raise RefusedByRule(_("There are %(most)s tokens; take one back first.", most=MOST))
    token = f"muster_{host_id}_{secrets.token_urlsafe(32)}"
    session.add(
        ApiToken(
            host_id=host_id, id=take_ids(session, host_id, "api_token"), name=name, digest=digest(token),
            may_write=may_write, who=who, created=at,
        )
    )  # fmt: skip
    session.flush()
    record(session, host_id, at, who, "token_made", reason=name, data={"may_write": may_write})
    return token


def tokens_of(session: Session, host_id: int) -> Sequence[ApiToken]:
    """The tokens of a host, by name."""
    return session.scalars(select(ApiToken).where(ApiToken.host_id == host_id).order_by(ApiToken.name)).all()


def take_back(session: Session, host_id: int, name: str, *, at: int, who: str) -> None:
    """A token opens nothing from now on.

    :raises NotFound: when the host has none of this name.
    """
    gone = session.execute(
        delete(ApiToken).where(ApiToken.host_id == host_id, ApiToken.name == name).returning(ApiToken.id)
    ).first()
    if gone is None:
        raise NotFound(_("There is no token '%(name)s'.", name=name))
    record(session, host_id, at, who, "token_taken_back", reason=name)


def program_of(runtime: Runtime, authorization: str) -> Program | None:
    """Whoever sends this ``Authorization`` header; ``None`` where no active host knows the token.

    The hash is what is looked up, so that the time of the look-up tells nothing about a token.
    """
    scheme, _space, token = authorization.partition(" ")
    form = _FORM.fullmatch(token.strip())
    if scheme.lower() != "bearer" or form is None:
        return None
    host_id, now = int(form[1]), runtime.clock.true()
    with runtime.db.read() as session:
        row = session.scalars(
            select(ApiToken)
            .join(Host, Host.id == ApiToken.host_id)
            .where(ApiToken.host_id == host_id, ApiToken.digest == digest(token.strip()), Host.state == "active")
        ).first()
    if row is None:
        return None
    if now - row.used > _SEEN:
        runtime.db.transact(lambda session: _touch(session, host_id, row.id, now))
    return Program(host_id, f"api:{row.name}", WRITER if row.may_write else READER)


def _touch(session: Session, host_id: int, number: int, now: int) -> None:
    session.execute(update(ApiToken).where(ApiToken.host_id == host_id, ApiToken.id == number).values(used=now))
