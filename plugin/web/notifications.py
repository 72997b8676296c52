"""Notifications of a certification: which are on, to whom they go, how many each would reach now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, url_for
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.definition import Proposal
from plugin.certifications.listing import matched
from plugin.certifications.store import by_id, definition_of
from plugin.core.errors import RefusedByRule
from plugin.enrolment.save import Choices, save
from plugin.notifications.impact import impact
from plugin.notifications.templates import DEFAULTS
from plugin.web import shell
from plugin.web.kit import PREFIX, go, host_id, page, runtime, who

blueprint = Blueprint("notifications", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.get("/notifications")
@rule("administrator")
def tab(certification: int) -> Response:
    """The list."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "notifications")
        definition = definition_of(session, host_id(), certification)
        reached = _everyone(session, certification, definition.assignments)
        context |= {
            "rows": [
                (one, DEFAULTS[one["when"]], impact(session, host_id(), certification, one["when"], reached, [one]))
                for one in definition.notifications or ()
            ],
            "reached": len(reached),
        }
    return page("notifications.html", **context)


def _everyone(session: Session, certification: int, rows: Any) -> BitMap:
    found: BitMap = BitMap()
    for people in matched(session, host_id(), certification, rows).values():
        found |= people
    return found


@blueprint.post("/notifications")
@rule("administrator")
def switch(certification: int) -> Response:
    """Switch one on or off: saved at once, it touches no learner."""
    wanted = request.form.get("which", "")
    with runtime().db.read() as session:
        version = by_id(session, host_id(), certification).version
        current = definition_of(session, host_id(), certification)
    if request.form.get("version") != str(version):
        raise RefusedByRule("Somebody saved this certification meanwhile. Look at it once more.")
    changed = tuple(
        {**one, "on": "on" in request.form} if str(position) == wanted else one
        for position, one in enumerate(current.notifications or ())
    )
    definition = replace(current, notifications=changed)
    save(runtime(), host_id(), [Proposal(definition, version, current)], who=who(), choices=Choices())
    return go(url_for(".tab", certification=certification))
