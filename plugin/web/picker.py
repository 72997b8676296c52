"""Add…: the dialogs that choose targets, the lists inside them, and the *Add assignment* warning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications import drafts
from plugin.certifications.adding import MOST_TARGETS, add_targets, change_group, check_targets
from plugin.certifications.adding import add_group as put_group
from plugin.certifications.definition import TYPES, AssignmentDef
from plugin.certifications.listing import matched
from plugin.certifications.tables import Draft
from plugin.core.csvfile import decode
from plugin.core.errors import Invalid, NotFound
from plugin.enrolment.preview import Adding
from plugin.enrolment.warnings import adding_warning
from plugin.mirror.browse import children, describe, frameworks, unit_above
from plugin.mirror.search import find, fold
from plugin.web import shell
from plugin.web.assignment_table import filters
from plugin.web.assignments import edit
from plugin.web.kit import PREFIX, editor, field, host_id, number, page, query, runtime
from plugin.web.pasted import as_csv, read_lines, result_words
from plugin.web.words import count, ngettext

blueprint = Blueprint("picker", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

TREE_PART, LIST_PART = 100, 50
TREES = ("organisation", "position")


def _known(kind: str) -> str:
    if kind not in TYPES:
        raise NotFound(_("There is no such type of assignment."))
    return kind


@blueprint.get("/assignments/add/<kind>")
@rule("administrator")
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
            return page("group.html", status=status, **context)
        context |= offer(session, certification, kind)
        context["browse_url"] = url_for(".choose", certification=certification, kind=kind)
        context["confirm_url"] = url_for(".confirm", certification=certification, kind=kind, **carried())
    return page("picker.html", status=status, **context)


def carried() -> dict[str, Any]:
    """The table's filters, for an address."""
    return {**filters()}


def offer(session: Session, certification: int, kind: str) -> dict[str, Any]:
    """What a dialog offers: a tree to browse, or what a search finds, and what is selected already."""
    trees = frameworks(session, host_id(), kind) if kind in TREES else []
    framework = request.values.get("framework") or (trees[0].id if trees else "")
    context: dict[str, Any] = {"frameworks": trees, "framework": framework, "query": query()}
    if kind in TREES and not query():
        parent, offset = _opened()
        context |= _tree(session, certification, kind, framework, parent, offset)
        if parent:
            name = describe(session, host_id(), [(kind, parent)])[kind, parent].name
            context["above"] = {"name": name, "parent": unit_above(session, host_id(), kind, parent)}
    else:
        context |= _found(session, certification, kind, query(), 0)
    context["chosen"] = _chosen(session, kind, request.values.getlist("target"))
    return context


def _opened() -> tuple[str | None, int]:
    """The unit opened without our script, and from where its list goes on: ``parent``, or ``page`` for both."""
    parent, space, offset = request.args.get("page", "").rpartition(" ")
    if space and offset.isascii() and offset.isdigit() and len(offset) < 10:
        return parent or None, int(offset)
    return request.args.get("parent") or None, 0


def _chosen(session: Session, kind: str, exts: Sequence[str]) -> list[tuple[str, Any]]:
    """What is selected already, with its name; what the host does not have is left out."""
    wanted = list(dict.fromkeys(exts))[:MOST_TARGETS]
    names = describe(session, host_id(), [(kind, ext) for ext in wanted])
    return [(ext, names[kind, ext]) for ext in wanted if not names[kind, ext].missing]


def _assigned(session: Session, certification: int, kind: str) -> set[str]:
    draft = drafts.read_draft(session, host_id(), certification, editor())
    return {
        row.definition.target
        for row in drafts.rows(session, draft)
        if row.definition.type == kind and row.state != drafts.REMOVED
    }


# --- the lists


@blueprint.get("/f/tree/<kind>")
@rule("administrator")
def tree(certification: int, kind: str) -> str:
    """Units under a unit, or the roots of a framework; a part at a time."""
    if kind not in TREES:
        raise NotFound(_("This type has no tree."))
    with runtime().db.read() as session:
        parent = request.args.get("parent") or None
        context = _tree(session, certification, kind, request.args.get("framework", ""), parent, number("offset"))
        context["level"] = min(max(number("level", 1), 1), 50)
    return render_template("_tree.html", kind=kind, **context)


def _tree(
    session: Session, certification: int, kind: str, framework: str, parent: str | None, offset: int
) -> dict[str, Any]:
    total, nodes = children(session, host_id(), kind, framework, parent, limit=TREE_PART, offset=offset)
    return {
        "nodes": nodes, "tree_total": total, "offset": offset, "end": offset + len(nodes), "part": TREE_PART,
        "parent": parent or "", "assigned": _assigned(session, certification, kind), "level": 1, "listing": "tree",
    }  # fmt: skip


@blueprint.get("/f/search/<kind>")
@rule("administrator")
def search(certification: int, kind: str) -> str:
    """What matches the search, over everything, a part at a time."""
    if _known(kind) == "group":
        raise NotFound(_("Groups are not searched for."))
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        context |= _found(session, certification, kind, query(), number("offset"))
    return render_template("_results.html", kind=kind, query=query(), **context)


