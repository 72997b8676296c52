"""Muster's own address: what it is, and what to do next."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import select

from plugin.access.rules import PUBLIC, rule
from plugin.core.tables import Host
from plugin.web.frame.kit import page, runtime

blueprint = Blueprint("front", __name__)


@blueprint.get("/")
@rule(PUBLIC)
def show() -> Response:
    """How Muster is opened. On a developer's machine also from where: elsewhere nobody learns which sites there are."""
    sites: list[tuple[str, str]] = []
    if runtime().settings.development:
        with runtime().db.read() as session:
            rows = session.execute(
                select(Host.title, Host.name, Host.issuer).where(Host.state == "active").order_by(Host.id)
            )
            sites = [(row[0] or row[1], row[2] or "") for row in rows]
    return page("launch/front.html", sites=[one for one in sites if one[1].startswith(("http://", "https://"))])
