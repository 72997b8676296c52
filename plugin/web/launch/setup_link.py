"""The setup link: a one-use address, good for half an hour, that opens *Hosts* without a launch.

A button opens it, so that nobody uses it up who merely looks: a mail scanner, a preview, a ``HEAD``.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access import setup_links
from plugin.access.rules import OPERATING, PUBLIC, SignedOut, rule
from plugin.core.database.tenant import across
from plugin.mirror.tables import Connection
from plugin.web.frame.kit import demand_own_page, runtime
from plugin.web.launch.session import ABSOLUTE, Launch, cookie_name, find_session, open_session, set_cookie

blueprint = Blueprint("setup", __name__)
FOUND_AGAIN = "muster-setup"
"""The cookie by which the tab is found again; sent to /setup alone."""


@blueprint.get("/setup/<token>")
@rule(PUBLIC)
def show(token: str) -> Response:
    """A button that opens it."""
    made = runtime()
    with made.db.read() as session:
        link = setup_links.look(session, token, made.clock.true())
    if link is None and (before := _before()):
        return before
    if link is None or link.purpose != setup_links.SETUP:
        raise _used()
    return make_response(render_template("launch/setup.html", token=token, name=link.who))


@blueprint.post("/setup/<token>")
@rule(PUBLIC)
def use(token: str) -> Response:
    """Open the link once; a form of another site would put whoever is there into a session of its own choice."""
    demand_own_page()
    made = runtime()
    secure = made.settings.base_url.startswith("https://")

    def work(session: Session) -> tuple[str, str] | None:
        link = setup_links.look(session, token, made.clock.true())
        if (
            link is None
            or link.purpose != setup_links.SETUP
            or setup_links.use(session, token, made.clock.true()) is None
        ):
            return None
        visitor = Launch(0, None, "operator", link.who, is_administrator=False, purpose=OPERATING)
        return open_session(session, made, visitor)

    with across("an operator's pages"):
        opened = made.db.transact(work)
    if opened is None and (before := _before()):
        return before
    if opened is None:
        raise _used()
    handle, secret = opened
    answer = make_response(redirect(url_for("hosts.listing", handle=handle), 303))
    set_cookie(answer, cookie_name(handle, secure=secure), secret, secure=secure)
    answer.set_cookie(
        FOUND_AGAIN, handle, max_age=ABSOLUTE, secure=secure, httponly=True, samesite="Lax", path="/setup"
    )
    return answer


def _used() -> SignedOut:
    return SignedOut(
        _("This link was used already, or is more than half an hour old. Make a new one with 'muster setup-link'.")
    )


@blueprint.get("/setup")
@rule(PUBLIC)
def again() -> Response:
    """Back to *Hosts* for whoever opened a setup link in this browser and left its tab; ``site``: has that one tested at once."""
    if before := _before(request.args.get("site", "")):
        return before
    raise SignedOut(_("Nobody has opened a setup link in this browser lately. Make one with 'muster setup-link'."))


def _before(site: str = "") -> Response | None:
    """On to the session that a setup link opened in this browser, while it lasts.

    :param site: name of the connection whose checklist is wanted; of none, or one that is gone: the list of all.
    """
    handle = request.cookies.get(FOUND_AGAIN, "")
    launch = find_session(runtime(), handle, request) if handle else None
    if launch is None or launch.purpose != OPERATING:
        return None
    with across("an operator's pages"), runtime().db.read() as session:
        number = session.scalar(select(Connection.host_id).where(Connection.name == site)) if site else None
    listing = url_for("hosts.listing", handle=handle)
    wanted = url_for("checking.show", handle=handle, number=number, run=1) if number else listing
    return make_response(redirect(wanted, 303))
