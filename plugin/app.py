"""The composition root: one Flask application around one runtime. Nothing happens at import."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_babel import Babel
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from plugin.access.rules import SignedOut, check, rule_of
from plugin.api import service as api
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import MusterError
from plugin.core.logs import correlation, log, new_correlation
from plugin.core.runtime import Runtime
from plugin.jobs.queue import Nudges, open_queue
from plugin.web import compress, limits, words
from plugin.web import session as launch_session
from plugin.web.kit import FRAGMENT

_ROOT = Path(__file__).parent
MOST_BYTES = 5 * 1024 * 1024
_log = log("web")


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
    app.extensions["muster"] = runtime
    app.extensions["muster_nudges"] = Nudges(lambda: open_queue(runtime.settings))
    Babel(app, locale_selector=_locale, default_translation_directories=str(_ROOT / "translations"))
    if runtime.settings.proxy_hops:
        hops = runtime.settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.before_request(_correlate)
    launch_session.install(app, runtime)
    api.install(app, runtime)
    app.before_request(_authorise)
    compress.install(app)
    app.after_request(_headers)
    _errors(app)
    for found in pkgutil.iter_modules([str(_ROOT / "web")]):
        module = importlib.import_module(f"plugin.web.{found.name}")
        if hasattr(module, "blueprint"):
            app.register_blueprint(module.blueprint)
    limits.install(app, runtime.settings)
    return app


def _locale() -> str:
    """The visitor's language in the form gettext catalogues are named."""
    language, _dash, country = words.launch_locale().partition("-")
    return f"{language}_{country.upper()}" if country else language


def _version() -> str:
    """Changes with every change of a static file, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for path in sorted((_ROOT / "web" / "static").rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _correlate() -> None:
    new_correlation()
    g.error_id = secrets.token_hex(4)


def _authorise() -> None:
    """Ask the view's rule. A view without one is reachable by nobody."""
    if request.endpoint is None or request.endpoint == "static":
        return

    view = current_app.view_functions[request.endpoint]
    name = rule_of(view)
    if name is None:
        raise MusterError("This page has no rule and is closed.")
    check(name, g.launch)
    if request.method not in ("GET", "HEAD", "OPTIONS") and g.launch is not None:
        _same_origin()


def _same_origin() -> None:
    """What a session may change, only our own pages may ask for."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in (None, "same-origin") or (origin not in (None, "null") and urlsplit(origin).netloc != request.host):
        raise SignedOut(_("This request did not come from Muster's own page."))


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
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
        return answer

    @app.errorhandler(Exception)
    def _unknown(error: Exception) -> Response:
        _log.exception("unexpected", error_id=g.get("error_id"), path=request.path, error=type(error).__name__)
        return _said(_("Something went wrong in Muster. Try again; if it stays, tell whoever runs it."), 500)

    def _away(error: Exception) -> Response:
        _log.error("database not reachable", error_id=g.get("error_id"), path=request.path, error=str(error))
        sentence = _("Muster's database does not answer. Try again in a minute; if it stays, tell whoever runs it.")
        answer = _said(sentence, 503)
        answer.headers["Retry-After"] = "60"
        return answer

    for kind in DATABASE_AWAY:
        app.register_error_handler(kind, _away)


def _said(sentence: str, status: int, fields: Any = None) -> Response:
    """A page, a fragment or JSON that says it in a sentence."""
    if request.path.startswith(("/api/", "/hooks/")):
        said = {"detail": sentence, "error_id": g.get("error_id"), **({"fields": fields} if fields else {})}
        answer = make_response(said, status)
        if status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    layout = "fragment.html" if FRAGMENT in request.headers else "base.html"
    page = render_template(
        "error.html",
        layout=layout,
        sentence=sentence,
        status=status,
        error_id=g.get("error_id"),
        correlation=correlation(),
    )
    return make_response(page, status)
