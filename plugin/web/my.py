"""The learner's own page: her certifications, why she has each, by when, and the groups she may join or leave."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request, url_for

from plugin.access.rules import rule
from plugin.certifications.content import parse_content
from plugin.certifications.groups_open import OpenGroup, open_groups
from plugin.certifications.store import by_id, definition_of
from plugin.enrolment.groups import join, leave
from plugin.enrolment.opening import open_course
from plugin.enrolment.roster import certifications_of
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.browse import courses
from plugin.web.kit import PREFIX, go, host_id, nudge, page, runtime

blueprint = Blueprint("my", __name__, url_prefix=f"{PREFIX}/my")


@blueprint.get("/certifications")
@rule("learner")
def listing() -> Response:
    """Everything she is in, and what she may join."""
    person = int(g.launch.person)
    with runtime().db.read() as session:
        known = {course.ext: course for course in courses(session, host_id())}
        mine: list[Any] = []
        waiting: set[int] = set()
        for number, learner in certifications_of(session, host_id(), person):
            row = by_id(session, host_id(), number)
            definition = definition_of(session, host_id(), number)
            content = parse_content(definition.content)
            if definition.enrol == "on_open":
                waiting.add(number)
            offered = [known[ext] for one in content.certification for ext in one.courses if ext in known]
            mine.append((row, learner, offered))
        groups: list[OpenGroup] = open_groups(session, host_id(), person)
        context: dict[str, Any] = {
            "mine": mine, "groups": groups, "waiting": waiting, "zone": zone_of_host(session, host_id()),
        }  # fmt: skip
    return page("my.html", **context)


@blueprint.post("/certifications/<int:certification>/open")
@rule("learner")
def enter_course(certification: int) -> Response:
    """Open a course: her seat is wanted from now on, and she goes on to the course at her learning site."""
    address = open_course(runtime(), host_id(), certification, int(g.launch.person), request.form.get("course", ""))
    nudge()
    return go(address if address.startswith(("https://", "http://")) else url_for(".listing"))


@blueprint.post("/groups/<int:certification>/join")
@rule("learner")
def enter(certification: int) -> Response:
    """Join a group: at once (DOMAIN 2.5)."""
    join(runtime(), host_id(), certification, request.form.get("group", ""), int(g.launch.person))
    nudge()
    return go(url_for(".listing"))


@blueprint.post("/groups/<int:certification>/leave")
@rule("learner")
def exit_group(certification: int) -> Response:
    """Leave a group; another assignment keeps her enrolled."""
    leave(runtime(), host_id(), certification, request.form.get("group", ""), int(g.launch.person))
    nudge()
    return go(url_for(".listing"))
