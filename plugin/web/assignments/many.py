"""Many rows at once: chosen one by one, as lists, or all that match; one due date, *Include* or removal for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.definition import AssignmentDef, Proposal
from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.many import remove_of, set_due_of, set_include_of, wider
from plugin.certifications.listing import assignment_named
from plugin.certifications.people_lists import keep_together, lists_of, rename, take_apart
from plugin.certifications.resolve import group_members
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid
from plugin.enrolment.saving.warnings import adding_warning, removal_warning
from plugin.mirror.lookup.browse import describe, names_of_people
from plugin.web.assignments.due_form import due_from_form
from plugin.web.assignments.offered import due_choices
from plugin.web.assignments.tab import edit
from plugin.web.assignments.table import filters, matching
from plugin.web.frame import shell
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.kit import PREFIX, editor, field, go, host_id, page, runtime, who
from plugin.web.frame.words import ngettext

blueprint = Blueprint("many", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>/assignments")
LIST = "list:"
MEMBERS = "members:"
"""Before the number of a group whose members are chosen."""
_NAMED = 5


def chosen(session: Session, draft: Draft) -> list[drafts.DraftRow]:
    """The rows that the form names: by key, by list, or all that match the filters. Those to be removed are left out.

    :raises Invalid: where that is none.
    """
    everything = [row for row in drafts.rows(session, draft) if row.state != drafts.REMOVED]
    named = request.values.getlist("row")
    if "everyone" in request.values:
        found = [row for row in matching(session, draft, filters()) if row.state != drafts.REMOVED]
    else:
        numbers = {one.removeprefix(LIST) for one in named if one.startswith(LIST)}
        lists = lists_of(session, host_id(), draft.certification) if numbers else []
        inside = {f"individual:{target}" for one in lists if str(one.id) in numbers for target in one.targets}
        keys = {*named, *inside}
        found = [row for row in everything if row.key in keys]
    if not found:
        raise Invalid(_("Choose at least one assignment."))
    return found


def carried() -> list[tuple[str, str]]:
    """What was chosen, for the form of a dialog."""
    if "everyone" in request.values:
        return [("everyone", "on")]
    return [("row", one) for one in request.values.getlist("row")]


@blueprint.route("/many", methods=["GET", "POST"])
@rule("change")
def ask(certification: int) -> Response:
    """The dialog of what is to be done with the rows chosen."""
    action = request.values.get("action", "")
    return _dialog(certification, action if action in ("include", "remove") else "due", "")


def _dialog(certification: int, action: str, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        rows = chosen(session, draft)
        here: dict[str, Any] = {**filters()}
        context |= {
            "rows": rows, "name": _names(session, rows), "filters": filters(), "problem": problem, "hidden": carried(),
            "post_to": url_for(f".{action}", certification=certification, **here), "many": True, "key": "",
            "form": request.form if problem else {"kind": "fixed"},
        }  # fmt: skip
        if action == "due":
            context |= due_choices(session)
            return page("assignments/dialogs/due.html", status=400 if problem else 200, **context)
        proposal, now = drafts.proposal(session, draft), runtime().clock.now()
        definitions = [row.definition for row in rows]
        if action == "remove":
            context["removing"], context["messages"] = removal_warning(
                session, host_id(), proposal, definitions, now=now
            )
            return page("assignments/dialogs/remove.html", **context)
        units = [row for row in rows if wider(row, True) is not None]
        if not units:
            raise Invalid(_("Only organisations, positions and managers include what is below them."))
        context["units"] = len(units)
        below = [replace(row.definition, include="below") for row in units]
        without = _without(proposal, {row.key for row in units})
        context["adding"], context["messages"] = adding_warning(session, host_id(), without, below, now=now)
    return page("assignments/dialogs/include_many.html", **context)


def _without(proposal: Proposal, keys: set[str]) -> Proposal:
    left = tuple(row for row in proposal.definition.assignments if row.key not in keys)
    return Proposal(replace(proposal.definition, assignments=left), proposal.base_version, proposal.current)


def _names(session: Session, rows: Sequence[drafts.DraftRow]) -> str:
    """The first of them by name, and how many more."""
    first = [(row.definition.type, row.definition.target) for row in rows[:_NAMED]]
    names = describe(session, host_id(), first)
    said = ", ".join(names[one].name for one in first)
    if len(rows) > _NAMED:
        said += " " + ngettext("and %(num)s more", "and %(num)s more", len(rows) - _NAMED)
    return said


@blueprint.post("/many/due")
@rule("change")
def due(certification: int) -> Response | str:
    """One due date for all of them."""

    def change(session: Session, draft: Draft) -> str:
        keys = [row.key for row in chosen(session, draft)]
        size = set_due_of(session, draft, keys, due_from_form(request.form))
        return ngettext(
            "Due date of %(num)s assignment set. Not saved yet.",
            "Due date of %(num)s assignments set. Not saved yet.",
            size,
        )

    try:
        return edit(certification, change)
    except Invalid as error:
        return _dialog(certification, "due", error.sentence)


@blueprint.post("/many/include")
@rule("change")
def include(certification: int) -> Response | str:
    """*Include all below* for all of them, or not."""

    def change(session: Session, draft: Draft) -> str:
        keys = [row.key for row in chosen(session, draft)]
        size = set_include_of(session, draft, keys, request.form.get("include") == "below")
        return ngettext(
            "%(num)s assignment changed. Not saved yet.", "%(num)s assignments changed. Not saved yet.", size
        )

    return edit(certification, change)


@blueprint.post("/many/remove")
@rule("change")
def remove(certification: int) -> Response | str:
    """Mark all of them to be removed."""

    def change(session: Session, draft: Draft) -> str:
        size = remove_of(session, draft, [row.key for row in chosen(session, draft)])
        return ngettext(
            "%(num)s assignment will be removed when you save.",
            "%(num)s assignments will be removed when you save.",
            size,
        )

    return edit(certification, change)


@blueprint.post("/lists/<int:people>")
@rule("change")
def change_list(certification: int, people: int) -> Response:
    """Give a list of people another name, or show its rows one by one."""

    def work(session: Session) -> None:
        shell.of_certification(session, certification, "assignments")
        if request.form.get("action") == "apart":
            take_apart(session, host_id(), certification, people)
        else:
            rename(session, host_id(), certification, people, field("name"))

    runtime().db.transact(work)
    carried: dict[str, Any] = {} if request.form.get("action") == "apart" else {"list": people}
    return go(url_for("assignments.tab", certification=certification, **carried))


def apply_dialog(session: Session, draft: Draft, kind: str, added: Sequence[AssignmentDef]) -> None:
    """What the *Add assignment* dialog asks for all that it adds: one due date, and to be kept together as one list.

    :raises Invalid: for a day or a name that cannot be.
    """
    if day := day_from(field("due_date", 20)):
        set_due_of(session, draft, [row.key for row in added], {"fixed": day})
    if kind == "individual" and len(added) > 1 and "together" in request.form:
        targets = [row.target for row in added]
        keep_together(session, host_id(), draft.certification, field("list_name"), targets, at=draft.touched, who=who())


def members_named(session: Session, certification: int, group: str) -> set[str]:
    """The host's ids of the members of a group, by its number; nobody where there is no such group."""
    number = int(group) if group.isascii() and group.isdigit() and len(group) < 10 else 0
    row = assignment_named(session, host_id(), certification, number)
    if row is None or row.type != "group":
        return set()
    people = group_members(session, host_id(), row.id)
    return {one.ext for one in names_of_people(session, host_id(), list(people)).values()}
