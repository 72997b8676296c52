"""Learners of a certification who ask for more time: its administrators answer as well as managers."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from plugin.access.rules import rule
from plugin.core.area_scope import area_of
from plugin.core.days import end_of_day
from plugin.core.stamps import calendar_day
from plugin.enrolment.answers import extension_requests
from plugin.web.frame import shell
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.kit import PREFIX, field, go, host_id, nudge, page, runtime, who

blueprint = Blueprint("more_time", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>/more-time")


@blueprint.get("")
@rule("see", area=True)
def show(certification: int) -> Response:
    """Who asks, until when and why, oldest first."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "exceptions")
        context["requests"] = extension_requests.waiting(session, host_id(), certifications=[certification])
    return page("learners/more_time.html", done=request.args.get("done", ""), **context)


@blueprint.post("/<int:asked>")
@rule("change", area=True)
def answer(certification: int, asked: int) -> Response:
    """Grant more time, to the day asked for or to another, or refuse it."""
    with runtime().db.read() as session:
        zone = shell.of_certification(session, certification, "exceptions")["zone"]
        among = area_of(session, host_id())
    grant = request.form.get("action") == "grant"
    day = day_from(field("to", 20))
    to = end_of_day(calendar_day(day), zone) if day else None
    extension_requests.answer(
        runtime(), host_id(), asked, grant, who=who(), to=to, among=among, certification=certification
    )
    nudge()
    return go(url_for(".show", certification=certification, done="granted" if grant else "refused"))
