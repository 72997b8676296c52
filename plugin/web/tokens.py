"""Hosts › Tokens: what programs may use the API with. Each is shown once, when it is made."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from plugin.access import tokens
from plugin.access.rules import rule
from plugin.core.errors import Invalid, RefusedByRule
from plugin.web.hosts import host_of
from plugin.web.kit import PREFIX, field, go, page, runtime, who

blueprint = Blueprint("tokens", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/tokens")


@blueprint.get("")
@rule("setup")
def show(number: int) -> Response:
    """The tokens there are."""
    return _show(number)


def _show(number: int, token: str = "", problem: str = "", status: int = 200) -> Response:
    with runtime().db.read() as session:
        host = host_of(session, number)
        rows = tokens.tokens_of(session, number)
    return page(
        "host_tokens.html", host=host, rows=rows, token=token, problem=problem, status=status,
        base=runtime().settings.base_url,
    )  # fmt: skip


@blueprint.post("")
@rule("setup")
def make(number: int) -> Response:
    """Make one; the answer shows it, this once."""
    made, by, name, may_write = runtime(), who(), field("name"), request.form.get("access") == "write"
    with made.db.read() as session:
        host_of(session, number)
    try:
        token = made.db.transact(
            lambda session: tokens.make_token(session, number, name, may_write=may_write, at=made.clock.now(), who=by)
        )
    except (Invalid, RefusedByRule) as error:
        return _show(number, problem=error.sentence, status=error.status)
    return _show(number, token=token, status=201)


@blueprint.post("/remove")
@rule("setup")
def remove(number: int) -> Response:
    """It opens nothing from now on."""
    made, by, name = runtime(), who(), field("name")
    with made.db.read() as session:
        host_of(session, number)
    made.db.transact(lambda session: tokens.take_back(session, number, name, at=made.clock.now(), who=by))
    return go(url_for(".show", number=number))
