"""The learner's own page: what she has to do next, how far she is, until when it holds, and the groups she may join."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.open_groups import OpenGroup, open_groups
from plugin.certifications.store import by_id
from plugin.core.days import end_of_day
from plugin.core.errors import Invalid, NotFound
from plugin.core.stamps import calendar_day
from plugin.delivery.completion_polling import look_again, looked
from plugin.enrolment.answers import extension_requests
from plugin.enrolment.answers.course_opening import open_course
from plugin.enrolment.answers.groups import join, leave
from plugin.enrolment.settling.few_people import settle_few
from plugin.enrolment.terms import zone_of_host
from plugin.enrolment.views.roster import certifications_of
from plugin.enrolment.views.team import leads
from plugin.mirror.connections.health import trouble_of
from plugin.mirror.lookup.browse import zone_of_person
from plugin.reports.asking.reader import Reader
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.kit import PREFIX, field, go, host_id, nudge, page, runtime, wants_fragment, who
from plugin.web.mine.calendar import written
from plugin.web.mine.paths import LearnerCertification, days_between
from plugin.web.mine.standings import standings

blueprint = Blueprint("my", __name__, url_prefix=f"{PREFIX}/my")


@blueprint.get("/certifications")
@rule("learner")
def listing() -> Response:
    """Everything she is in, and what she may join. What she has completed since is read by itself, and shown as it comes."""
    made, person = runtime(), int(g.launch.person)
    made.db.transact(lambda session: look_again(session, host_id(), person, made.clock.now()))
    nudge()
    return _listing(person)


@blueprint.get("/certifications/watch")
@rule("learner")
def watch() -> Response:
    """The same while her completions are being read."""
    return _listing(int(g.launch.person))


def _standings(session: Session, person: int) -> list[LearnerCertification]:
    """Where she stands in what she is enrolled in: what comes next first."""
    return standings(runtime(), session, host_id(), Reader(who(), people=BitMap([person])))


def _listing(person: int) -> Response:
    with runtime().db.read() as session:
        zone = zone_of_host(session, host_id())
        hers = zone_of_person(session, host_id(), person, zone)
        learners = dict(certifications_of(session, host_id(), person))
        # Held back: there is nothing to see but her own request (rules 4.3).
        requests = [
            (by_id(session, host_id(), number), learner)
            for number, learner in learners.items()
            if not learner.active and any(reason.type == "group" for reason in learner.reasons)
        ]
        groups: list[OpenGroup] = open_groups(session, host_id(), person)
        now = runtime().clock.now()
        mine = _standings(session, person)
        context: dict[str, Any] = {
            "mine": mine, "learners": learners, "requests": requests, "groups": groups, "host_zone": zone, "zone": hers,
            "asked": {row.id for row, learner in requests if learner.exception},
            "more_time": extension_requests.latest_of(session, host_id(), person),
            "days": {one.number: days_between(now, one.date, hers) for one in mine if one.date},
            "trouble": trouble_of(session, host_id()), "looked": looked(session, host_id(), person),
            "leads": leads(session, host_id(), person), "now": now,
        }  # fmt: skip
    return page("mine/my.html", **context)


@blueprint.get("/certifications/dates.ics")
@rule("learner")
def dates() -> Response:
    """Her due and expiry dates as a calendar file."""
    with runtime().db.read() as session:
        hers = zone_of_person(session, host_id(), int(g.launch.person), zone_of_host(session, host_id()))
        found = written(_standings(session, int(g.launch.person)), runtime().clock.now(), hers, host_id())
    answer = Response(found, content_type="text/calendar; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="certifications.ics"'
    return answer


@blueprint.post("/certifications/<int:certification>/more-time")
@rule("learner")
def more_time(certification: int) -> Response:
    """Ask for more time, with a reason; or take the request back."""
    person = int(g.launch.person)
    if request.form.get("action") == "withdraw":
        extension_requests.take_back(runtime(), host_id(), certification, person, who=who())
        return go(url_for(".listing"))
    with runtime().db.read() as session:
        zone = zone_of_host(session, host_id())
    day = day_from(field("to", 20))
    if not day:
        raise Invalid(_("Enter the date."))
    extension_requests.ask(
        runtime(),
        host_id(),
        certification,
        person,
        end_of_day(calendar_day(day), zone),
        field("reason", 1000),
        who=who(),
    )
    nudge()
    return go(url_for(".listing"))


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
    return go(address) if wants_fragment() else page("mine/leaving.html", address=address)


@blueprint.post("/groups/<int:certification>/join")
@rule("learner")
def enter(certification: int) -> Response:
    """Join a group: at once (rules 2.5)."""
    made, person = runtime(), int(g.launch.person)
    join(made, host_id(), certification, request.form.get("group", ""), person)
    settle_few(made, host_id(), [person])
    nudge()
    return go(url_for(".listing"))


@blueprint.get("/groups/<int:certification>/leave")
@rule("learner")
def ask_to_leave(certification: int) -> Response:
    """What leaving a group means for her, before she does."""
    name, person = request.args.get("group", "")[:255], int(g.launch.person)
    with runtime().db.read() as session:
        row = by_id(session, host_id(), certification)
        groups = open_groups(session, host_id(), person)
        if not any(one.member and one.name == name and one.certification.id == certification for one in groups):
            raise NotFound(_("You are in no such group."))
        learner = dict(certifications_of(session, host_id(), person)).get(certification)
    stays = [one for one in learner.reasons if (one.type, one.name) != ("group", name)] if learner else []
    return page("mine/leave_group.html", certification=row, group=name, stays=stays)


@blueprint.post("/groups/<int:certification>/leave")
@rule("learner")
def exit_group(certification: int) -> Response:
    """Leave a group, or cancel a request to join; another assignment keeps her enrolled."""
    made, person = runtime(), int(g.launch.person)
    leave(made, host_id(), certification, request.form.get("group", ""), person)
    settle_few(made, host_id(), [person])
    nudge()
    return go(url_for(".listing"))
