"""Imported records: a CSV file looked at line by line, then imported in one piece, and taken back (7.6)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from plugin.access.rules import rule
from plugin.certifications.file.record_file import ORDERS
from plugin.certifications.rules.record_states import TAKEN, WRONG
from plugin.core.errors import Conflict, Invalid, MusterError, NotFound, RefusedByRule
from plugin.core.tables import Journal
from plugin.core.text.table_files import decode
from plugin.enrolment.imported import records
from plugin.enrolment.imported.records import BROUGHT, CheckedFile, Choice
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, go, host_id, nudge, number, page, runtime, who

blueprint = Blueprint("records", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>/records")

_SHOWN = {True: 200, False: 50}
"""How many lines are shown, by whether something is wrong with them."""


@blueprint.get("")
@rule("change")
def show(certification: int) -> Response:
    """The form."""
    return _page(certification)


@blueprint.post("")
@rule("change")
def change(certification: int) -> Response:
    """Check the lines, or import what was checked."""
    with runtime().db.read() as session:
        if shell.of_certification(session, certification, "learners")["read_only"]:
            raise RefusedByRule(_("This certification is archived: it can only be read."))
    try:
        words, order = _words(), request.form.get("dates", "")
        if order not in ORDERS:
            raise Invalid(_("Choose one of the values offered."))
        if request.form.get("action") == "bring":
            return _bring(certification, words, order)
        return _look(certification, words, order)
    except (Invalid, RefusedByRule) as error:
        return _page(certification, problem=error, words=request.form.get("lines", ""))


def _words() -> str:
    """The file if there is one, else what was pasted."""
    upload = request.files.get("file")
    content = upload.read() if upload is not None else b""
    return decode(content) if content else request.form.get("lines", "")


def _look(certification: int, words: str, order: str, problem: MusterError | None = None) -> Response:
    with runtime().db.read() as session:
        found = records.look(session, host_id(), certification, words, now=runtime().clock.now(), order=order)
    return _page(certification, problem=problem, words=words, found=found)


def _bring(certification: int, words: str, order: str) -> Response:
    seen = request.form.get("seen", "")
    expected = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else None
    choice = Choice(order, expired="expired" in request.form, leave_out=True, expected=expected)
    try:
        count = records.bring(runtime(), host_id(), certification, words, who=who(), choice=choice)
    except Conflict as error:
        return _look(certification, words, order, error)
    nudge()
    return go(url_for(".show", certification=certification, brought=count))


def _page(
    certification: int, *, problem: MusterError | None = None, words: str = "", found: CheckedFile | None = None
) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
    lines = found.lines if found else []
    wrong = [one for one in lines if one.verdict in WRONG]
    fine = [one for one in lines if one.verdict in TAKEN]
    shown = [*wrong[: _SHOWN[True]], *fine[: _SHOWN[False]]]
    shown.sort(key=lambda one: (one.verdict in TAKEN, one.line.number))
    context |= {
        "problem": problem.sentence if problem else "", "words": words, "found": found, "dates": request.form.get("dates", ""),
        "shown": shown, "wrong": len(wrong), "taken": len(fine), "verdicts": verdict_words(),
        "brought": number("brought") if "brought" in request.args else None,
    }  # fmt: skip
    return page("certifications/records/records.html", status=problem.status if problem else 200, **context)


def verdict_words() -> dict[str, str]:
    """What each verdict is called."""
    return {
        "found": _("Found"),
        "expires": _("Would expire at once"),
        "known": _("Known already"),
        "repeated": _("Repeated"),
        "missing": _("Not found"),
        "ambiguous": _("Ambiguous"),
        "contradictory": _("Contradictory"),
        "unreadable": _("Cannot be read"),
    }


@blueprint.get("/<int:entry>/undo")
@rule("change")
def confirm(certification: int, entry: int) -> Response:
    """Whether to take a file back."""
    return _confirm(certification, entry)


def _confirm(certification: int, entry: int, problem: str = "") -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        row = session.get(Journal, (host_id(), entry))
        if row is None or row.what != BROUGHT or row.certification != certification:
            raise NotFound(_("There is no such file of records."))
        context |= {"entry": entry, "count": row.count, "problem": problem}
    return page("certifications/records/records_undo.html", status=409 if problem else 200, **context)


@blueprint.post("/<int:entry>/undo")
@rule("change")
def take_back(certification: int, entry: int) -> Response:
    """Take a file back."""
    _confirm(certification, entry)
    try:
        records.take_back(runtime(), host_id(), entry, who=who())
    except RefusedByRule as error:
        return _confirm(certification, entry, error.sentence)
    nudge()
    return go(url_for("history.tab", certification=certification))


@blueprint.app_template_global("brought_words")
def brought_words(count: int) -> str:
    """How many records were imported, in words."""
    words: Any = ngettext("%(num)s record was imported.", "%(num)s records were imported.", count)
    return str(words)
