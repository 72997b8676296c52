"""Where a platform opens us to be registered: one address, pasted at the learning site."""

from __future__ import annotations

import threading

from flask import Blueprint, Response, current_app, make_response, render_template, request

from plugin.access import setup_links
from plugin.access.invitations import admit
from plugin.access.rules import PUBLIC, rule
from plugin.core.database.tenant import across
from plugin.core.logs import log
from plugin.lti.errors import LtiRejected
from plugin.lti.registration import Registered, register
from plugin.web.frame.kit import runtime

blueprint = Blueprint("registration", __name__, url_prefix="/lti")
_log = log("registration")
_AT_ONCE = threading.BoundedSemaphore(3)
"""Anybody may open this page and name a slow address; a process waits for this many at a time, and serves on."""


@blueprint.get("/icon.svg")
@rule(PUBLIC)
def icon() -> Response:
    """The picture that a learning site shows beside us; its address does not change with our releases."""
    answer = current_app.send_static_file("icon.svg")
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer


@blueprint.get("/register")
@rule(PUBLIC)
def start() -> Response:
    """Register at the platform that opened this page. What comes of it stays pending: nobody is let in by this."""
    return _start("")


@blueprint.get("/register/<invitation>")
@rule(PUBLIC)
def start_invited(invitation: str) -> Response:
    """The same by an address that carries a token of ours: what comes of it need not wait."""
    return _start(invitation)


def _start(invitation: str) -> Response:
    if request.method == "HEAD":
        return make_response("")  # whoever merely looks whether the page is there uses no token up
    asked = {name: request.args.getlist(name) for name in ("openid_configuration", "registration_token")}
    try:
        if not asked["openid_configuration"]:
            raise LtiRejected(
                "configuration_missing",
                "This address is for a learning site to open: paste it there, where an external tool is registered.",
            )
        if any(len(values) > 1 for values in asked.values()):
            raise LtiRejected("field_twice", "The learning site's request names a field twice.")
        made = _register(asked["openid_configuration"][0], "".join(asked["registration_token"]), invitation)
    except LtiRejected as error:
        _log.warning("registration rejected", code=error.code)
        return make_response(render_template("launch/register.html", done=None, problem=error), error.status)
    _log.info("registered", issuer=made.issuer, host=made.host_id)
    admitted = bool(invitation) and _admit(invitation, made.host_id)
    return make_response(render_template("launch/register.html", done=made, problem=None, admitted=admitted))


def _admit(invitation: str, host_id: int) -> bool:
    made = runtime()
    with across("a registration before it has a host"):
        return made.db.transact(
            lambda session: admit(session, invitation, host_id, now=made.clock.true(), at=made.clock.now())
        )


def _register(address: str, token: str, invitation: str) -> Registered:
    """What became of a registration.

    :raises LtiRejected: with a sentence; also where the address carries a token that was used, or is too old.
    """
    made = runtime()
    if invitation:
        with made.db.read() as session:
            link = setup_links.look(session, invitation, made.clock.true())
        if link is None or not link.purpose.startswith(setup_links.REGISTER):
            raise LtiRejected(
                "address_used",
                "This registration address was used already, or is more than a day old. Ask for a new one.",
            )
    if not _AT_ONCE.acquire(blocking=False):
        raise LtiRejected("registrations_busy", "Other registrations are under way. Try again in a minute.", 503)
    try:
        return register(made, address, token, invited=bool(invitation))
    finally:
        _AT_ONCE.release()