def _found(session: Session, certification: int, kind: str, wanted: str, offset: int) -> dict[str, Any]:
    found = find(session, host_id(), kind, wanted, limit=LIST_PART, offset=offset)
    names = describe(session, host_id(), [(kind, row.ext) for row in found.rows])
    sizes = _team_sizes(session, certification, [row.ext for row in found.rows]) if kind == "manager" else {}
    return {
        "results": [(row.ext, names[kind, row.ext]) for row in found.rows],
        "results_total": found.total, "offset": offset, "end": offset + len(found.rows), "part": LIST_PART,
        "assigned": _assigned(session, certification, kind), "marked": marked, "listing": "list", "sizes": sizes,
    }  # fmt: skip


def _team_sizes(session: Session, certification: int, jobs: Sequence[str]) -> dict[str, tuple[int, int]]:
    """How many each manager leads directly, and with all below."""
    sizes = {}
    for include in ("direct", "below"):
        rows = [AssignmentDef("manager", job, include) for job in jobs]
        for key, people in matched(session, host_id(), certification, rows).items():
            sizes[key, include] = len(people)
    return {job: (sizes[f"manager:{job}", "direct"], sizes[f"manager:{job}", "below"]) for job in jobs}


def marked(text: str, wanted: str) -> list[tuple[str, bool]]:
    """The text in pieces, with those that the search found set apart; folded as the search folds."""
    words = [word for word in fold(wanted).split() if word]
    pieces: list[tuple[str, bool]] = []
    for word in text.split(" "):
        folded = fold(word)
        hit = next((one for one in words if folded.startswith(one)), "")
        if pieces:
            pieces.append((" ", False))
        if hit and len(folded) == len(word):
            pieces += [(word[: len(hit)], True), (word[len(hit) :], False)]
        else:
            pieces.append((word, bool(hit)))
    return [piece for piece in pieces if piece[0]]


# --- pasted lists


@blueprint.post("/f/paste/individual")
@rule("administrator")
def paste(certification: int) -> Response | str:
    """Usernames, e-mail addresses or ID numbers, a line each: what each line found, to look at or as a file."""
    upload = request.files.get("file")
    text = request.form.get("lines", "")
    if upload is not None:
        with upload.stream:
            text = decode(upload.read()) if upload.filename else text
    with runtime().db.read() as session:
        looked = read_lines(session, host_id(), text, _assigned(session, certification, "individual"))
    if request.form.get("as") == "csv":
        answer = Response(as_csv(looked), mimetype="text/csv")
        answer.headers["Content-Disposition"] = 'attachment; filename="results.csv"'
        return answer
    return render_template("_pasted.html", looked=looked, words=result_words(), most=MOST_TARGETS)


# --- the warning, and the rows


@blueprint.post("/f/estimate/<kind>")
@rule("administrator")
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
    return render_template("_sentence.html", sentence=sentence)


@blueprint.post("/assignments/add/<kind>/confirm")
@rule("administrator")
def confirm(certification: int, kind: str) -> Response:
    """The *Add assignment* warning: the user's sentence, and under it the exact truth (DOMAIN 5.3)."""
    try:
        with runtime().db.read() as session:
            context = shell.of_certification(session, certification, "assignments")
            rows, adding, messages, below = _weighed(session, certification, _known(kind))
            context |= {
                "kind": kind, "rows": rows, "adding": adding, "messages": messages, "below": below,
                "filters": filters(),
            }  # fmt: skip
    except Invalid as error:
        return _choose(certification, kind, error.sentence)
    return page("confirm.html", **context)


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
@rule("administrator")
def add(certification: int, kind: str) -> Response | str:
    """Ok: the rows stand in the table, unsaved."""
    exts = request.form.getlist("target")
    fresh: list[str] = []

    def change(session: Session, draft: Draft) -> str:
        added = add_targets(session, draft, _known(kind), exts)
        fresh[:] = [row.key for row in added]
        return str(
            ngettext(
                "%(num)s assignment added. Not saved yet.", "%(num)s assignments added. Not saved yet.", len(added)
            )
        )

    try:
        return edit(certification, change, fresh=fresh)
    except Invalid as error:
        return _choose(certification, kind, error.sentence)


@blueprint.post("/assignments/add/group")
@rule("administrator")
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
    except Invalid as error:
        return _choose(certification, "group", error.sentence)


def _group_form(session: Session, certification: int, key: str) -> dict[str, Any]:
    """What the dialog of a group shows of one that is there."""
    draft = drafts.read_draft(session, host_id(), certification, editor())
    row = drafts.find_row(session, draft, key).definition
    allowed = {name: "on" for name in ("self_enrol", "withdraw") if row.group.get(name)}
    return {"key": key, "name": row.target, "description": row.group.get("description", ""), **allowed}
