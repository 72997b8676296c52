"""Where a platform opens us to be registered: one address, pasted at the learning site."""

from __future__ import annotations

import threading

from flask import Blueprint, Response, make_response, render_template, request

from plugin.access.rules import PUBLIC, rule
from plugin.core.logs import log
from plugin.lti.errors import LtiRejected
from plugin.lti.registration import Registered, register
from plugin.web.kit import runtime

blueprint = Blueprint("registration", __name__, url_prefix="/lti")
_log = log("registration")
_AT_ONCE = threading.BoundedSemaphore(3)
"""Anybody may open this page and name a slow address; a process waits for this many at a time, and serves on."""


@blueprint.get("/register")
@rule(PUBLIC)
def start() -> Response:
    """Register at the platform that opened this page. What comes of it stays pending: nobody is let in by this."""
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
        made = _register(asked["openid_configuration"][0], "".join(asked["registration_token"]))
    except LtiRejected as error:
        _log.warning("registration rejected", code=error.code)
        return make_response(render_template("door/register.html", done=None, problem=error), error.status)
    _log.info("registered", issuer=made.issuer, host=made.host_id)
    return make_response(render_template("door/register.html", done=made, problem=None))


def _register(address: str, token: str) -> Registered:
    if not _AT_ONCE.acquire(blocking=False):
        raise LtiRejected("registrations_busy", "Other registrations are under way. Try again in a minute.", 503)
    try:
        return register(runtime(), address, token)
    finally:
        _AT_ONCE.release()
