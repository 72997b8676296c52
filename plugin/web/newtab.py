"""*Open in a new tab*: the same visitor outside the host's frame, with a session and a cookie of its own there.

The frame's cookie is partitioned: a tab of its own never gets it. So the frame asks for a ticket, which opens once.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import delete
from sqlalchemy.orm import Session

from plugin.access.rules import LAUNCHED, PUBLIC, SignedOut, rule
from plugin.lti.login import digest
from plugin.lti.tables import Nonce
from plugin.web.kit import PREFIX, go, runtime
from plugin.web.session import Launch, cookie_name, open_session, set_cookie

blueprint = Blueprint("newtab", __name__)

_LASTS = 60
_KIND = "tab"


@blueprint.post(f"{PREFIX}/new-tab")
@rule(LAUNCHED)
def leave() -> Response:
    """A ticket to open the page ``to`` (below the session's own address) in a tab of its own."""
    ticket, made = secrets.token_urlsafe(32), runtime()
    data = {**asdict(g.launch), "document_target": "window"}

    def work(session: Session) -> None:
        session.add(Nonce(digest=digest(ticket), kind=_KIND, data=data, expires=made.clock.true() + _LASTS))

    made.db.transact(work)
    return go(url_for(".enter", ticket=ticket, to=_below(request.form.get("to", ""))))


@blueprint.get("/tab/<ticket>")
@rule(PUBLIC)
def enter(ticket: str) -> Response:
    """Use the ticket up: a session of its own, and on to the page."""
    made = runtime()

    def work(session: Session) -> tuple[str, str]:
        taken = session.execute(
            delete(Nonce)
            .where(Nonce.digest == digest(ticket), Nonce.kind == _KIND, Nonce.expires >= made.clock.true())
            .returning(Nonce.data)
        ).first()
        if taken is None:
            raise SignedOut(_("This link opens once, within a minute. Select Open in a new tab again."))
        data: dict[str, Any] = dict(taken[0])
        return open_session(session, made, Launch(**data))

    handle, secret = made.db.transact(work)
    secure = made.settings.base_url.startswith("https://")
    home = url_for("home.home", handle=handle).rstrip("/")
    answer = make_response(redirect(home + _below(request.args.get("to", "")), 303))
    set_cookie(answer, cookie_name(handle, secure=secure), secret, secure=secure)
    return answer


def _below(path: str) -> str:
    """A path below a session's address; its start page for anything that is none."""
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path[:2000] if safe else "/"
