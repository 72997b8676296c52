"""Learners of a certification: the list, one learner with every reason, and the list as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, request, stream_with_context
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.certifications.definition import TYPES
from plugin.certifications.listing import assignment_named
from plugin.core.clock import format_instant
from plugin.core.csvfile import written
from plugin.enrolment.codes import EXCEPTION_TYPES
from plugin.enrolment.roster import Learner, learners
from plugin.enrolment.show import person_id, show_person
from plugin.mirror.browse import describe, zone_of_person
from plugin.mirror.search import find
from plugin.web import shell
from plugin.web.kit import PAGE_SIZE, PREFIX, host_id, number, page, page_number, query, runtime
from plugin.web.words import exception_words, state_words, type_words

blueprint = Blueprint("learners", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

_EXPORT_PART = 500
STATES_SHOWN = {
    "certification": ("assigned", "in_progress", "certified", "window_open", "expired"),
    "program": ("assigned", "in_progress", "complete"),
}
"""The states a learner can be in, to filter by."""


@blueprint.get("/learners")
@rule("administrator")
def tab(certification: int) -> Response:
    """Everyone enrolled, with why; of one assignment when the address names it."""
    asked = _asked()
    chosen = asked["assignment"]
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        total, rows = learners(
            session, host_id(), certification, **asked, by_name=True, limit=PAGE_SIZE,
            offset=(page_number() - 1) * PAGE_SIZE,
        )  # fmt: skip
        of = assignment_named(session, host_id(), certification, chosen) if chosen else None
        context |= {
            "asked": asked, "types": TYPES, "states": STATES_SHOWN[context["what"]], "exceptions": EXCEPTION_TYPES,
            "rows": rows, "total": total, "query": query(), "page_number": page_number(), "page_size": PAGE_SIZE,
            "assignment": of,
            "changeable": [_changeable(row, context["read_only"]) for row in rows] if of else [],
            "assignment_name": describe(session, host_id(), [(of.type, of.target)])[of.type, of.target] if of else None,
        }  # fmt: skip
    return page("learners.html", **context)


def _changeable(row: Learner, ended: bool) -> str:
    """Whether assignments can change her due date, and why not (DOMAIN 3.6, 3.9)."""
    if ended:
        return str(_("No: it has ended"))
    if row.state == "complete":
        return str(_("No: she has completed it"))
    if row.state in ("certified", "window_open", "expired"):
        return str(_("No: her certification sets it"))
    if row.frozen:
        return str(_("No: she is suspended at the learning site"))
    if row.exception:
        return str(_("No: an exception waits for an answer"))
    if not row.active:
        return str(_("No: she is not to be assigned"))
    return str(_("Yes"))


def _asked() -> dict[str, Any]:
    """The filters of the address."""
    return {
        "query": query(),
        "assignment": number("assignment") or None,
        "kind": request.args.get("type", ""),
        "state": request.args.get("state", ""),
        "exception": request.args.get("exception", ""),
    }


@blueprint.get("/learners/<person>")
@rule("administrator")
def one(certification: int, person: str) -> Response:
    """One learner: state, date and where it comes from, and every assignment with yes or no and why."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        found = show_person(session, host_id(), certification, person)
        targets = [tuple(check["assignment"].split(":", 1)) for check in found.get("assignments", ())]
        context |= {
            "found": found,
            "her_zone": zone_of_person(session, host_id(), person_id(session, host_id(), person), context["zone"]),
            "who": describe(session, host_id(), [("individual", person)])["individual", person],
            "names": {f"{kind}:{target}": one.name for (kind, target), one in
                      describe(session, host_id(), [(kind, target) for kind, target in targets]).items()},
        }  # fmt: skip
    return page("learner.html", **context)


@blueprint.get("/check")
@rule("administrator")
def check(certification: int) -> Response:
    """Check a learner: type a name, choose one."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        found = find(session, host_id(), "person", query(), limit=20) if query() else None
        context |= {"query": query(), "people": found.rows if found else [], "total": found.total if found else 0}
    return page("check.html", **context)


@blueprint.get("/learners.csv")
@rule("administrator")
def export(certification: int) -> Response:
    """The same columns as a file; cells that a spreadsheet would take for formulas are quoted."""
    asked, tenant = _asked(), host_id()
    with runtime().db.read() as session:
        code = shell.of_certification(session, certification, "learners")["certification"].code

    def lines() -> Iterator[str]:
        yield "\ufeff" + written(
            [_("Learner"), _("ID"), _("Assignment type"), _("Assignment name"), _("Due date"), _("State"),
             _("Exception")]
        )  # fmt: skip
        offset = 0
        while True:
            with runtime().db.read() as session:
                _total, rows = learners(session, tenant, certification, **asked, limit=_EXPORT_PART, offset=offset)
                part = [written(_cells(row)) for row in rows]
            yield from part
            if len(part) < _EXPORT_PART:
                return
            offset += _EXPORT_PART

    answer = Response(stream_with_context(lines()), mimetype="text/csv")
    safe = "".join(letter for letter in code if letter.isalnum() or letter in "-_") or "learners"
    answer.headers["Content-Disposition"] = f'attachment; filename="{safe}-learners.csv"'
    return answer


def _cells(row: Learner) -> list[str]:
    return [
        row.person.name,
        row.person.ext,
        "; ".join(dict.fromkeys(type_words(reason.type).label for reason in row.reasons)),
        "; ".join(reason.name for reason in row.reasons),
        format_instant(row.due) or "",
        state_words(row.state),
        exception_words(row.exception) if row.exception else "",
    ]
