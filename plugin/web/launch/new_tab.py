"""*Open in a new tab*: the same visitor outside the host's frame, with a session and a cookie of its own there.

The frame's cookie is partitioned: a tab of its own never gets it. So the frame asks for a ticket, which opens once.
"""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, g, make_response, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import delete
from sqlalchemy.orm import Session

from plugin.access.rules import LAUNCHED, PUBLIC, SignedOut, rule
from plugin.access.sessions import TAB, lives
from plugin.core.database.tenant import across
from plugin.lti.login import digest
from plugin.lti.tables import LaunchSession, Nonce
from plugin.web.frame.kit import PREFIX, demand_own_page, go, page, runtime
from plugin.web.launch.session import Launch, cookie_name, open_session, set_cookie

blueprint = Blueprint("newtab", __name__)

_LASTS = 60


@blueprint.post(f"{PREFIX}/new-tab")
@rule(LAUNCHED)
def leave() -> Response:
    """A ticket to open the page ``to`` (below the session's own address) in a tab of its own."""
    ticket, made = secrets.token_urlsafe(32), runtime()
    data = {"from": digest(g.handle)}

    def work(session: Session) -> None:
        session.add(Nonce(digest=digest(ticket), kind=TAB, data=data, expires=made.clock.true() + _LASTS))

    made.db.transact(work)
    return go(url_for(".enter", ticket=ticket, to=_below(request.form.get("to", ""))))


@blueprint.get("/tab/<ticket>")
@rule(PUBLIC)
def enter(ticket: str) -> Response:
    """From our own page the ticket is used up at once; from elsewhere a button says first whose session it opens.

    Else a link in a letter would put whoever follows it into the session of whoever sent it.
    """
    made = runtime()
    if request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "same-origin":
        return _enter(ticket)
    with across("a session by its handle"), made.db.read() as session:
        row = session.get(Nonce, digest(ticket))
        if row is None or row.kind != TAB or row.expires < made.clock.true():
            raise _gone()
        whose = session.get(LaunchSession, str(row.data.get("from", "")))
        if whose is None:
            raise _gone()  # a ticket ends with the session it came from
        name = whose.name or whose.subject
    return page("launch/tab.html", ticket=ticket, to=_below(request.args.get("to", "")), name=name)


@blueprint.post("/tab/<ticket>")
@rule(PUBLIC)
def confirm(ticket: str) -> Response:
    """The button of that page."""
    demand_own_page()
    return _enter(ticket)


def _gone() -> SignedOut:
    return SignedOut(_("This link opens once, within a minute. Select Open in a new tab again."))


def _enter(ticket: str) -> Response:
    """Use the ticket up: a session of its own, and on to the page."""
    made = runtime()

    def work(session: Session) -> tuple[str, str]:
        taken = session.execute(
            delete(Nonce)
            .where(Nonce.digest == digest(ticket), Nonce.kind == TAB, Nonce.expires >= made.clock.true())
            .returning(Nonce.data)
        ).first()
        if taken is None:
            raise _gone()
        return _beside(session, str(taken[0].get("from", "")))

    with across("a session by its handle"):
        handle, secret = made.db.transact(work)
    secure = made.settings.base_url.startswith("https://")
    home = url_for("home.home", handle=handle).rstrip("/")
    answer = make_response(redirect(home + _below(request.args.get("to", "")), 303))
    set_cookie(answer, cookie_name(handle, secure=secure), secret, secure=secure)
    return answer


def _beside(session: Session, key: str) -> tuple[str, str]:
    """A session beside the one with this hash: the same visitor, and the same end.

    :raises SignedOut: where that one ended meanwhile.
    """
    made = runtime()
    ends = lives(session, key, made.clock.true())
    row = session.get(LaunchSession, key)
    if ends is None or row is None:
        raise SignedOut(_("Your session has ended. Open this page again from your learning site."))
    visitor = Launch(
        row.host_id, row.person, row.subject, row.name, row.is_administrator, row.purpose,
        data={**row.data, "document_target": "window"},
    )  # fmt: skip
    return open_session(session, made, visitor, ends=ends, family=row.family or row.digest)


def _below(path: str) -> str:
    """A path below a session's address; its start page for anything that is none."""
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path[:2000] if safe else "/"
