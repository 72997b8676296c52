"""Tokens of programs that use the API, made and taken back from the command line."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access import tokens
from plugin.access.tables import ApiToken
from plugin.access.tokens import RequestedToken, TokenOwner
from plugin.certifications.tables import Certification
from plugin.cli.context import acting, certification, open_host, who
from plugin.cli.opening import print_json
from plugin.core.clock import format_instant
from plugin.core.errors import NotFound, RefusedByRule
from plugin.mirror.tables import Person


def add(
    host: str | None, name: str, scopes: tuple[str, ...], codes: tuple[str, ...], until: str | None, *, write: bool
) -> int:
    """Make a token and print it, this once. It belongs to the server's shell, or to whom ``--as`` names."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        numbers = tuple(certification(session, host_id, code) for code in codes)
    wanted = {*scopes, *(("read", "write") if write else ()), *(() if scopes or write else ("read",))}
    asked, by = RequestedToken(name, sorted(wanted), numbers or None, until or ""), who()
    owner = TokenOwner(person=acting())
    print(
        runtime.db.transact(
            lambda session: tokens.make_token(session, host_id, asked, owner=owner, at=runtime.clock.now(), who=by)
        )
    )
    return 0


def listing(host: str | None, *, as_json: bool) -> int:
    """Print the tokens there are."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        query = select(Certification.id, Certification.code).where(Certification.host_id == host_id)
        codes = {row[0]: row[1] for row in session.execute(query)}
        rows: list[dict[str, Any]] = [
            {
                "name": row.name, "may": "write" if row.may_write else "read",
                "scopes": sorted(tokens.scopes_of(row)), "until": tokens.last_day_of(row),
                "certifications": _named(row, codes),
                "owner": _owner(session, row), "who": row.who,
                "created": format_instant(row.created), "used": format_instant(row.used) if row.used else None,
            }
            for row in tokens.tokens_of(session, host_id)
        ]  # fmt: skip
    if as_json:
        print_json(rows)
        return 0
    for one in rows:
        print(f"{one['name']}\t{','.join(one['scopes'])}\t{one['until']}\t{one['created']}\t{one['used'] or '-'}")
    return 0


def _named(row: ApiToken, codes: dict[int, str]) -> list[str] | None:
    """The codes of the only certifications it reaches; ``None``: all that its owner reaches."""
    return None if row.certifications is None else [codes[one] for one in row.certifications if one in codes]


def _owner(session: Session, row: ApiToken) -> str | None:
    """``person ID``, ``subject SUB`` or ``shell``; ``None`` for a token made before tokens had owners."""
    if row.owner == "person":
        person = session.get(Person, (row.host_id, row.owner_person))
        return f"person {person.ext if person else row.owner_person}"
    return f"subject {row.owner_subject}" if row.owner == "subject" else row.owner or None


def remove(host: str | None, name: str) -> int:
    """A token opens nothing from now on."""
    runtime, host_id = open_host(host)
    by = who()
    try:
        runtime.db.transact(lambda session: tokens.take_back(session, host_id, name, at=runtime.clock.now(), who=by))
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    print("Taken back.")
    return 0
