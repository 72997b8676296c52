"""Hosts › Administrators: people named in Muster, beside those whom the learning site sends as administrators."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.errors import Invalid
from plugin.mirror.browse import names_of_people
from plugin.mirror.search import find
from plugin.notifications.recipients import administrators, name_administrator
from plugin.web.hosts import host_of
from plugin.web.kit import PREFIX, go, page, query, runtime, who

blueprint = Blueprint("named", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/administrators")

_OFFERED = 20


@blueprint.get("")
@rule("setup")
def show(number: int) -> Response:
    """Who is named, and finding somebody to name."""
    with runtime().db.read() as session:
        host = host_of(session, number)
        named = administrators(session, number)
        people = names_of_people(session, number, named)
        found = find(session, number, "person", query(), limit=_OFFERED) if query() else None
    return page(
        "host_administrators.html", host=host, named=[people[one] for one in named if one in people], query=query(),
        people=[row for row in found.rows if row.id not in named] if found else [], total=found.total if found else 0,
    )  # fmt: skip


@blueprint.post("")
@rule("setup")
def change(number: int) -> Response:
    """Name somebody, or no longer."""
    made, by = runtime(), who()
    action, _colon, text = request.form.get("action", "").partition(":")
    if action not in ("name", "remove") or not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(_("Choose a person."))
    with made.db.read() as session:
        host_of(session, number)
    made.db.transact(
        lambda session: name_administrator(
            session, number, int(text), named=action == "name", at=made.clock.now(), who=by
        )
    )
    return go(url_for(".show", number=number))
