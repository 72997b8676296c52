"""A certification copied into a draft, and one that nobody was ever enrolled in deleted (rules 5.11)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.certifications.definition import Proposal
from plugin.certifications.drafts.copies import PARTS, copied
from plugin.certifications.store import by_code
from plugin.core.errors import Invalid
from plugin.enrolment.saving.deletion import delete_certification, why_not
from plugin.enrolment.saving.save import Choices, save
from plugin.web.certifications.certification_list import created_by, free_code
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, field, go, host_id, nudge, page, runtime, who

blueprint = Blueprint("copying", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

TICKED = ("content", "period", "leaving", "exceptions", "assignments", "notifications")
"""What comes along unless it is unticked."""


@blueprint.get("/copy")
@rule("create")
def form(certification: int) -> Response:
    """What to copy, under which name."""
    return _form(certification, "")


def _form(certification: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "details")
    name = request.form.get("name") or _("Copy of %(name)s", name=context["certification"].name)[:255]
    ticked = request.form.getlist("part") if request.method == "POST" else TICKED
    context |= {"problem": problem, "name": name, "code": request.form.get("code", ""), "ticked": ticked,
                "parts": part_words(context["what"])}  # fmt: skip
    return page("certifications/copy.html", status=400 if problem else 200, **context)


def part_words(what: str) -> dict[str, str]:
    """What can be ticked, in words; a program has no renewal."""
    words = {
        "content": _("Courses"), "period": _("Renewal"), "leaving": _("When a learner leaves"),
        "exceptions": _("Standing answers"), "assignments": _("Assignments and due dates"),
        "members": _("Members of groups"), "notifications": _("Notifications"),
    }  # fmt: skip
    return {part: words[part] for part in PARTS if part != "period" or what != "program"}


@blueprint.post("/copy")
@rule("create")
def copy(certification: int) -> Response:
    """Make the copy: a draft, so that it reaches nobody until it is made available."""
    try:
        number = _copy(certification)
    except Invalid as error:
        return _form(certification, error.sentence)
    created_by(number)
    nudge()
    return go(url_for("details.show", certification=number))


def _copy(certification: int) -> int:
    name, parts = field("name"), request.form.getlist("part")
    if not name:
        raise Invalid(_("Enter a name."))
    if not set(parts) <= PARTS.keys():
        raise Invalid(_("Choose one of the values offered."))
    with runtime().db.read() as session:
        shell.of_certification(session, certification, "details")
        code = field("code", 100) or free_code(session, name)
        if by_code(session, host_id(), code) is not None:
            raise Invalid(_("The code '%(code)s' is taken. Choose another.", code=code))
        definition = copied(session, host_id(), certification, code=code, name=name, parts=parts)
    saved = save(runtime(), host_id(), [Proposal(definition, 0, None)], who=who(), choices=Choices())
    return saved[0].certification


@blueprint.get("/delete")
@rule("change")
def confirm(certification: int) -> Response:
    """Whether it can be deleted, and the question."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "details")
        context["reason"] = why_not(session, host_id(), certification)
    return page("certifications/delete.html", **context)


@blueprint.post("/delete")
@rule("change")
def delete(certification: int) -> Response:
    """Delete it."""
    delete_certification(runtime(), host_id(), certification, who=who())
    return go(url_for("certifications.listing"))
