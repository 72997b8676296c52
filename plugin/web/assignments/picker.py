"""Add…: the dialogs that choose targets, the lists inside them, and the *Add assignment* warning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.definition import TYPES, AssignmentDef
from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.adding import MOST_TARGETS, add_targets, change_group, check_targets
from plugin.certifications.drafts.adding import add_group as put_group
from plugin.certifications.listing import matched
from plugin.certifications.tables import Draft
from plugin.core.errors import Forbidden, Invalid, NotFound
from plugin.core.text.table_files import decode
from plugin.enrolment.saving.review import Adding
from plugin.enrolment.saving.warnings import adding_warning
from plugin.mirror.lookup.browse import children, describe, frameworks, hidden, unit_above
from plugin.mirror.lookup.search import find, marked
from plugin.web.assignments.many import MEMBERS, apply_dialog, members_named
from plugin.web.assignments.pasted_list import as_csv, read_lines, result_words
from plugin.web.assignments.tab import edit
from plugin.web.assignments.table import filters
from plugin.web.certifications.row_words import target_sizes
from plugin.web.frame import shell
from plugin.web.frame.day_words import plain_day
from plugin.web.frame.kit import PREFIX, editor, field, host_id, number, page, query, runtime
from plugin.web.frame.words import count, ngettext

blueprint = Blueprint("picker", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

TREE_PART, LIST_PART = 100, 50
TREES = ("organisation", "position")


def _known(kind: str) -> str:
    if kind not in TYPES:
        raise NotFound(_("There is no such type of assignment."))
    return kind


@blueprint.get("/assignments/add/<kind>")
@rule("change", area=True)
def choose(certification: int, kind: str) -> Response:
    """The dialog of a type; without our script the same as a page, where the search is a plain form."""
    return _choose(certification, _known(kind), "")


def _choose(certification: int, kind: str, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        context |= {"kind": kind, "problem": problem, "filters": filters(), "form": request.form}
        status = 400 if problem else 200
        if kind == "group":
            if (key := request.args.get("key", "")) and not problem:
                context["form"] = _group_form(session, certification, key)
            return page("assignments/dialogs/group.html", status=status, **context)
        context |= offer(session, certification, kind)
        context["browse_url"] = url_for(".choose", certification=certification, kind=kind)
        context["confirm_url"] = url_for(".confirm", certification=certification, kind=kind, **carried())
    return page("assignments/dialogs/picker.html", status=status, **context)


def carried() -> dict[str, Any]:
    """The table's filters, for an address."""
    return {**filters()}


def offer(session: Session, certification: int, kind: str, except_of: str = "") -> dict[str, Any]:
    """What a dialog offers: a tree to browse, or what a search finds, and what is selected already.

    :param except_of: the row that is to leave out what is chosen.
    """
    trees = frameworks(session, host_id(), kind) if kind in TREES else []
    framework = request.values.get("framework") or (trees[0].id if trees else "")
    context: dict[str, Any] = {"frameworks": trees, "framework": framework, "query": query()}
    if kind in TREES and not query():
        parent, offset = _opened()
        context |= _tree(session, certification, kind, framework, parent, offset, except_of)
        if parent:
            name = describe(session, host_id(), [(kind, parent)])[kind, parent].name
            context["above"] = {"name": name, "parent": unit_above(session, host_id(), kind, parent)}
    else:
        context |= _found(session, certification, kind, query(), 0, except_of)
    context["chosen"] = _chosen(session, kind, request.values.getlist("target"))
    return context


def _opened() -> tuple[str | None, int]:
    """The unit opened without our script, and from where its list goes on: ``parent``, or ``page`` for both."""
    parent, space, offset = request.args.get("page", "").rpartition(" ")
    if space and offset.isascii() and offset.isdigit() and len(offset) < 10:
        return parent or None, int(offset)
    return request.args.get("parent") or None, 0


def _chosen(session: Session, kind: str, exts: Sequence[str]) -> list[tuple[str, Any]]:
    """What is selected already, with its name; what the host does not have, or does not exist for her, is left out."""
    unseen = hidden(session, host_id(), kind, exts)
    wanted = [ext for ext in dict.fromkeys(exts) if ext not in unseen][:MOST_TARGETS]
    names = describe(session, host_id(), [(kind, ext) for ext in wanted])
    return [(ext, found) for ext in wanted if not (found := names[kind, ext]).missing]


