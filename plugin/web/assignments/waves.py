"""*In waves…*: how many begin in a period, of a row or of the whole certification, and the forecast (rules 11.3)."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.waves import set_wave
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid
from plugin.web.assignments.tab import edit, name_of
from plugin.web.assignments.table import filters
from plugin.web.certifications.row_words import wave_words
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, editor, host_id, page, runtime

blueprint = Blueprint("waves", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


def _key() -> str:
    return request.values.get("key", "")


@blueprint.get("/assignments/wave")
@rule("change")
def show(certification: int) -> Response:
    """The dialog of one row; without a key that of the whole certification."""
    return _show(certification, "")


def _show(certification: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        definition = drafts.proposal(session, draft).definition
        row = drafts.find_row(session, draft, _key()).definition if _key() else None
        wave = (row or definition).wave
        context |= {
            "key": _key(), "problem": problem, "filters": filters(), "wave": wave,
            "name": name_of(session, _key()) if row else definition.name,
            "form": request.form if problem else (wave or {"every": "week"}),
            "whole": wave_words(definition.wave) if row else "",
        }  # fmt: skip
    return page("assignments/dialogs/wave.html", status=400 if problem else 200, **context)


@blueprint.post("/assignments/wave")
@rule("change")
def change(certification: int) -> Response | str:
    """Faster, slower, stopped, or all at once: nothing is saved yet."""
    key, act = _key(), request.form.get("act", "set")

    def work(session: Session, draft: Draft) -> str:
        every = request.form.get("every", "week")
        set_wave(session, draft, key, None if act == "all" else 0 if act == "stop" else _typed(), every)
        definition = drafts.proposal(session, draft).definition
        wave = drafts.find_row(session, draft, key).definition.wave if key else definition.wave
        name = name_of(session, key) if key else definition.name
        if wave is None:
            return str(_("%(name)s: all begin at once. Not saved yet.", name=name))
        return str(_("%(name)s: %(wave)s. Not saved yet.", name=name, wave=wave_words(wave)))

    try:
        return edit(certification, work)
    except Invalid as error:
        return _show(certification, error.sentence)


def _typed() -> int:
    """The number in the form; -1 where it is none."""
    text = request.form.get("learners", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else -1
