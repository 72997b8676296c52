"""The door: login, launch and our keys. Verification is ``lti``'s; here are only requests, cookies and pages."""

from __future__ import annotations

import hmac
import json
import secrets
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, make_response, redirect, render_template, request, url_for
from sqlalchemy import delete
from sqlalchemy.orm import Session

from plugin.access.rules import LAUNCH, PUBLIC, rule
from plugin.access.standing import has_mirror, person_of_subject
from plugin.core.database.tenant import enter
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.delivery.completion_polling import look_again
from plugin.lti.errors import LtiRejected
from plugin.lti.keys import current_key, published
from plugin.lti.keysets import KeySets
from plugin.lti.launch import Launched, LoginRow, find_login, use_up, verify_launch
from plugin.lti.login import LASTS, Login, begin_login, digest
from plugin.lti.roles import is_administrator
from plugin.lti.tables import Nonce
from plugin.mirror.connections.launch_contexts import learn_context, learn_endpoint
from plugin.web.frame.kit import origin_of, runtime
from plugin.web.launch.session import ABSOLUTE, Launch, cookie_name, open_session, set_cookie

SERVICES = {
    "nrps": "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice",
    "ags": "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint",
}
"""Claims of a launch that its session keeps."""
ABOUT = tuple(f"https://purl.imsglobal.org/spec/lti/claim/{name}" for name in ("context", "resource_link", "custom"))
"""What they belong to."""

blueprint = Blueprint("door", __name__, url_prefix="/lti")
_log = log("door")


def keysets() -> KeySets:
    """This application's cache of platforms' keys."""
    found = current_app.extensions.get("muster_keysets")
    if found is None:
        found = current_app.extensions["muster_keysets"] = KeySets(runtime().http)
    kept: KeySets = found
    return kept


def _secure() -> bool:
    return runtime().settings.base_url.startswith("https://")


def _state_cookie(state: str) -> str:
    return f"{'__Host-' if _secure() else ''}muster-login-{digest(state)[:12]}"


@blueprint.errorhandler(LtiRejected)
def rejected(error: LtiRejected) -> Response:
    """A page in plain words; what exactly was wrong is in the log."""
    _log.warning("rejected", code=error.code, path=request.path)
    return make_response(
        render_template("launch/rejected.html", sentence=error.sentence, code=error.code), error.status
    )


@blueprint.route("/login", methods=["GET", "POST"])
@rule(PUBLIC)
def login() -> Response:
    """Third-party initiated login: on to the platform's authorisation endpoint."""
    begun = begin_login(runtime(), _single(request.values))
    answer = _to_platform(begun)
    set_cookie(answer, _state_cookie(begun.state), begun.secret, secure=_secure(), seconds=LASTS)
    return answer


def _single(values: Any) -> dict[str, str]:
    """Each field once; one that is given twice is nobody's."""
    found = {}
    for name, listed in values.lists():
        if len(listed) != 1:
            raise LtiRejected("field_twice", "The learning site's request names a field twice.")
        found[name] = listed[0]
    return found


def _to_platform(begun: Login) -> Response:
    if begun.storage:
        return make_response(render_template("launch/login.html", login=begun))
    return make_response(redirect(begun.address, 302))


@blueprint.post("/launch")
@rule(PUBLIC)
def launch() -> Response:
    """A platform's launch: verified, bound to this browser, and turned into a session."""
    form = _single(request.form)
    if form.get("error"):
        raise LtiRejected("platform_error", "The learning site did not let you in. Open Muster again from there.", 403)
    found = find_login(runtime(), form.get("state", ""))
    enter(found.host_id)
    launched = verify_launch(runtime(), keysets(), found, form.get("id_token", ""))
    secret = request.cookies.get(_state_cookie(found.state))
    if secret is not None and hmac.compare_digest(digest(secret), found.secret):
        return _open(found, launched)
    if found.storage:
        return _ask_for_proof(found, launched)
    raise LtiRejected(
        "browser_unknown",
        "Your browser did not keep what Muster gave it. Allow cookies for this page, or open it in a new tab.",
        403,
    )


