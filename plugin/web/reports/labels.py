"""Names of sources, columns and filters as pages show them."""

from __future__ import annotations

from functools import lru_cache

from flask_babel import gettext as _

from plugin.web.frame.reader import reader_language


def source_label(source: str) -> str:
    """The name of a source."""
    words = {
        "membership": _("Assignments of learners"), "learners": _("Learners"), "courses": _("Courses of learners"),
        "overview": _("Overview"), "exceptions": _("Exceptions"), "history": _("History"), "messages": _("Messages"),
    }  # fmt: skip
    return str(words[source])


def source_sentence(source: str) -> str:
    """What a source answers."""
    words = {
        "membership": _("Who is in through which assignment: a row for each learner, certification and assignment."),
        "learners": _("How each learner stands: state, dates, progress, and what holds her."),
        "courses": _("Each course on a learner’s path: whether it is open to her, and whether she completed it."),
        "overview": _("How each certification stands in numbers; by organisation, position, manager or assignment."),
        "exceptions": _("Questions that wait for an answer, and the answers given."),
        "history": _("What happened, when, and who did it; down to the learner."),
        "messages": _("Every message: to whom, about whom, by which channel, and what became of it."),
    }  # fmt: skip
    return str(words[source])


def column_label(name: str) -> str:
    """The heading of a column."""
    if name.startswith("fields."):
        return name[7:]
    if name.endswith("_local"):
        return str(_("%(name)s, local time", name=column_label(name.removesuffix("_local"))))
    return _labels(reader_language().tag).get(name, name.replace("_", " ").capitalize())


@lru_cache(maxsize=32)
def _labels(tag: str) -> dict[str, str]:
    """All of them in the reader's language, whose tag this is: a page asks for one after another."""
    return {**_of_people(), **_of_learners(), **_of_numbers()}


def _of_people() -> dict[str, str]:
    return {
        "certification": _("Certification code"), "certification_name": _("Certification"), "person": _("ID"),
        "username": _("Username"), "number": _("ID number"), "name": _("Name"), "email": _("E-mail address"),
        "account_state": _("Account"), "organisation": _("Organisation"), "organisation_path": _("Organisation path"),
        "organisation_name": _("Organisation"), "position": _("Position"), "position_name": _("Position"),
        "manager": _("Manager"), "manager_name": _("Manager"), "manager_email": _("Manager’s e-mail address"),
        "manager.below": _("Everybody below a manager"), "audience": _("Audience"), "search": _("Search"),
        "recipient": _("Recipient"), "about": _("About"), "channel": _("Channel"), "event": _("Message"),
    }  # fmt: skip


def _of_learners() -> dict[str, str]:
    return {
        "assignment_type": _("Assignment type"), "assignment_name": _("Assignment name"), "assignment": _("Assignment"),
        "assignment_types": _("Assignment types"), "assignment_names": _("Assignment names"), "include": _("Include"),
        "assignment_due": _("Assignment due date"), "gives_due": _("Gives the due date"), "since": _("Since"),
        "state": _("State"), "active": _("Active"), "suspended": _("Suspended"), "held": _("On hold"),
        "enrolled_at": _("Enrolled"), "due": _("Due date"), "due_from": _("Due date from"),
        "days_overdue": _("Days overdue"), "completed_at": _("Completed"), "certified_at": _("Certified"),
        "expires": _("Expires"), "window_opens": _("Window opens"), "cycle": _("Cycle"), "progress": _("Progress"),
        "exception": _("Exception"), "exempt_until": _("Exempt until"), "withdrawn_at": _("Withdrawn"),
        "leaves_on": _("Leaves on"), "course": _("Course ID"), "course_name": _("Course"), "set": _("Course set"),
        "want": _("Wanted"), "confirmed": _("Confirmed"), "why_not": _("Why not"), "type": _("Type"),
        "raised_at": _("Raised"), "wanted_due": _("Date asked about"), "answer": _("Answer"),
        "answered_at": _("Answered"), "answered_by": _("Answered by"), "at": _("When"), "who": _("Who"),
        "what": _("What"), "before": _("Before"), "after": _("After"), "count": _("Count"), "reason": _("Reason"),
        "save": _("Save"), "overdue": _("Overdue"),
    }  # fmt: skip


def _of_numbers() -> dict[str, str]:
    return {
        "enrolled": _("Enrolled"), "certified": _("Certified"), "in_progress": _("In progress"),
        "not_started": _("Not started"), "expired": _("Expired"), "due_30": _("Due in 30 days"),
        "expiring_30": _("Expiring in 30 days"), "certified_percent": _("Certified, per cent"),
        "not_overdue_percent": _("Not overdue, per cent"), "total": _("Total"), "assignment_name": _("Assignment name"),
    }  # fmt: skip


def operator_label(operator: str) -> str:
    """What stands between a column and a value in a filter."""
    words = {
        "": _("is"), "before": _("before"), "after": _("after"), "between": _("between"), "next": _("in the next days"),
        "last": _("in the last days"), "empty": _("is empty"), "below": _("and below"),
    }  # fmt: skip
    return str(words.get(operator, operator))
