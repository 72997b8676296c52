"""Where a message's link leads: Muster opens from the learning site alone, so the page leads on to it."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy import select

from plugin.access.rules import PUBLIC, rule
from plugin.core.tables import Host
from plugin.web.frame.kit import origin_of, runtime

blueprint = Blueprint("way_in", __name__)


@blueprint.get("/team/<name>")
@rule(PUBLIC)
def team(name: str) -> Response:
    """How a manager gets to her team; the same page for a name that is no learning site's, without a link."""
    with runtime().db.read() as session:
        issuer = session.scalars(select(Host.issuer).where(Host.name == name, Host.state == "active")).first()
    site = origin_of(issuer or "")
    return make_response(render_template("launch/way_in.html", layout="frame/base.html", site=site))
