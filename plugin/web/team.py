"""A manager's page: the certifications of her team (DOMAIN §10)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from plugin.access.rules import rule
from plugin.enrolment.team import figures, leads, members, team_of
from plugin.enrolment.terms import zone_of_host
from plugin.web.kit import PAGE_SIZE, PREFIX, host_id, page, page_number, query, runtime

blueprint = Blueprint("team", __name__, url_prefix=f"{PREFIX}/my/team")


@blueprint.get("")
@rule("learner")
def show() -> Response:
    """Who reports to her, or with ``include=below`` everybody under her, and how each stands."""
    below, person, now = request.args.get("include") == "below", int(g.launch.person), runtime().clock.now()
    with runtime().db.read() as session:
        team = team_of(session, host_id(), person, below=below)
        total, rows = members(
            session, host_id(), team, query=query(), limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE
        )
        context: dict[str, Any] = {
            "leads": leads(session, host_id(), person), "below": below, "query": query(), "rows": rows, "total": total,
            "found": figures(session, host_id(), team, now), "now": now, "zone": zone_of_host(session, host_id()),
            "page_number": page_number(), "page_size": PAGE_SIZE,
        }  # fmt: skip
    return page("team.html", **context)
