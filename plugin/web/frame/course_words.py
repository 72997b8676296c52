"""What is said of courses that nobody can finish, and of those that somebody is about to choose."""

from __future__ import annotations

from flask_babel import gettext as _

from plugin.enrolment.views.unreachable import CLOSED, GONE, HIDDEN, UNTRACKED, course_problem
from plugin.mirror.tables import Course


def problem_words(kind: str) -> str:
    """What is wrong, to an administrator: follows the name of the course."""
    return {
        GONE: str(
            _("has been deleted at the learning site. Nobody is enrolled there any more, and nobody can complete it.")
        ),
        UNTRACKED: str(
            _(
                "does not report completion: switch on completion tracking in the course, and say there what completes it."
            )
        ),
        HIDDEN: str(_("is hidden at the learning site: learners cannot open it. Show it there.")),
        CLOSED: str(
            _(
                "takes no enrolments from Muster: add or switch on manual enrolments in the course, under Participants ›"
                " Enrolment methods."
            )
        ),
    }.get(kind, "")


def learner_words(kind: str) -> str:
    """Why she is not sent there, to the learner."""
    return {
        GONE: str(
            _(
                "This course no longer exists at your learning site. You need not do anything; your administrator sees this too."
            )
        ),
        UNTRACKED: str(
            _(
                "This course cannot be completed at the moment. You need not do anything; your administrator sees this too."
            )
        ),
        HIDDEN: str(
            _("This course is closed at the moment. You need not do anything; your administrator sees this too.")
        ),
    }.get(kind, "")


def readiness(course: Course) -> list[str]:
    """What is to be known of a course before it is chosen; nothing where it is ready, or the learning site does not say."""
    said = []
    if not course.visible:
        said.append(str(_("Hidden")))
    if course.completion is False:
        said.append(str(_("No completion tracking")))
    elif course.criteria is False:
        said.append(str(_("Nothing completes it")))
    if course.enrollable is False:
        said.append(str(_("No manual enrolments")))
    if course.welcome:
        said.append(str(_("Sends its own welcome message")))
    return said


def offered(courses: list[Course]) -> list[tuple[str, str, list[str]]]:
    """Courses to choose from: id, name, and what is to be known of each."""
    return [(course.ext, course.name, readiness(course)) for course in courses]


def learner_problem(course: Course) -> str:
    """The word for what is wrong with a course from the learner's side, empty where she can go there."""
    kind = course_problem(course.gone, course.visible, course.completion, course.criteria)
    return kind if kind in (GONE, UNTRACKED, HIDDEN) else ""
