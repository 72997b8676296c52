"""Tokens of programs: made for one host, shown once, kept as a hash, with scopes, an owner and an end (ACCESS 1, 4)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from plugin.access.grants import holds, last_day
from plugin.access.rights import NONE, SHELL, Rights, rights_of, today
from plugin.access.rules import PROGRAM, SCOPES
from plugin.access.standing import counting, filled, granted, is_here, person_of_subject, suspected
from plugin.access.tables import AccessGrant, ApiToken
from plugin.core.database.tenant import inside
from plugin.core.errors import Forbidden, Invalid, NotFound, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.lti.login import digest
from plugin.mirror.tables import Person

MOST = 100
"""Tokens of one host."""
LONGEST = 365
"""Days a token lives at most."""
_FORM = re.compile(r"muster_([0-9]{1,9})_[A-Za-z0-9_-]{43}")
_SEEN = 60
"""Seconds in which a token's use is noted once."""


@dataclass(frozen=True)
class TokenOwner:
    """Whose rights a token has. Neither: whoever runs commands on the server."""

    person: int | None = None
    subject: str = ""

    @property
    def kind(self) -> str:
        """As the table names it."""
        return "person" if self.person is not None else "subject" if self.subject else "shell"


@dataclass(frozen=True)
class RequestedToken:
    """A token as it is asked for.

    :ivar certifications: the only ones it reaches, by our ids; ``None``: all that its owner reaches.
    :ivar until: its last day; empty for a year from now.
    """

    name: str
    scopes: Sequence[str] = ("read",)
    certifications: tuple[int, ...] | None = None
    until: str = ""


@dataclass(frozen=True)
class Program:
    """A program as pages and rules see a visitor: its owner's rights, and nobody's person."""

    host_id: int
    subject: str
    purpose: str = PROGRAM
    name: str = ""
    person: int | None = None
    rights: Rights = NONE
    scopes: Collection[str] = field(default_factory=frozenset)
    owner: TokenOwner = TokenOwner()


def make_token(session: Session, host_id: int, asked: RequestedToken, *, owner: TokenOwner, at: int, who: str) -> str:
    """Make a token and return it; it cannot be read again.

    :raises Invalid: without a name, a scope or a possible end. :raises Forbidden: where the owner has no grant.
    :raises RefusedByRule: when the name is taken, or there are too many.
    """
    name = " ".join(asked.name.split())
    if not name or len(name) > 80:
        raise Invalid(_("A token needs a name of at most 80 characters."))
    scopes = [one for one in SCOPES if one in asked.scopes]
    if not scopes or set(asked.scopes) - set(SCOPES):
        raise Invalid(_("A token has one or more of the scopes %(scopes)s.", scopes=", ".join(SCOPES)))
    host = session.scalars(select(Host).where(Host.id == host_id).with_for_update()).one()
    if owner.kind != "shell" and not holds(session, host, owner.person, owner.subject, at):
        raise Forbidden(_("A token belongs to somebody with a grant: a role at the learning site alone owns none."))
    until = _until(asked.until, today(at, host.time_zone))
    present = tokens_of(session, host_id)
    if any(one.name == name for one in present):
        raise RefusedByRule(_("There is a token '%(name)s' already.", name=name))
    if len(present) >= MOST:
        raise RefusedByRule(_("There are %(most)s tokens; take one back first.", most=MOST))
    token = f"muster_{host_id}_{secrets.token_urlsafe(32)}"
    only = None if asked.certifications is None else sorted(set(asked.certifications))
    session.add(
        ApiToken(
            host_id=host_id, id=take_ids(session, host_id, "api_token"), name=name, digest=digest(token),
            may_write="write" in scopes, scopes=scopes, certifications=only, until=until, owner=owner.kind,
            owner_person=owner.person, owner_subject=owner.subject or None, who=who, created=at,
        )
    )  # fmt: skip
    session.flush()
    data = {
        "scopes": scopes,
        "until": until,
        "certifications": only,
        "owner": owner.kind,
        "subject": owner.subject or None,
    }
    record(session, host_id, at, who, "token_made", person=owner.person, reason=name, data=data)
    return token


def _until(text: str, day: date) -> str:
    latest = (day + timedelta(LONGEST)).isoformat()
    until = last_day(text, day) or latest
    if until > latest:
        raise Invalid(_("A token lives a year at most: its last day is %(day)s or earlier.", day=latest))
    return until


def scopes_of(row: ApiToken) -> frozenset[str]:
    """Its scopes; of one that release 0.1 made, what it could do."""
    return frozenset(row.scopes or (["read", "write"] if row.may_write else ["read"]))


def last_day_of(row: ApiToken) -> str:
    """Its last day."""
    return row.until or (datetime.fromtimestamp(row.created, UTC).date() + timedelta(LONGEST)).isoformat()


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
    """Whoever sends this ``Authorization`` header; ``None`` where no active host knows the token, or it ended.

    The hash is what is looked up, so that the time of the look-up tells nothing about a token.
    """
    scheme, _space, token = authorization.partition(" ")
    form = _FORM.fullmatch(token.strip())
    if scheme.lower() != "bearer" or form is None:
        return None
    host_id, now = int(form[1]), runtime.clock.true()
    with inside(host_id):
        with runtime.db.read() as session:
            rows = session.execute(
                _QUERY.where(
                    ApiToken.host_id == host_id, ApiToken.digest == digest(token.strip()), Host.state == "active"
                )
            ).all()
            if not rows:
                return None
            row = rows[0][0]
            found = _rights(session, rows, today(runtime.clock.now(), rows[0][1]))
        if found is None:
            return None
        if now - row.used > _SEEN:
            runtime.db.transact(lambda session: _touch(session, host_id, row.id, now))
    owner = TokenOwner(row.owner_person, row.owner_subject or "")
    return Program(host_id, f"api:{row.name}", rights=found, scopes=scopes_of(row), owner=owner)


_QUERY = (
    select(ApiToken, Host.time_zone, Person.state, Person.life, suspected(ApiToken.host_id), AccessGrant)
    .join(Host, Host.id == ApiToken.host_id)
    .outerjoin(Person, and_(Person.host_id == ApiToken.host_id, Person.id == ApiToken.owner_person))
    .outerjoin(
        AccessGrant,
        and_(
            or_(ApiToken.owner == "person", ApiToken.owner == "subject"),
            granted(ApiToken.host_id, ApiToken.owner_person, ApiToken.owner_subject),
        ),
    )
)


def _rights(session: Session, rows: Sequence[Sequence[object]], day: date) -> Rights | None:
    """What a token may now: its owner's rights over the certifications it names; ``None`` where it opens nothing."""
    row, _zone, state, life, absent, _grant = rows[0]
    assert isinstance(row, ApiToken)
    if last_day_of(row) < day.isoformat():
        return None
    if row.owner in ("shell", ""):
        return SHELL.narrowed(row.certifications)
    if row.owner == "person" and (state is None or not is_here(int(str(state)), bool(absent))):
        return None
    known = row.owner == "person" or person_of_subject(session, row.host_id, row.owner_subject or "") is not None
    grants = [one[5] for one in rows if isinstance(one[5], AccessGrant)]
    counted = counting(grants, row.owner_person, known=known)
    found = filled(session, row.host_id, rights_of(counted, role=False, life=int(str(life or 0)), day=day))
    return found.narrowed(row.certifications) if found.any else None


def rights_of_token(session: Session, row: ApiToken, day: date) -> Rights | None:
    """What a token may on a day, when it is not used itself; ``None`` where it opens nothing."""
    rows = session.execute(_QUERY.where(ApiToken.host_id == row.host_id, ApiToken.id == row.id)).all()
    return _rights(session, rows, day) if rows else None


def _touch(session: Session, host_id: int, number: int, now: int) -> None:
    session.execute(update(ApiToken).where(ApiToken.host_id == host_id, ApiToken.id == number).values(used=now))
