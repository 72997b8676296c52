"""Loads of a source on its page: files tried and loaded, what waits let through, the newest taken back (SOURCES 4)."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.errors import Invalid, MusterError, NotFound
from plugin.enrolment.sourcing import fetching, kept, loads, undoing
from plugin.enrolment.sourcing.kept import Named
from plugin.enrolment.sourcing.source_input import DONE
from plugin.mirror.sources.source import source_of, source_row
from plugin.web.frame.kit import PREFIX, field, runtime, who
from plugin.web.hosts.host_list import host_of
from plugin.web.sources.source import acted, shown
from plugin.web.sources.source_words import load_refusal_words, typed_withdrawals
from plugin.web.sources.trying import understood

blueprint = Blueprint("source_loads", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/sources")
MOST = 300 << 20
"""Bytes of the files of one upload."""


def _uploaded() -> list[tuple[str, bytes]]:
    request.max_content_length = MOST
    return [(one.filename or "people", one.read()) for one in request.files.getlist("files") if one.filename]


def _confirmed() -> dict[str, Any]:
    """What somebody confirmed besides the load: an older or half-written file, and a number of withdrawals.

    :raises Invalid: for what is no number.
    """
    return {"force": field("force") == "1", "allow": typed_withdrawals(field("withdrawals"))}


@blueprint.post("/<name>/files")
@rule("change host")
def files(number: int, name: str) -> Response:
    """What uploaded files would do, or load them: the first of a source at once, later ones unless the row guard holds."""
    given = _uploaded()
    if not given:
        return shown(number, name, problem=_("Choose at least one file."), status=400)
    if "load" not in request.form:
        return _tried(number, name, given)
    with runtime().db.read() as session:
        source = source_of(session, source_row(session, number, name))
        first = not kept.loads_in(session, source, DONE, light=True)
    return _loaded(number, name, given, yes=first)


def _loaded(number: int, name: str, given: Named, *, yes: bool, kind: str = "") -> Response:
    try:
        how = _confirmed()
    except Invalid as error:
        return shown(number, name, problem=error.sentence, status=error.status)
    act = partial(loads.load, runtime(), number, name, given, who=who(), kind=kind, yes=yes, **how)
    return acted(number, name, act, refused=partial(load_refusal_words, how["allow"]))


def _tried(number: int, name: str, given: Named, kind: str = "") -> Response:
    """How the files are read, and what they would do."""
    with runtime().db.read() as session:
        host_of(session, number)
        source = source_of(session, source_row(session, number, name))
    try:
        read = understood(source, given, kind) if source.kind == "csv" else []
        return shown(number, name, loads.plan(runtime(), number, name, given, kind), read=read)
    except NotFound:
        raise
    except MusterError as error:
        return shown(number, name, problem=error.sentence, status=error.status)


@blueprint.post("/<name>/test")
@rule("change host")
def test(number: int, name: str) -> Response:
    """Fetch from the address that is stored, and show what the files would do; nothing is loaded."""
    with runtime().db.read() as session:
        host_of(session, number)
        source_row(session, number, name)
    try:
        files, plan = fetching.try_now(runtime(), number, name)
    except MusterError as error:
        return shown(number, name, problem=error.sentence, status=error.status)
    if not files:
        nothing = "" if plan is not None else _("It answers, and there is no file there.")
        return shown(number, name, plan, nothing)
    return _tried(number, name, files)


@blueprint.post("/<name>/load")
@rule("change host")
def load(number: int, name: str) -> Response:
    """Load what waits, or say what that would do now; where nothing waits, or ``fetch`` is pressed, fetch and load."""
    with runtime().db.read() as session:
        host_of(session, number)
        waits = None if "fetch" in request.form else kept.waiting(session, number, name)
    if waits is None:
        return acted(number, name, partial(fetching.fetch_now, runtime(), number, name, who=who()))
    _row, given, kind = waits
    if "look" in request.form:
        return _tried(number, name, given, kind)
    return _loaded(number, name, given, yes=True, kind=kind)


@blueprint.post("/<name>/undo")
@rule("change host")
def undo(number: int, name: str) -> Response:
    """Restore the source's records as before its newest load."""
    yes = request.form.get("yes") == "1"
    return acted(number, name, partial(undoing.undo, runtime(), number, name, who=who(), yes=yes))