def _ask_for_proof(found: LoginRow, launched: Launched) -> Response:
    """The browser kept no cookie, but the platform stores for it: a ticket page fetches the proof from there."""
    ticket = secrets.token_urlsafe(32)
    made = runtime()

    def work(session: Session) -> str:
        data = {"state": found.state, "host": found.host_id, "at": made.clock.true()}
        session.add(
            Nonce(digest=digest(ticket), kind="ticket", data=data, payload=json.dumps(_plain(launched)),
                  expires=made.clock.true() + LASTS)
        )  # fmt: skip

        host = session.get(Host, found.host_id)
        return origin_of(host.auth_url or "") if host else ""

    platform = made.db.transact(work)
    page = render_template(
        "launch/proof.html", ticket=ticket, state=found.state, storage=found.storage, platform=platform
    )
    return make_response(page)


@blueprint.post("/proof")
@rule(PUBLIC)
def proof() -> Response:
    """The ticket with the secret that the platform stored for this browser."""
    form = _single(request.form)
    made = runtime()

    def take(session: Session) -> tuple[dict[str, Any], str | None] | None:
        row = session.execute(
            delete(Nonce)
            .where(
                Nonce.digest == digest(form.get("ticket", "")),
                Nonce.kind == "ticket",
                Nonce.expires >= made.clock.true(),
            )
            .returning(Nonce.data, Nonce.payload)
        ).first()
        return (row[0], row[1]) if row else None

    taken = made.db.transact(take)
    if taken is None:
        raise LtiRejected("ticket_unknown", "This launch was opened twice, or took too long. Open Muster again.")
    found = find_login(made, str(taken[0]["state"]))
    enter(found.host_id)
    if not hmac.compare_digest(digest(form.get("secret", "")), found.secret):
        raise LtiRejected("browser_unknown", "This launch was begun in another browser. Open Muster again.", 403)
    return _open(found, Launched(**json.loads(taken[1] or "{}")), int(taken[0]["at"]) + ABSOLUTE)


def _plain(launched: Launched) -> dict[str, Any]:
    found = {name: getattr(launched, name) for name in launched.__dataclass_fields__ if name != "claims"}
    kept = {name: launched.claims[name] for name in (*SERVICES.values(), *ABOUT) if name in launched.claims}
    return {**found, "roles": list(launched.roles), "claims": kept}


def _open(found: LoginRow, launched: Launched, ends: int | None = None) -> Response:
    """Use the login up and open the session, in one transaction.

    :param ends: when it ends at the latest, where the launch was verified some time ago.
    """
    made = runtime()

    def work(session: Session) -> tuple[str, str]:
        use_up(session, found)
        _first_launch(session, found.host_id, made.clock.now())
        learn_context(session, found.host_id, launched.claims)
        learn_endpoint(session, found.host_id, launched.claims, made.clock.now())
        came = visitor(session, made, launched)
        if came.person is not None:
            look_again(session, found.host_id, came.person, made.clock.now())
        return open_session(session, made, came, ends=ends)

    handle, secret = made.db.transact(work)
    answer = make_response(redirect(url_for("home.home", handle=handle), 303))
    set_cookie(answer, cookie_name(handle, secure=_secure()), secret, secure=_secure())
    answer.delete_cookie(_state_cookie(found.state), path="/", secure=_secure(), httponly=True)
    return answer


def _first_launch(session: Session, host_id: int, at: int) -> None:
    """Remember that the way in works; the checklist asks."""
    host = session.get_one(Host, host_id)
    if not host.settings.get("launched"):
        host.settings = {**host.settings, "launched": at}


def visitor(session: Session, made: Runtime, launched: Launched) -> Launch:
    """Who was launched: a person of the mirror where the subject names one.

    An administrator's role counts for somebody the mirror does not know only while it knows nobody at all (ACCESS 1).
    """
    person = person_of_subject(session, launched.host_id, launched.subject)
    role = is_administrator(launched.roles)
    stranger = role and person is None and has_mirror(session, launched.host_id)
    services = {name: launched.claims.get(claim) for name, claim in SERVICES.items()}
    data = {name: value for name, value in services.items() if value}
    return Launch(
        host_id=launched.host_id, person=person, subject=launched.subject, name=launched.name,
        is_administrator=role and not stranger, purpose=LAUNCH, locale=launched.locale,
        context=launched.context, return_url=launched.return_url, document_target=launched.document_target,
        host_origin=origin_of(launched.issuer), data={**data, "stranger": True} if stranger else data,
    )  # fmt: skip


@blueprint.get("/jwks")
@rule(PUBLIC)
def jwks() -> Response:
    """Our public keys."""
    made = runtime()

    def work(session: Session) -> list[dict[str, Any]]:
        current_key(session, made.clock.true())
        return published(session)

    answer = jsonify(keys=made.db.transact(work))
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer
