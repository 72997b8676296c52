"""*Sign out*: the session ends, and with it the tabs that were opened from it (ACCESS 4)."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, render_template

from plugin.access import sessions
from plugin.access.rules import SIGNED_IN, rule
from plugin.lti.login import digest
from plugin.web.frame.kit import PREFIX, origin_of, runtime
from plugin.web.launch.session import cookie_name

blueprint = Blueprint("sign_out", __name__)


@blueprint.post(f"{PREFIX}/sign-out")
@rule(SIGNED_IN)
def leave() -> Response:
    """End it, and say so with the way back to the learning site."""
    made, handle, back = runtime(), str(g.handle), str(g.launch.return_url)
    made.db.transact(lambda session: sessions.end(session, digest(handle)))
    g.way_back = back if origin_of(back).startswith(("https://", "http://")) else ""
    frame, g.launch = g.launch, None
    answer = make_response(render_template("launch/signed_out.html", layout="frame/base.html", way_back=g.way_back))
    secure = made.settings.base_url.startswith("https://")
    answer.delete_cookie(
        cookie_name(handle, secure=secure), path="/", secure=secure, httponly=True,
        samesite="None" if secure else "Lax", partitioned=secure,
    )  # fmt: skip
    g.launch = frame  # the page is shown in the frame it was asked in
    return answer
