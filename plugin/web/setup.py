"""The setup link: a one-use address, good for one hour, that opens *Hosts* without a launch."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, make_response, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy import delete
from sqlalchemy.orm import Session

from plugin.access.rules import PUBLIC, SignedOut, rule
from plugin.core.runtime import Runtime
from plugin.core.tables import OnceLink
from plugin.lti.login import digest
from plugin.web.kit import runtime
from plugin.web.session import Launch, cookie_name, open_session, set_cookie

blueprint = Blueprint("setup", __name__)
LASTS = 3600


def new_setup_link(made: Runtime) -> str:
    """Make a link; only its hash is kept."""
    token = secrets.token_urlsafe(32)

    def work(session: Session) -> None:
        now = made.clock.true()
        session.execute(delete(OnceLink).where(OnceLink.expires < now))
        session.add(OnceLink(digest=digest(token), purpose="setup", expires=now + LASTS))

    made.db.transact(work)
    return f"{made.settings.base_url}/setup/{token}"


@blueprint.get("/setup/<token>")
@rule(PUBLIC)
def use(token: str) -> Response:
    """Open the link once."""
    made = runtime()
    secure = made.settings.base_url.startswith("https://")

    def work(session: Session) -> tuple[str, str] | None:
        used = session.execute(
            delete(OnceLink)
            .where(OnceLink.digest == digest(token), OnceLink.purpose == "setup", OnceLink.expires >= made.clock.true())
            .returning(OnceLink.digest)
        ).first()
        if used is None:
            return None
        visitor = Launch(0, None, "setup", "", is_administrator=False, purpose="setup")
        return open_session(session, made, visitor)

    opened = made.db.transact(work)
    if opened is None:
        raise SignedOut(
            _("This link was used already, or is more than an hour old. Make a new one with 'muster setup-link'.")
        )
    handle, secret = opened
    answer = make_response(redirect(url_for("hosts.listing", handle=handle), 303))
    set_cookie(answer, cookie_name(handle, secure=secure), secret, secure=secure)
    return answer
