"""The Assignments tab: the table, and the edits that go into the administrator's draft."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.drafts import clashes, drafts
from plugin.certifications.listing import matched
from plugin.certifications.store import definition_of
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid, RefusedByRule
from plugin.enrolment.saving.confined import confine
from plugin.enrolment.saving.warnings import removal_warning
from plugin.mirror.lookup.browse import describe, hidden
from plugin.web.assignments.due_counts import counted
from plugin.web.assignments.due_form import due_from_form, due_item_name, form_of_due
from plugin.web.assignments.offered import cut_to_area, due_choices
from plugin.web.assignments.review_parts import settings_in_words
from plugin.web.assignments.table import filters, table_context
from plugin.web.certifications.setting_words import other_words
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, editor, go, host_id, page, runtime, wants_fragment
from plugin.web.frame.words import due_words, ngettext, read_only_sentence
from plugin.web.launch.session import names_of_subjects

_ONE = "individual:"
blueprint = Blueprint("assignments", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.get("/assignments")
@rule("see", area=True)
def tab(certification: int) -> Response | str:
    """The tab; for our script the table alone."""
    with runtime().db.read() as session:
        context = table_context(session, certification, about=request.args.get("about", ""))
        if wants_fragment():
            return render_template("assignments/_assignments.html", **context)
        context |= shell.of_certification(session, certification, "assignments")
        others = drafts.others_editing(session, host_id(), certification, editor())
        known = names_of_subjects(session, host_id(), others)
        context["others"] = [known.get(other, "") for other in others]
    return page("assignments/assignments.html", **context)


# --- edits


def edit(
    certification: int, change: Callable[[Session, Draft], str], about: str = "", fresh: list[str] | None = None
) -> Response | str:
    """Change the draft and show the table again; ``change`` says what happened in a sentence.

    :param about: the row whose *Include* was switched: the warning is repeated there (rules 5.3).
    :param fresh: where ``change`` puts the keys of rows it adds: they are shown, whatever the table was filtered by.

    :raises RefusedByRule: when the certification is read-only.
    """

    def work(session: Session) -> str:
        draft = drafts.open_draft(session, host_id(), certification, editor(), at=runtime().clock.now())
        frame = shell.of_certification(session, certification, "assignments")
        if frame["read_only"]:
            raise RefusedByRule(read_only_sentence(frame["what"], frame["certification"].state))
        said = change(session, draft)
        session.flush()
        confine(session, host_id(), drafts.proposal(session, draft))
        return said

    said = runtime().db.transact(work)
    if not wants_fragment():
        carried: dict[str, Any] = {} if fresh else {**filters(), **({"about": about} if about else {})}
        return go(url_for("assignments.tab", certification=certification, **carried))
    with runtime().db.read() as session:
        context = table_context(session, certification, said, about, fresh or ())
        return render_template("assignments/_assignments.html", **context)


def name_of(session: Session, key: str) -> str:
    """The name of a row's target."""
    kind, _colon, target = key.partition(":")
    return describe(session, host_id(), [(kind, target)])[kind, target].name


def _key() -> str:
    return request.values.get("key", "")


@blueprint.post("/assignments/include")
@rule("change", area=True)
def include(certification: int) -> Response | str:
    """*Include all below* or *Include direct team*."""
    key = _key()

    def change(session: Session, draft: Draft) -> str:
        drafts.set_include(session, draft, key, request.form.get("include", ""))
        row = drafts.find_row(session, draft, key).definition
        found = cut_to_area(session, matched(session, host_id(), certification, [row])[key])
        return ngettext(
            "%(name)s: %(num)s learner. Not saved yet.", "%(name)s: %(num)s learners. Not saved yet.", len(found),
            name=name_of(session, key),
        )  # fmt: skip

    return edit(certification, change, about=key)


@blueprint.get("/assignments/due")
@rule("change", area=True)
def due(certification: int) -> Response:
    """The *Assignment due date* dialog."""
    return _due_dialog(certification, "")