def _assigned(session: Session, certification: int, kind: str, except_of: str = "") -> set[str]:
    """Targets that cannot be chosen: assigned already, or excepted already from a row."""
    draft = drafts.read_draft(session, host_id(), certification, editor())
    if except_of.startswith(MEMBERS):
        return members_named(session, certification, except_of.removeprefix(MEMBERS))
    if except_of:
        row = drafts.find_row(session, draft, except_of).definition
        return {target for of, target, _include in row.exclusions if of == kind}
    return {
        row.definition.target
        for row in drafts.rows(session, draft)
        if row.definition.type == kind and row.state != drafts.REMOVED
    }


# --- the lists


@blueprint.get("/f/tree/<kind>")
@rule("change", area=True)
def tree(certification: int, kind: str) -> str:
    """Units under a unit, or the roots of a framework; a part at a time."""
    if kind not in TREES:
        raise NotFound(_("This type has no tree."))
    with runtime().db.read() as session:
        parent = request.args.get("parent") or None
        framework, except_of = request.args.get("framework", ""), request.args.get("except_of", "")
        context = _tree(session, certification, kind, framework, parent, number("offset"), except_of)
        context["level"] = min(max(number("level", 1), 1), 50)
    return render_template("assignments/table/_tree.html", kind=kind, **context)


def _tree(
    session: Session, certification: int, kind: str, framework: str, parent: str | None, offset: int, except_of: str
) -> dict[str, Any]:
    total, nodes = children(session, host_id(), kind, framework, parent, limit=TREE_PART, offset=offset)
    sizes = target_sizes(session, certification, kind, [node.id for node in nodes])
    return {
        "nodes": nodes, "sizes": sizes, "tree_total": total, "offset": offset, "end": offset + len(nodes), "part": TREE_PART,
        "parent": parent or "", "assigned": _assigned(session, certification, kind, except_of), "level": 1, "listing": "tree",
        "except_of": except_of,
    }  # fmt: skip


@blueprint.get("/f/search/<kind>")
@rule("change", area=True)
def search(certification: int, kind: str) -> str:
    """What matches the search, over everything, a part at a time."""
    if _known(kind) == "group":
        raise NotFound(_("Groups are not searched for."))
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        context |= _found(session, certification, kind, query(), number("offset"), request.args.get("except_of", ""))
    return render_template("assignments/table/_results.html", kind=kind, query=query(), **context)


def _found(session: Session, certification: int, kind: str, wanted: str, offset: int, except_of: str) -> dict[str, Any]:
    found = find(session, host_id(), kind, wanted, limit=LIST_PART, offset=offset)
    names = describe(session, host_id(), [(kind, row.ext) for row in found.rows])
    sizes = target_sizes(session, certification, kind, [row.ext for row in found.rows])
    return {
        "results": [(row.ext, names[kind, row.ext]) for row in found.rows],
        "results_total": found.total, "offset": offset, "end": offset + len(found.rows), "part": LIST_PART,
        "assigned": _assigned(session, certification, kind, except_of), "marked": marked, "listing": "list",
        "sizes": sizes, "except_of": except_of,
    }  # fmt: skip


@blueprint.post("/f/paste/individual")
@rule("change", area=True)
def paste(certification: int) -> Response | str:
    """Usernames, e-mail addresses or ID numbers, a line each: what each line found, to look at or as a file."""
    upload = request.files.get("file")
    text, except_of = request.form.get("lines", ""), request.args.get("except_of", "")
    if upload is not None:
        with upload.stream:
            text = decode(upload.read()) if upload.filename else text
    with runtime().db.read() as session:
        looked = read_lines(session, host_id(), text, _assigned(session, certification, "individual", except_of))
    if request.form.get("as") == "csv":
        answer = Response(as_csv(looked), mimetype="text/csv")
        answer.headers["Content-Disposition"] = 'attachment; filename="results.csv"'
        return answer
    return render_template("assignments/table/_pasted.html", looked=looked, words=result_words(), most=MOST_TARGETS)


# --- the warning, and the rows


