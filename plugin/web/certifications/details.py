"""Details: name, state, period, what happens on leaving, and the courses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.definition import DEFAULT_EXCEPTIONS, Definition, Proposal
from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.clashes import SavedDraft
from plugin.certifications.file.schema import POLICIES
from plugin.certifications.rules.content import check_same, minimum_time
from plugin.certifications.rules.period import dump_period_settings, parse_period_settings
from plugin.certifications.rules.written_content import parse_content
from plugin.certifications.tables import Draft
from plugin.core.days import parse_period
from plugin.core.errors import Conflict, Invalid, NotFound, RefusedByRule
from plugin.enrolment.answers.withdrawal_guard import active_count
from plugin.enrolment.saving.review import Review, review
from plugin.enrolment.saving.save import Choices, save
from plugin.mirror.connections.store import connection_of
from plugin.mirror.lookup.browse import courses, courses_named
from plugin.web.certifications.content_form import PATHS, content_from_form, entered_rows, in_words, saved_rows
from plugin.web.certifications.setting_words import policy_words
from plugin.web.frame import shell
from plugin.web.frame.course_words import offered
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.kit import PREFIX, editor, field, go, host_id, nudge, page, runtime, who

blueprint = Blueprint("details", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

STATES = ("draft", "live", "archived")
SEATS = ("suspend", "remove", "keep")
ENROL = ("at_once", "on_open")
AT_END = ("stay", "leave")
RETURN = ("realistic", "keep")
BOUNDS = ("from", "until")
PERIOD = ("active", "window", "minimum_active", "expiry_from")


@blueprint.get("/details")
@rule("see")
def show(certification: int) -> Response:
    """The form."""
    return _show(certification, "")


def _show(certification: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "details")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        definition = drafts.proposal(session, draft).definition
        choices = offered(courses(session, host_id()))
        names = courses_named(session, host_id(), _courses_in(definition))
        rows = {path: saved_rows(definition.content.get(path)) for path in PATHS}
        if problem:  # what she entered is not lost because something in it is wrong
            rows = {path: entered_rows(request.form, path) for path in PATHS}
            definition = _entered(definition)
        context |= {
            "definition": definition,
            "sets": rows["certification"],
            "again": rows["recertification"],
            "courses": choices,
            "course_names": {ext for ext, *_more in choices},
            "gone_names": {ext: row.name for ext, row in names.items()},
            "path_words": in_words,
            "resets": _resets(session),
            "answers": {**DEFAULT_EXCEPTIONS, **definition.exceptions},
            "policies": POLICIES,
            "policy_words": policy_words,
            "problem": problem,
            "saved": request.args.get("saved") == "1" and not problem,
            "waiting": bool(draft.changes.get("details")),
            "version": _seen() or draft.base_version,
        }
    return page("certifications/details.html", status=400 if problem else 200, **context)


def _resets(session: Session) -> bool:
    """Whether the host can reset completions, so that the same courses can be completed again."""
    try:
        return bool(connection_of(session, host_id()).caps.get("resets_completion"))
    except NotFound:
        return False


@blueprint.post("/details")
@rule("change")
def change(certification: int) -> Response:
    """Save at once what touches no learner; anything else goes through the review."""

    def work(session: Session) -> tuple[Any, Review, Draft, bool]:
        draft = drafts.open_draft(session, host_id(), certification, editor(), at=runtime().clock.now())
        if not draft.changes and 0 < _seen() < draft.base_version:  # somebody saved since: compared, not overwritten
            draft.base_version = _seen()
        details = _details(session, drafts.proposal(session, draft).definition)
        drafts.set_details(session, draft, **details)
        session.flush()
        proposal = drafts.proposal(session, draft)
        found = review(session, host_id(), [proposal], now=runtime().clock.now())[0]
        asks = ends_anew(proposal) and active_count(session, host_id(), certification) > 0
        return proposal, found, draft, asks

    try:
        proposal, found, draft, asks = runtime().db.transact(work)
    except Invalid as error:
        return _show(certification, error.sentence)
    if not draft.changes:
        return go(url_for(".show", certification=certification, saved=1))
    if _touches(found) or draft.changes.get("rows") or asks:
        return go(url_for("review.show", certification=certification))
    try:
        saved = SavedDraft(certification, editor(), draft.revision)
        save(runtime(), host_id(), [proposal], who=who(), choices=Choices(), draft=saved)
    except Conflict:
        return go(url_for("assignments.conflict", certification=certification))
    except RefusedByRule as error:
        return _show(certification, error.sentence)
    nudge()
    return go(url_for(".show", certification=certification, saved=1))


def _seen() -> int:
    """The version that the form was made from; 0 where it does not say."""
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _touches(found: Review) -> bool:
    adding, removing = found.adding, found.removing
    return bool(
        adding.newly or adding.later or adding.held_back
        or removing.withdrawn or found.redated or found.messages or found.names.get(
            "earlier"
        )
    )  # fmt: skip


def _entered(definition: Definition) -> Definition:
    """The definition as the form has it, right or wrong, to be shown again."""
    period = {name: request.form.get(f"period-{name}", "")[:20] for name in PERIOD if f"period-{name}" in request.form}
    leaving = {
        name: request.form.get(name, "") for name in ("seat", "grace", "at_end", "on_return") if name in request.form
    }
    available = {name: request.form.get(f"available-{name}", "")[:20] for name in BOUNDS}
    content = {**definition.content, **({"recertification": "same"} if request.form.get("recertification") else {})}
    return replace(
        definition, name=request.form.get("name", definition.name), state=request.form.get("state", definition.state),
        enrol=request.form.get("enrol", definition.enrol), period=period,
        leaving={**definition.leaving, **leaving}, content=content, available=available,
    )  # fmt: skip


def _courses_in(definition: Definition) -> set[str]:
    """Courses that stand in the content already; one that the host no longer has may stay there."""
    paths = [definition.content.get(path) for path in PATHS]
    return {course for path in paths if isinstance(path, list) for one in path for course in one["courses"]}


def _details(session: Session, definition: Definition) -> dict[str, Any]:
    name, state, seat = field("name"), request.form.get("state", ""), request.form.get("seat", "suspend")
    enrol, at_end = request.form.get("enrol", definition.enrol), request.form.get("at_end", "")
    on_return = request.form.get("on_return", definition.leaving.get("on_return", RETURN[0]))
    if not name:
        raise Invalid(_("Enter a name."))
    if (
        state not in STATES
        or seat not in SEATS
        or enrol not in ENROL
        or at_end not in ("", *AT_END)
        or on_return not in RETURN
    ):
        raise Invalid(_("Choose one of the values offered."))
    known = {course.ext for course in courses(session, host_id())} | _courses_in(definition)
    content = content_from_form(request.form, known)
    grace = field("grace", 20) or "0 days"
    try:
        check_same(parse_content(content), _resets(session))
        parse_period(grace)
        period = _period(minimum_time(parse_content(content).recertification_path))
    except ValueError as error:
        raise Invalid(str(error)) from None
    return {
        "name": name,
        "state": state,
        "content": content,
        "enrol": enrol,
        "period": period,
        "leaving": {"seat": seat, "grace": grace, **_at_end(definition, at_end), **_on_return(definition, on_return)},
        "available": _available(definition),
        "exceptions": _answers(definition),
        **_opened(definition),
    }


def _opened(definition: Definition) -> dict[str, Any]:
    """Its category, and whether it is open to areas; a form without these fields leaves them."""
    if "category" not in request.form:
        return {"areas": definition.areas, "category": definition.category}
    return {"areas": "areas" in request.form, "category": field("category", 100)}


def _at_end(definition: Definition, given: str) -> dict[str, str]:
    """What becomes of the seats when it ends; staying needs no word."""
    chosen = given or definition.leaving.get("at_end", "")
    return {"at_end": chosen} if chosen == "leave" or (chosen and "at_end" in definition.leaving) else {}


def _on_return(definition: Definition, given: str) -> dict[str, str]:
    """What becomes of a due date that passed while somebody was suspended (rules 2.6); a realistic one needs no word."""
    return {"on_return": given} if given != RETURN[0] or "on_return" in definition.leaving else {}


def _available(definition: Definition) -> dict[str, Any]:
    """From when until when, both days included; a bound left empty is open."""
    if not any(f"available-{name}" in request.form for name in BOUNDS):
        return definition.available
    given = {name: day for name in BOUNDS if (day := day_from(field(f"available-{name}", 20)))}
    if given.get("from", "") > given.get("until", "9999"):
        raise Invalid(_("It would end before it begins. Choose a later last day."))
    return definition.available if given == {k: v for k, v in definition.available.items() if v} else given


def _answers(definition: Definition) -> dict[str, str]:
    """The standing answers; what the form leaves out stays as it is."""
    present = {**DEFAULT_EXCEPTIONS, **definition.exceptions}
    given = {kind: request.form.get(f"answer-{kind}", present[kind]) for kind in present}
    if any(answer not in POLICIES[kind] for kind, answer in given.items()):
        raise Invalid(_("Choose one of the values offered."))
    return definition.exceptions if given == present else given


def ends_anew(proposal: Proposal) -> bool:
    """Whether saving this gives it an end, or another one: then it is asked what becomes of the seats (rules 5.11)."""
    before, after = proposal.current, proposal.definition
    archived = after.state == "archived" and (before is None or before.state != "archived")
    until = after.available.get("until")
    return archived or bool(until and (before is None or before.available.get("until") != until))


def _period(recertification_minimum: int) -> dict[str, str]:
    """The period, or none while both lengths are empty.

    :param recertification_minimum: seconds the recertification path takes at least.
    """
    given = {name: value for name in PERIOD if (value := field(f"period-{name}", 20))}
    if "active" not in given and "window" not in given:
        return {}
    return dict(dump_period_settings(parse_period_settings(given, recertification_minimum=recertification_minimum)))
