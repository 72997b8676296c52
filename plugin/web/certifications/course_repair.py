"""A course that nobody can complete: another in its place for those who have not completed it, or none."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.drafts import drafts
from plugin.certifications.rules.course_repair import drop_course, replace_course
from plugin.certifications.rules.written_content import dump_content, parse_content
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.enrolment.views.unreachable import Unreachable, unreachable_in
from plugin.mirror.lookup.browse import courses
from plugin.web.frame import shell
from plugin.web.frame.course_words import offered, problem_words
from plugin.web.frame.kit import PREFIX, editor, go, host_id, page, runtime

blueprint = Blueprint("course_repair", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>/course")


@blueprint.get("")
@rule("see")
def show(certification: int) -> Response:
    """What is wrong with the course, whom it matters to, and what can be done."""
    return _show(certification, request.args.get("course", ""), "")


def _show(certification: int, course: str, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "details")
        one = _one(context["unreachable"], course)
        ready = [(ext, name) for ext, name, said in offered(courses(session, host_id())) if not said and ext != course]
    context |= {
        "course": one,
        "unreachable": [],
        "ready": ready,
        "problem": problem,
        "what_ails": problem_words(one.kind),
    }
    return page("certifications/course_repair.html", status=400 if problem else 200, **context)


def _one(found: list[Unreachable], course: str) -> Unreachable:
    for one in found:
        if one.course == course:
            return one
    raise NotFound(_("Nothing is wrong with this course any more."))


@blueprint.post("")
@rule("change")
def repair(certification: int) -> Response:
    """Note it as a change of the content and go on to the review, which shows what it does to whom."""
    course, by = request.form.get("course", ""), request.form.get("by", "")

    def work(session: Session) -> None:
        _one(unreachable_in(session, host_id(), certification), course)
        draft = drafts.open_draft(session, host_id(), certification, editor(), at=runtime().clock.now())
        content = parse_content(drafts.proposal(session, draft).definition.content)
        if request.form.get("do") == "drop":
            content = drop_course(content, course)
        elif by == course or by not in {one.ext for one in courses(session, host_id())}:
            raise Invalid(_("Choose the course that is to take its place."))
        else:
            content = replace_course(content, course, by)
        drafts.set_details(session, draft, content=dict(dump_content(content)))

    try:
        runtime().db.transact(work)
    except (Invalid, RefusedByRule) as error:
        return _show(certification, course, error.sentence)
    return go(url_for("review.show", certification=certification))