def _due_dialog(certification: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        row = drafts.find_row(session, draft, _key()).definition
        context |= {
            "key": _key(),
            "name": name_of(session, _key()),
            "problem": problem,
            "filters": filters(),
            "form": request.form if problem else form_of_due(row.due),
            **due_choices(session),
            "counts": None if problem else counted(session, draft, _key(), row.due),
            "in_words": due_words(row.due, context["zone"], due_item_name(session, host_id(), row.due)),
            "waits_unknown": drafts.proposal(session, draft).definition.exceptions.get("unknown_date") == "wait",
        }
    return page("assignments/dialogs/due.html", status=400 if problem else 200, **context)


@blueprint.post("/assignments/due")
@rule("change", area=True)
def set_due(certification: int) -> Response | str:
    """Set the due date of a row."""
    key = _key()

    def change(session: Session, draft: Draft) -> str:
        drafts.set_due(session, draft, key, due_from_form(request.form))
        return str(_("Due date of %(name)s set. Not saved yet.", name=name_of(session, key)))

    try:
        return edit(certification, change)
    except Invalid as error:
        return _due_dialog(certification, error.sentence)


@blueprint.get("/assignments/remove")
@rule("change", area=True)
def confirm_removal(certification: int) -> Response:
    """The warning before a row is removed, with the exact truth under it (rules 5.3)."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        row = drafts.find_row(session, draft, _key()).definition
        proposal = drafts.proposal(session, draft)
        context |= {
            "key": _key(),
            "name": name_of(session, _key()),
            "filters": filters(),
        }
        context["removing"], context["messages"] = removal_warning(
            session, host_id(), proposal, [row], now=runtime().clock.now()
        )
    return page("assignments/dialogs/remove.html", **context)


@blueprint.post("/assignments/remove")
@rule("change", area=True)
def remove(certification: int) -> Response | str:
    """Mark a row to be removed."""
    key = _key()

    def change(session: Session, draft: Draft) -> str:
        name = name_of(session, key)
        new = drafts.find_row(session, draft, key).state == drafts.NEW
        drafts.remove_row(session, draft, key)
        if new:
            return str(_("%(name)s is no longer in the draft.", name=name))
        return str(_("%(name)s will be removed when you save.", name=name))

    return edit(certification, change)


@blueprint.post("/assignments/undo")
@rule("change", area=True)
def undo(certification: int) -> Response | str:
    """Take back what the draft does to a row."""
    key = _key()

    def change(session: Session, draft: Draft) -> str:
        drafts.undo_row(session, draft, key)
        return str(_("%(name)s is as it was saved.", name=name_of(session, key)))

    return edit(certification, change)


@blueprint.get("/assignments/discard")
@rule("change", area=True)
def confirm_discard(certification: int) -> Response:
    """Asks before unsaved changes go."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        context |= {"changes": drafts.count_changes(draft), "filters": filters()}
    return page("assignments/review/discard.html", **context)


@blueprint.post("/assignments/discard")
@rule("change", area=True)
def discard(certification: int) -> Response | str:
    """Forget the draft."""

    def change(session: Session, draft: Draft) -> str:
        drafts.discard(session, draft)
        return str(_("Your changes were discarded."))

    return edit(certification, change)


# --- two administrators


@blueprint.get("/assignments/conflict")
@rule("change", area=True)
def conflict(certification: int) -> Response:
    """Theirs beside mine (rules 5.5)."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        found = clashes.conflict(session, draft)
        if found is None:
            return go(url_for("assignments.tab", certification=certification))
        keys = [*(clash.key for clash in found.clashes), *found.theirs, *found.mine]
        unseen = hidden(
            session, host_id(), "individual", [key.partition(":")[2] for key in keys if key.startswith(_ONE)]
        )
        theirs = tuple(key for key in found.theirs if key.removeprefix(_ONE) not in unseen)
        found = replace(found, theirs=theirs)
        sides = clashes.sides(session, draft)
        context |= {
            "found": found,
            "names": {key: name_of(session, key) for key in keys},
            "values": {key: _values(session, sides[key], context["zone"]) for key in keys},
            "settings": [_setting(session, draft, name) for name in found.settings],
            "revision": draft.revision,
            "saved_by": clashes.saved_by(session, host_id(), certification),
        }
    return page("assignments/review/conflict.html", status=409, **context)


def _setting(session: Session, draft: Draft, name: str) -> tuple[str, str, str, str]:
    """A setting that both changed: its field, what it is called, theirs and mine in words, where they fit a line."""
    before = drafts.base_of(session, draft)
    values = (getattr(definition_of(session, host_id(), draft.certification), name), draft.changes["details"][name])
    [(label, theirs)], [(_label, mine)] = (
        other_words(before, replace(before, **{name: value})) or [(name, "")] for value in values
    )
    return name, label, theirs, mine


def _values(session: Session, sides: clashes.RowVersions, zone: str) -> list[str]:
    """A row before, theirs and mine, in words; of a row that is nowhere gone only what differs."""
    rows = [sides.before, sides.theirs, sides.mine]
    words = [settings_in_words(session, row, zone) if row is not None else None for row in rows]
    whole = [one for one in words if one is not None]
    differ = [at for at in range(len(whole[0])) if len({one[at] for one in whole}) > 1 or len(whole) < len(rows)]
    return [str(_("Not assigned")) if one is None else " · ".join(one[at] for at in differ if one[at]) for one in words]


@blueprint.post("/assignments/conflict")
@rule("change", area=True)
def settle_conflict(certification: int) -> Response | str:
    """Keep mine or take theirs, row by row; nothing is saved yet."""
    theirs = [name.removeprefix("row ") for name, value in request.form.items() if value == "theirs"]
    settings = [name.removeprefix("setting ") for name in theirs if name.startswith("setting ")]

    def change(session: Session, draft: Draft) -> str:
        if clashes.conflict(session, draft) is not None:
            if number_in_form("version") != shell.of_certification(session, certification, "")["certification"].version:
                raise RefusedByRule(_("This was saved again meanwhile. Compare once more."))
            clashes.rebase(session, draft, theirs, settings)
        return str(_("Your changes now start from what was saved. Nothing is saved yet."))

    return edit(certification, change)


def number_in_form(name: str) -> int:
    """A whole number from the form; -1 where there is none."""
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
