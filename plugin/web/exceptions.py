"""Exceptions: open questions, filtered by type, answered singly or all of a type (DOMAIN §4)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.errors import Invalid
from plugin.enrolment.codes import EXCEPTION_TYPES
from plugin.enrolment.exceptions import ALLOWED, answer, open_exceptions
from plugin.enrolment.show import person_id
from plugin.mirror.browse import describe
from plugin.web import shell
from plugin.web.kit import PAGE_SIZE, PREFIX, go, host_id, nudge, page, page_number, runtime, who

blueprint = Blueprint("exceptions", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.get("/exceptions")
@rule("administrator")
def tab(certification: int) -> Response:
    """Open exceptions, a page at a time."""
    kind = request.args.get("type", "")
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "exceptions")
        everything = open_exceptions(session, host_id(), certification)
        wanted = [one for one in everything if not kind or one["type"] == kind]
        start = (page_number() - 1) * PAGE_SIZE
        part = wanted[start : start + PAGE_SIZE]
        names = describe(session, host_id(), [("individual", one["person"]) for one in part])
        context |= {
            "rows": [(one, names["individual", one["person"]]) for one in part],
            "total": len(wanted), "kind": kind, "kinds": EXCEPTION_TYPES, "page_number": page_number(),
            "page_size": PAGE_SIZE, "actions": actions_for([one["type"] for one in (wanted if kind else part)]),
        }  # fmt: skip
    return page("exceptions.html", **context)


def actions_for(kinds: list[str]) -> list[str]:
    """Only what every one of these types allows (DOMAIN 4.6)."""
    allowed = [set(ALLOWED[EXCEPTION_TYPES.index(kind)]) for kind in set(kinds)]
    return [
        action for action in ("realistic", "assign", "dismiss") if allowed and all(action in one for one in allowed)
    ]


@blueprint.post("/exceptions")
@rule("administrator")
def resolve(certification: int) -> Response:
    """Answer the chosen ones, or all of the type shown."""
    kind, action = request.form.get("type", ""), request.form.get("action", "")
    with runtime().db.read() as session:
        shell.of_certification(session, certification, "exceptions")
        people = [person_id(session, host_id(), ext) for ext in request.form.getlist("person")]
    if "everyone" in request.form and kind:
        answer(runtime(), host_id(), certification, action, who=who(), kind=kind)
    elif people:
        answer(runtime(), host_id(), certification, action, who=who(), people=people)
    else:
        raise Invalid(_("Choose at least one learner."))
    nudge()
    return go(url_for(".tab", certification=certification, type=kind))
