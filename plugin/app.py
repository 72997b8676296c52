"""The composition root: one Flask application around one runtime. Nothing happens at import."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import secrets
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

import plugin.schema  # noqa: F401 - a process without it would not know how time moves on
from plugin.access.rules import CHANGE, PUBLIC, SEE, SignedOut, area_of, check, in_area, rule_of, scope_of
from plugin.api import service as api
from plugin.core import area_scope
from plugin.core.database import tenant
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import MusterError
from plugin.core.host_time import move_on
from plugin.core.logs import correlation, log, new_correlation
from plugin.core.runtime import Runtime
from plugin.enrolment.saving.proposal import certification_id
from plugin.jobs.catch_up import NO_WORKER, settle_before_change
from plugin.jobs.queue import Nudges, open_queue
from plugin.population.area import area_scope_of
from plugin.scim import service as scim
from plugin.web.access import four_eyes, tracing
from plugin.web.frame import addresses, compression, limits, reader
from plugin.web.frame.kit import FRAGMENT, demand_own_page
from plugin.web.frame.white_space import OneBlank
from plugin.web.launch import session as launch_session

_ROOT = Path(__file__).parent
_NOTHING = ", ".join(
    f"{feature}=()" for feature in (
        "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi", "payment",
        "usb",
    )
)  # fmt: skip
"""What no page of ours ever asks a browser for."""
MOST_BYTES = 5 * 1024 * 1024
_log = log("web")

OUT_OF_RANGE, TOO_LONG = "22003", "22001"
"""PostgreSQL's *numeric value out of range*, and *string data right truncation*."""


def create_app(runtime: Runtime) -> Flask:
    """The web application.

    :param runtime: settings, database, clock; shared by all requests.
    """
    app = Flask(
        "plugin", root_path=str(_ROOT), template_folder=str(_ROOT.parent / "templates"),
        static_folder=str(_ROOT / "web" / "static"), static_url_path=f"/static/{_version()}",
    )  # fmt: skip
    app.config.update(MAX_CONTENT_LENGTH=MOST_BYTES, MAX_FORM_MEMORY_SIZE=MOST_BYTES, MAX_FORM_PARTS=20_000)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension(OneBlank)
    app.extensions["muster"] = runtime
    app.extensions["muster_nudges"] = Nudges(lambda: open_queue(runtime.settings))
    reader.install(app)
    if runtime.settings.proxy_hops:
        hops = runtime.settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # as Werkzeug's documentation has it
    app.before_request(_correlate)  # first: whatever is refused names its request
    addresses.install(app)
    launch_session.install(app)
    api.install(app)
    scim.install(app, runtime)
    app.before_request(_enter)
    app.before_request(_authorise)
    app.teardown_request(_look_at_all)
    compression.install(app)
    app.after_request(_headers)
    _errors(app)
    for found in pkgutil.walk_packages([str(_ROOT / "web")], "plugin.web."):
        module = importlib.import_module(found.name)
        if hasattr(module, "blueprint"):
            app.register_blueprint(module.blueprint)
    limits.install(app, runtime.settings)
    tracing.install(app, runtime)
    return app


def _version() -> str:
    """Changes with every change of a static file, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for path in sorted((_ROOT / "web" / "static").rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _look_at_all(_error: BaseException | None = None) -> None:
    """Whoever comes next in this thread is somebody else."""
    area_scope.tell(None)
    tenant.leave()


def _correlate() -> None:
    _look_at_all()
    tenant.enter(None)
    new_correlation()
    g.error_id = secrets.token_hex(4)


def _enter() -> None:
    """From here on everything is of the visitor's own host; an operator's pages are about all of them."""
    if g.launch is not None and g.launch.host_id:
        tenant.enter(g.launch.host_id)
    elif g.launch is not None:
        tenant.enter_every("an operator's pages")


def _authorise() -> Response | None:
    """Ask the view's rule. A view without one is reachable by nobody; what widens rights may have to wait."""
    if request.endpoint is None or request.endpoint == "static":
        return None

    view = current_app.view_functions[request.endpoint]
    name, reads = rule_of(view), request.method in ("GET", "HEAD", "OPTIONS")
    if name is None:
        raise MusterError("This page has no rule and is closed.")
    if g.launch is None and g.ended and name != PUBLIC:
        raise SignedOut(g.ended)
    certification, area = _certification(name), area_of(view)
    check(name, g.launch, scope=scope_of(view), certification=certification, area=area)
    if g.launch is not None and g.launch.host_id:
        runtime: Runtime = current_app.extensions["muster"]
        if reads:
            move_on(runtime, g.launch.host_id, within=NO_WORKER)
        else:
            settle_before_change(runtime, g.launch.host_id)
    if g.launch is not None and area and in_area(name, g.launch, certification):
        area_scope.tell(area_scope_of(g.launch.rights.units))
    if not reads and g.launch is not None:
        demand_own_page()  # what a session may change
        return four_eyes.hold(view)
    return None


