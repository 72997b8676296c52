"""Hosts › Four eyes: what waits for a second administrator, and its answer (ACCESS 2)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, make_response, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from plugin.access import four_eyes
from plugin.access.four_eyes import Actor, RequestedChange
from plugin.access.rules import PROGRAM, rule, widens_of
from plugin.core.database import tenant
from plugin.core.errors import MusterError
from plugin.web.frame.kit import PREFIX, go, host_id, page, runtime, who
from plugin.web.hosts.host_list import host_of

blueprint = Blueprint("four_eyes", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/four-eyes")

_SECRET = ("secret", "password", "token", "key", "credential", "private")
_LONGEST = 500
_PASSWORD = re.compile(r"(://[^\s/?#:@]*:)[^\s/?#@]*@")


def what_words() -> dict[str, str]:
    """What waits, in words, by the name of what is done."""
    return {
        "rights.add": _("Give somebody rights"), "rights.confirm": _("Confirm a grant to a subject"),
        "tokens.make": _("Make a token for the API"), "endpoints.create": _("Send events to a new address"),
        "endpoints.change": _("Change where events are sent, or which"),
        "connecting.configure": _("Change the learning site’s addresses or credentials"),
        "host_registration.change": _("Change the learning site’s registration and keys"),
        "host_registration.deployment": _("Add or close a deployment"),
        "hosts.registration_address": _("Make an address for registering"),
        "host_messages.change": _("Change where messages are sent"), "sources.add": _("Add a source"),
        "source_settings.change": _("Change a source’s address or credentials"), "messages.cap": _("Raise the cap on messages"),
        "four_eyes.switch": _("Switch four eyes off"), "sending.leave": _("Change where reports may be sent"),
        "sending.send": _("Give oneself the right to read reports while not signed in"),
        "record.switch": _("Let others verify proofs of learners"), "api_sources.add": _("Add a source"),
        "api_sources.change": _("Change a source’s address or credentials"),
        "api_sources.token": _("Make a token of a source"), "source.token": _("Make a token of a source"),
    }  # fmt: skip


def hold(view: Callable[..., Any]) -> Response | None:
    """Let the request that came wait for somebody else, where its host wants two; ``None`` where it may go on.

    What would be refused is refused at once: it is done and taken back first (decision 0095).
    """
    host, widens = int(g.launch.host_id), widens_of(view)
    if not host or not widens or g.get("approved"):
        return None
    made, at = runtime(), runtime().clock.now()
    with made.db.read() as session:
        if not four_eyes.is_on(session, host):
            return None
    if callable(widens) and not widens(**_arguments()):
        return None
    with made.db.rehearsal():
        answer = make_response(view(**_arguments()))
    if answer.status_code >= 400:
        return answer
    by, name = _actor(), str(request.endpoint)
    asked, author = RequestedChange(name, _request(), _shown()), who()
    row = made.db.transact(partial(_ask, host, asked, by, at, author))
    if request.path.startswith("/api/"):
        return make_response(jsonify(waits=row.id, detail=_("This waits for a second administrator.")), 202)
    return go(url_for("four_eyes.show", number=host, asked=row.id))


def _arguments() -> dict[str, Any]:
    """The parts of the address, as a view gets them."""
    return {name: value for name, value in (request.view_args or {}).items() if name != "handle"}


def _ask(host: int, asked: RequestedChange, by: Actor, at: int, author: str, session: Any) -> Any:
    return four_eyes.ask(session, host, asked, by, at=at, who=author)


def _actor() -> Actor:
    launch = g.launch
    if launch.purpose == PROGRAM:
        return Actor(launch.owner.person, launch.owner.subject or launch.subject, launch.subject)
    return Actor(launch.person, launch.subject, launch.name or launch.subject)


def _request() -> dict[str, Any]:
    path = request.full_path.rstrip("?")
    handle = g.get("handle")
    return {
        "path": path.removeprefix(f"/t/{handle}") if handle else path, "page": bool(handle), "method": request.method,
        "form": {name: request.form.getlist(name) for name in request.form}, "type": request.mimetype,
        "body": "" if request.form else request.get_data(as_text=True),
    }  # fmt: skip


def _shown() -> list[tuple[str, str]]:
    """Names and values of what was entered; what looks like a secret is not shown."""
    given: dict[str, Any] = {name: ", ".join(request.form.getlist(name)) for name in request.form}
    if not given and request.is_json and isinstance(document := request.get_json(silent=True), dict):
        given = {str(name): value if isinstance(value, str) else json.dumps(value) for name, value in document.items()}
    given = {**{name: str(value) for name, value in (request.view_args or {}).items() if name != "number"}, **given}
    hidden = _("entered, not shown")
    return [
        (name, hidden if any(word in name.casefold() for word in _SECRET) and value else _open(str(value), hidden))
        for name, value in given.items()
        if value
    ]


def _open(value: str, hidden: str) -> str:
    """A value without the password that an address may carry."""
    return _PASSWORD.sub(rf"\1({hidden})@", value)[:_LONGEST]


@blueprint.get("")
@rule("see host")
def show(number: int) -> Response:
    """What waits, and whether two are wanted."""
    return _show(number)


def _show(number: int, problem: str = "", status: int = 200) -> Response:
    made = runtime()
    with made.db.read() as session:
        host = host_of(session, number)
        rows = four_eyes.waiting(session, host.id, made.clock.now())
        wanted = four_eyes.is_on(session, host.id)
    me = _actor()
    return page(
        "access/four_eyes.html", host=host, rows=rows, wanted=wanted, problem=problem, status=status, words=what_words(),
        mine={row.id for row in rows if me.is_same(row)}, changes=g.launch.rights.changes_host,
        asked=request.args.get("asked", "") if status == 200 else "",
    )  # fmt: skip


@blueprint.post("/switch-on")
@rule("change host")
def switch_on(number: int) -> Response:
    """Want two from now on."""
    return _switch(number, on=True)


@blueprint.post("/switch-off")
@rule("change host", widens=True)
def switch(number: int) -> Response:
    """Want two no longer: needs two itself."""
    return _switch(number, on=False)


def _switch(number: int, *, on: bool) -> Response:
    made, by = runtime(), who()
    with made.db.read() as session:
        host_of(session, number)
    made.db.transact(
        lambda session: four_eyes.switch(session, host_id(), on=on, at=made.clock.now(), who=by)
    )  # fmt: skip
    return go(url_for(".show", number=number))


@blueprint.post("/<int:change>/approve")
@rule("change host")
def approve(number: int, change: int) -> Response:
    """Say yes: it is done now, as it was asked for."""
    made, by, me, at = runtime(), who(), _actor(), runtime().clock.now()
    with made.db.read() as session:
        host_of(session, number)
    try:
        row = made.db.transact(
            lambda session: four_eyes.approve(session, host_id(), change, me, at=at, who=by)
        )  # fmt: skip
    except MusterError as error:
        return _show(number, error.sentence, error.status)
    answer, problem = done_as_asked(row, str(g.handle))
    if problem:
        made.db.transact(
            lambda session: four_eyes.back(session, host_id(), change, at=at, who=by, why=problem)
        )  # fmt: skip
        return _show(number, problem, 409)
    if answer is not None and answer.status_code in (200, 201):  # something that is shown this once
        return answer
    return go(url_for(".show", number=number))


def done_as_asked(row: Any, handle: str) -> tuple[Response | None, str]:
    """Do what a change asks for, as whoever asked, and what went wrong."""
    kept = json.loads(row.request)
    launch, error_id = g.launch, g.get("error_id")
    name = f"{row.name}, {_('approved by %(name)s', name=launch.name or launch.subject)}"
    path = f"/t/{handle}{kept['path']}" if kept["page"] else kept["path"]
    form = MultiDict([(field, value) for field, values in kept["form"].items() for value in values])
    sent: dict[str, Any] = {"data": form} if kept["form"] else {"data": kept["body"], "content_type": kept["type"]}
    with tenant.restored(), current_app.test_request_context(path, method=kept["method"], **sent):
        g.launch = _as_asked(launch, row, name, api=not kept["page"])
        g.handle, g.way_back, g.ended, g.error_id, g.approved = handle, "", "", error_id, True
        try:
            answer = make_response(current_app.view_functions[str(request.endpoint)](**_arguments()))
        except MusterError as error:
            return None, error.sentence
        problem = str(g.get("problem") or "")
        if answer.status_code >= 400:
            return answer, problem or str(_("This cannot be done any more."))
        return answer, ""


def _as_asked(launch: Any, row: Any, name: str, *, api: bool) -> Any:
    """Whoever asked, with the rights of whoever approves: nobody gives through another what she has not."""
    if api:
        from plugin.access.tokens import Program

        return Program(launch.host_id, name, rights=launch.rights, name=name)
    return replace(launch, person=row.person, subject=row.subject, name=name)


@blueprint.post("/<int:change>/refuse")
@rule("change host")
def refuse(number: int, change: int) -> Response:
    """Say no; whoever asked takes it back so."""
    made, by = runtime(), who()
    with made.db.read() as session:
        host_of(session, number)
    try:
        made.db.transact(
            lambda session: four_eyes.refuse(session, host_id(), change, at=made.clock.now(), who=by)
        )  # fmt: skip
    except MusterError as error:
        return _show(number, error.sentence, error.status)
    return go(url_for(".show", number=number))