@blueprint.post("/f/estimate/<kind>")
@rule("change", area=True)
def estimate(certification: int, kind: str) -> str:
    """One line under *Selected items*: how many learners, how many of them enrolled already."""
    with runtime().db.read() as session:
        _rows, adding, _messages, _below = _weighed(session, certification, _known(kind))
    sentence = ngettext(
        "%(num)s learner in this selection, %(already)s enrolled already.",
        "%(num)s learners in this selection, %(already)s of them enrolled already.",
        adding.x,
        already=count(adding.already),
    )  # fmt: skip
    return render_template("assignments/review/_sentence.html", sentence=sentence)


@blueprint.post("/assignments/add/<kind>/confirm")
@rule("change", area=True)
def confirm(certification: int, kind: str) -> Response:
    """The *Add assignment* warning: the user's sentence, and under it the exact truth (rules 5.3)."""
    try:
        with runtime().db.read() as session:
            context = shell.of_certification(session, certification, "assignments")
            rows, adding, messages, below = _weighed(session, certification, _known(kind))
            context |= {
                "kind": kind, "rows": rows, "adding": adding, "messages": messages, "below": below,
                "filters": filters(), "pasted": "pasted" in request.form,
                "list_name": _("List of %(day)s", day=plain_day(runtime().clock.now(), context["zone"])),
            }  # fmt: skip
    except Invalid as error:
        return _choose(certification, kind, error.sentence)
    return page("assignments/review/confirm.html", **context)


def _weighed(session: Session, certification: int, kind: str) -> tuple[list[AssignmentDef], Adding, int, int | None]:
    """The rows chosen, what adding them does, the messages it sends, and their size with all below where that differs."""
    draft = drafts.read_draft(session, host_id(), certification, editor())
    rows = check_targets(session, draft, kind, request.form.getlist("target"))
    proposal = drafts.proposal(session, draft)
    adding, messages = adding_warning(session, host_id(), proposal, rows, now=runtime().clock.now())
    if "below" not in drafts.INCLUDES.get(kind, ()):
        return rows, adding, messages, None
    wider = [AssignmentDef(row.type, row.target, "below") for row in rows]
    everyone = matched(session, host_id(), certification, wider).values()
    whole = len(set().union(*everyone)) if everyone else 0
    return rows, adding, messages, whole if whole != adding.x else None


@blueprint.post("/assignments/add/<kind>")
@rule("change", area=True)
def add(certification: int, kind: str) -> Response | str:
    """Ok: the rows stand in the table, unsaved."""
    exts = request.form.getlist("target")
    fresh: list[str] = []

    def change(session: Session, draft: Draft) -> str:
        added = add_targets(session, draft, _known(kind), exts)
        fresh[:] = [row.key for row in added]
        apply_dialog(session, draft, kind, added)
        return str(
            ngettext(
                "%(num)s assignment added. Not saved yet.", "%(num)s assignments added. Not saved yet.", len(added)
            )
        )

    try:
        return edit(certification, change, fresh=fresh)
    except (Invalid, Forbidden) as error:
        return _choose(certification, kind, error.sentence)


@blueprint.post("/assignments/add/group")
@rule("change", area=True)
def add_group(certification: int) -> Response | str:
    """A self-enrolment group stands in the table, unsaved; or the one the form names is changed."""
    settings: dict[str, Any] = {
        "description": request.form.get("description", ""),
        "self_enrol": "self_enrol" in request.form, "withdraw": "withdraw" in request.form,
    }  # fmt: skip
    key = request.form.get("key", "")
    fresh: list[str] = []

    def change(session: Session, draft: Draft) -> str:
        if key:
            change_group(session, draft, key, **settings)
            return str(_("Group changed. Not saved yet."))
        fresh[:] = [put_group(session, draft, field("name"), **settings).key]
        return str(_("Group added. Not saved yet."))

    try:
        return edit(certification, change, fresh=fresh)
    except (Invalid, Forbidden) as error:
        return _choose(certification, "group", error.sentence)


def _group_form(session: Session, certification: int, key: str) -> dict[str, Any]:
    """What the dialog of a group shows of one that is there."""
    draft = drafts.read_draft(session, host_id(), certification, editor())
    row = drafts.find_row(session, draft, key).definition
    allowed = {name: "on" for name in ("self_enrol", "withdraw") if row.group.get(name)}
    return {"key": key, "name": row.target, "description": row.group.get("description", ""), **allowed}