def _certification(name: str) -> int | None:
    """The certification in the address, by our id; 0 for one by a code that need not be looked up, or is unknown."""
    named = request.view_args or {}
    if "certification" in named:
        return int(named["certification"])
    if "code" not in named or g.launch is None or name not in (SEE, CHANGE):
        return None
    if g.launch.rights.seen() is None:
        return 0  # all or none: the operation itself says where there is none of this code
    runtime: Runtime = current_app.extensions["muster"]
    with runtime.db.read() as session:
        return certification_id(session, int(g.launch.host_id), str(named["code"]))


def _headers(answer: Response) -> Response:
    frame = getattr(g.get("launch"), "host_origin", "") or "'none'"
    if request.path.startswith("/lti/") or answer.status_code == 401:
        frame = "*"  # what says that a session ended must be seen inside the frame it ended in
    connect = "'self'"
    answer.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {connect}; form-action *;"
        f" base-uri 'none'; frame-ancestors {frame}",
    )
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Permissions-Policy"] = _NOTHING
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    if current_app.extensions["muster"].settings.base_url.startswith("https://"):
        answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint == "static":
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def _errors(app: Flask) -> None:
    @app.errorhandler(MusterError)
    def _known(error: MusterError) -> Response:
        return _said(error.sentence, error.status)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        sentence = {
            404: _("There is no such page."), 405: _("This cannot be done here."), 413: _("That is too much at once."),
            429: _("This was asked for too often from one address. Try again in an hour."),
        }  # fmt: skip
        answer = _said(sentence.get(error.code or 500, error.description or _("That did not work.")), error.code or 500)
        if messages := getattr(error, "data", {}).get("messages"):  # by webargs, for the API alone
            answer = _said(_("The request is not understood."), error.code or 422, messages)
        if error.code == 405 and getattr(error, "valid_methods", None):
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]  # a 405 has them
        return answer

    @app.errorhandler(Exception)
    def _unknown(error: Exception) -> Response:
        _log.exception("unexpected", error_id=g.get("error_id"), route=_route(), error=type(error).__name__)
        return _said(_("Something went wrong in Muster. Try again; if it stays, tell whoever runs it."), 500)

    def _away(error: Exception) -> Response:
        _log.error("database not reachable", error_id=g.get("error_id"), route=_route(), error=type(error).__name__)
        sentence = _("Muster's database does not answer. Try again in a minute; if it stays, tell whoever runs it.")
        answer = _said(sentence, 503)
        answer.headers["Retry-After"] = "60"
        return answer

    def _does_not_fit(error: Exception) -> Response:
        """A number larger than any id: SQLite finds nothing, PostgreSQL refuses to look; or text longer than its column."""
        state = getattr(getattr(error, "orig", error), "sqlstate", None)
        if state == TOO_LONG:
            _log.error("too long for its column", error_id=g.get("error_id"), route=_route())
            return _said(_("Something that was entered is too long."), 400)
        return _said(_("There is no such page."), 404) if state == OUT_OF_RANGE else _unknown(error)

    app.register_error_handler(DataError, _does_not_fit)
    app.register_error_handler(psycopg.DataError, _does_not_fit)
    for kind in DATABASE_AWAY:
        app.register_error_handler(kind, _away)


def _route() -> str:
    """The pattern of the address asked for: the address itself names people and sessions."""
    return f"{request.method} {request.url_rule.rule if request.url_rule else '-'}"


def _said(sentence: str, status: int, fields: Any = None) -> Response:
    """A page, a fragment or JSON that says it in a sentence."""
    if request.path.startswith(("/api/", "/hooks/", "/companion/")):
        said = {"detail": sentence, "error_id": g.get("error_id"), **({"fields": fields} if fields else {})}
        answer = make_response(said, status)
        if status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    if request.path.startswith(f"{scim.PREFIX}/"):
        return scim.error(sentence, status)
    layout = "frame/fragment.html" if FRAGMENT in request.headers else "frame/base.html"
    page = render_template(
        "frame/error.html",
        layout=layout,
        sentence=sentence,
        status=status,
        error_id=g.get("error_id"),
        correlation=correlation(),
    )
    return make_response(page, status)
