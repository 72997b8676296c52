"""Search from anywhere: people, certifications, organisations and positions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g

from plugin.access.rules import STAFF, rule
from plugin.certifications.listing import listed
from plugin.mirror.lookup.browse import describe
from plugin.mirror.lookup.search import find
from plugin.web.frame.kit import PREFIX, host_id, page, query, runtime

blueprint = Blueprint("finder", __name__, url_prefix=PREFIX)

_SHOWN = 8


@blueprint.get("/search")
@rule(STAFF, area=True)
def show() -> Response:
    """The first of each kind, exact matches before all others, with how many there are."""
    words = query()
    context: dict[str, Any] = {"query": words}
    if words:
        with runtime().db.read() as session:
            context |= {
                "certifications": listed(session, host_id(), words, limit=_SHOWN, offset=0, only=g.launch.rights.seen()),
                "people": find(session, host_id(), "person", words, limit=_SHOWN),
                "units": [(kind, find(session, host_id(), kind, words, limit=_SHOWN)) for kind in ("organisation", "position")],
            }  # fmt: skip
            targets = [(kind, row.ext) for kind, found in context["units"] for row in found.rows]
            context["paths"] = describe(session, host_id(), targets)
    return page("home/search.html", **context)
