"""The learner's own page: her certifications, why she has each, by when, and the groups she may join or leave."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request, url_for

from plugin.access.rules import rule
from plugin.certifications.content import parse_content
from plugin.certifications.groups_open import OpenGroup, open_groups
from plugin.certifications.store import by_id, definition_of
from plugin.delivery.watching import look_again
from plugin.enrolment.groups import join, leave
from plugin.enrolment.opening import open_course, open_to
from plugin.enrolment.roster import certifications_of
from plugin.enrolment.team import leads
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.browse import courses, zone_of_person
from plugin.web.kit import PREFIX, go, host_id, nudge, page, runtime, wants_fragment

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
            if not learner.active and not any(reason.type == "group" for reason in learner.reasons):
                continue  # held back: there is nothing to see but her own request (DOMAIN 4.3)
            row = by_id(session, host_id(), number)
            definition = definition_of(session, host_id(), number)
            content = parse_content(definition.content)
            if definition.enrol == "on_open":
                waiting.add(number)
            now_open = open_to(session, host_id(), number, person)
            path = [ext for one in content.certification for ext in one.courses]
            again = [ext for one in content.recertification_path for ext in one.courses if ext in now_open]
            offered = [(known[ext], ext in now_open) for ext in dict.fromkeys([*path, *again]) if ext in known]
            mine.append((row, learner, offered))
        zone = zone_of_host(session, host_id())
        groups: list[OpenGroup] = open_groups(session, host_id(), person)
        context: dict[str, Any] = {
            "mine": mine, "groups": groups, "waiting": waiting, "asked": _asked(mine), "host_zone": zone,
            "zone": zone_of_person(session, host_id(), person, zone),
            "leads": leads(session, host_id(), person), "now": runtime().clock.now(),
        }  # fmt: skip
    return page("my.html", **context)


def _asked(mine: list[Any]) -> set[int]:
    """The certifications where her request to join waits for an administrator (DOMAIN 2.5)."""
    return {row.id for row, learner, _courses in mine if learner.exception and not learner.active}


@blueprint.post("/certifications/<int:certification>/open")
@rule("learner")
def enter_course(certification: int) -> Response:
    """Open a course: where seats wait for that hers is wanted from now on, and what she did in her courses is read again.

    She goes on to the course at her learning site, out of the frame: our script leads there, else a link does.
    """
    made, person = runtime(), int(g.launch.person)
    address = open_course(made, host_id(), certification, person, request.form.get("course", ""))
    made.db.transact(lambda session: look_again(session, host_id(), person, made.clock.now()))
    nudge()
    if not address.startswith(("https://", "http://")):
        return go(url_for(".listing"))
    return go(address) if wants_fragment() else page("leaving.html", address=address)


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
    """Leave a group, or cancel a request to join; another assignment keeps her enrolled."""
    leave(runtime(), host_id(), certification, request.form.get("group", ""), int(g.launch.person))
    nudge()
    return go(url_for(".listing"))
