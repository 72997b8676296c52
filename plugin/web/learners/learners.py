"""Learners of a certification: the list, one learner with every reason, and the list as a file."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, request, stream_with_context
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.certifications.definition import TYPES
from plugin.certifications.listing import assignment_named
from plugin.core.area_scope import current_scope, scoped
from plugin.core.clock import format_instant
from plugin.core.journal import record
from plugin.core.text.table_files import written
from plugin.enrolment.codes import EXCEPTION_TYPES
from plugin.enrolment.views.roster import Learner, learners
from plugin.enrolment.views.show import person_id, show_person
from plugin.mirror.lookup.browse import describe, zone_of_person
from plugin.mirror.lookup.search import find
from plugin.mirror.lookup.without_account import accounts_around, named
from plugin.web.frame import shell
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, host_id, page, page_number, query, runtime, who
from plugin.web.frame.lists import Heading, listing
from plugin.web.frame.words import exception_words, state_words, type_words
from plugin.web.learners import learner_filter
from plugin.web.learners.extending import done_words
from plugin.web.learners.urgency import standing_words, urgency
from plugin.web.sources.source_words import why_words

blueprint = Blueprint("learners", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

_EXPORT_PART = 500
STATES_SHOWN = {
    "certification": ("assigned", "in_progress", "certified", "window_open", "expired"),
    "program": ("assigned", "in_progress", "complete"),
}
"""The states a learner can be in, to filter by."""


def headings(of_one: bool) -> tuple[Heading, ...]:
    """The columns of the list.

    :param of_one: it lists the learners of one assignment.
    """
    changeable = (Heading("changeable", _("Can be changed")),) if of_one else ()
    return (
        Heading("name", _("Learner"), "name", fixed=True),
        Heading("type", _("Assignment type")),
        Heading("assignment", _("Assignment name")),
        Heading("due", _("Due date"), "due"),
        *changeable,
        Heading("state", _("State"), "state"),
        Heading("exception", _("Exception")),
        Heading("completed", _("Completed"), "completed", usual=False),
        Heading("expires", _("Valid until"), "expires", usual=False),
    )


@blueprint.get("/learners")
@rule("see", area=True)
def tab(certification: int) -> Response:
    """Everyone enrolled, with why; of one assignment when the address names it."""
    found = listing(
        "learners", "learners.tab", headings(bool(request.args.get("assignment"))), fixed={"certification": certification},
        args=learner_filter.args(),
    )  # fmt: skip
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        asked = learner_filter.narrowed(session)
        chosen = asked.filters["assignment"]
        total, rows = learners(
            session, host_id(), certification, **asked.filters, order=found.sort or asked.usual, limit=PAGE_SIZE,
            offset=(page_number() - 1) * PAGE_SIZE,
        )  # fmt: skip
        now = runtime().clock.now()
        of = assignment_named(session, host_id(), certification, chosen) if chosen else None
        context |= {
            "asked": asked.filters, "narrowed": asked.any, "organisation": learner_filter.said("organisation"),
            "types": TYPES, "states": STATES_SHOWN[context["what"]], "exceptions": EXCEPTION_TYPES,
            "standing": asked.standing, "standings": standing_words(), "list": found,
            "chips": learner_filter.chips(found, asked), "extended": done_words(),
            "pressing": [urgency(row, now, context["zone"]) for row in rows],
            "rows": rows, "total": total, "query": asked.filters["query"], "page_number": page_number(), "page_size": PAGE_SIZE,
            "assignment": of,
            "changeable": [_changeable(row, context["read_only"]) for row in rows] if of else [],
            "assignment_name": describe(session, host_id(), [(of.type, of.target)])[of.type, of.target] if of else None,
        }  # fmt: skip
    return page("learners/learners.html", **context)


def _changeable(row: Learner, ended: bool) -> str:
    """Whether assignments can change her due date, and why not (rules 3.6, 3.9)."""
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


@blueprint.get("/learners/<path:person>")
@rule("see", area=True)
def one(certification: int, person: str) -> Response:
    """One learner: state, date and where it comes from, and every assignment with yes or no and why."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        found = show_person(session, host_id(), certification, person)
        targets = [tuple(check["assignment"].split(":", 1)) for check in found.get("assignments", ())]
        context |= {
            "found": found,
            "accounts": accounts_around(session, host_id(), person),
            "her_zone": zone_of_person(session, host_id(), person_id(session, host_id(), person), context["zone"]),
            "who": describe(session, host_id(), [("individual", person)])["individual", person],
            "names": {f"{kind}:{target}": one.name for (kind, target), one in
                      describe(session, host_id(), [(kind, target) for kind, target in targets]).items()},
        }  # fmt: skip
    return page("learners/learner.html", **context)


@blueprint.get("/check")
@rule("see", area=True)
def check(certification: int) -> Response:
    """Check a learner: type a name, choose one."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        found = find(session, host_id(), "person", query(), limit=20) if query() else None
        context |= {
            "query": query(), "people": found.rows if found else [], "total": found.total if found else 0,
            "strangers": named(session, host_id(), query(), 20), "whys": why_words(),
        }  # fmt: skip
    return page("learners/check.html", **context)


@blueprint.get("/learners.csv")
@rule("see", area=True)
def export(certification: int) -> Response:
    """The same columns as a file; cells that a spreadsheet would take for formulas are quoted."""
    tenant, looking = host_id(), current_scope()
    with runtime().db.read() as session:
        asked = learner_filter.narrowed(session).filters
        code = shell.of_certification(session, certification, "learners")["certification"].code
    by, at = who(), runtime().clock.now()
    made_of = {
        "source": "learners",
        "format": "csv",
        "report": sorted((name, str(value)) for name, value in learner_filter.args().items() if value),
    }
    runtime().db.transact(  # nothing leaves unless it stands in the history
        lambda session: record(
            session,
            tenant,
            at,
            by,
            "export_begun",
            certification=certification,
            reason="learners",
            data=made_of,
            count=0,
        )
    )

    def lines() -> Iterator[str]:
        yield "\ufeff" + written(
            [_("Learner"), _("ID"), _("Assignment type"), _("Assignment name"), _("Due date"), _("State"),
             _("Exception"), _("Completed"), _("Valid until")]
        )  # fmt: skip
        offset = 0
        while True:
            with scoped(looking), runtime().db.read() as session:
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
        format_instant(row.completed) or "",
        format_instant(row.expires) or "",
    ]
