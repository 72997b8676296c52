"""Overview of a certification: how many learners stand where."""

from __future__ import annotations

from flask import Blueprint, Response

from plugin.access.rules import rule
from plugin.delivery.counts import places
from plugin.enrolment.guard import active_count
from plugin.enrolment.roster import state_counts
from plugin.web import shell
from plugin.web.kit import PREFIX, host_id, page, runtime

blueprint = Blueprint("overview", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.get("/overview")
@rule("administrator")
def show(certification: int) -> Response:
    """Numbers, and bars by state with the same numbers as a table."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "overview")
        states = state_counts(session, host_id(), certification)
        context |= {
            "active": active_count(session, host_id(), certification),
            "states": states,
            "most": max(states.values(), default=0) or 1,
            "places": places(session, host_id(), certification),
        }
    return page("overview.html", **context)
