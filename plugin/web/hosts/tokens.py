"""Hosts › Tokens: what programs may use the API with. Each is shown once, when it is made."""

from __future__ import annotations

from flask import Blueprint, Response, g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access import tokens
from plugin.access.grants import holds
from plugin.access.rights import today
from plugin.access.rules import SCOPES, rule
from plugin.access.tokens import RequestedToken, TokenOwner
from plugin.certifications.tables import Certification
from plugin.core.errors import Forbidden, Invalid, RefusedByRule
from plugin.core.tables import Host
from plugin.mirror.lookup.browse import names_of_people
from plugin.web.frame.kit import PREFIX, field, go, page, runtime, who
from plugin.web.frame.words import scope_words
from plugin.web.hosts.host_list import host_of

blueprint = Blueprint("tokens", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/tokens")


def _owner() -> TokenOwner:
    """Whoever makes a token owns it."""
    return TokenOwner(person=g.launch.person) if g.launch.person is not None else TokenOwner(subject=g.launch.subject)


@blueprint.get("")
@rule("see host")
def show(number: int) -> Response:
    """The tokens there are."""
    return _show(number)


def _show(number: int, token: str = "", problem: str = "", status: int = 200) -> Response:
    made = runtime()
    with made.db.read() as session:
        host = host_of(session, number)
        rows = tokens.tokens_of(session, number)
        people = names_of_people(session, number, [one.owner_person for one in rows if one.owner_person is not None])
        codes = _certifications(session, number)
        owner = _owner()
        may_own = bool(holds(session, host, owner.person, owner.subject, made.clock.now()))
    day = today(made.clock.now(), host.time_zone)
    return page(
        "hosts/host_tokens.html", host=host, rows=rows, token=token, problem=problem, status=status, people=people,
        base=made.settings.base_url, codes=codes, scopes=scope_words(), scopes_of=tokens.scopes_of, may_own=may_own,
        last_day_of=tokens.last_day_of, day=day.isoformat(), changes=g.launch.rights.changes_host,
    )  # fmt: skip


def _certifications(session: Session, number: int) -> dict[int, str]:
    query = select(Certification.id, Certification.code).where(Certification.host_id == number)
    return {row[0]: row[1] for row in session.execute(query.order_by(Certification.code))}


@blueprint.post("")
@rule("change host", widens=True)
def make(number: int) -> Response:
    """Make one, owned by whoever does; the answer shows it, this once."""
    made, by = runtime(), who()
    name, until = field("name"), field("until", 10)
    scopes = [one for one in SCOPES if one in request.form.getlist("scope")]

    def work(session: Session) -> str:
        host: Host = host_of(session, number)
        known = _certifications(session, number)
        chosen = [int(one) for one in request.form.getlist("certification") if one.isascii() and one.isdigit()]
        if not set(chosen) <= known.keys() or len(chosen) != len(request.form.getlist("certification")):
            raise Invalid("There is no such certification.")
        asked = RequestedToken(name, scopes, tuple(chosen) or None, until)
        return tokens.make_token(session, host.id, asked, owner=_owner(), at=made.clock.now(), who=by)

    try:
        token = made.db.transact(work)
    except (Invalid, RefusedByRule, Forbidden) as error:
        return _show(number, problem=error.sentence, status=error.status)
    return _show(number, token=token, status=201)


@blueprint.post("/remove")
@rule("change host")
def remove(number: int) -> Response:
    """It opens nothing from now on."""
    made, by, name = runtime(), who(), field("name")
    with made.db.read() as session:
        host_of(session, number)
    made.db.transact(lambda session: tokens.take_back(session, number, name, at=made.clock.now(), who=by))
    return go(url_for(".show", number=number))
