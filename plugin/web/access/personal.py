"""Learner › Personal data: everything held about her, as a page and a file, and erasing it (ACCESS 7)."""

from __future__ import annotations

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.personal import retention
from plugin.access.personal.erase import erase as erase_person
from plugin.access.personal.erase import is_erased, texts_naming
from plugin.access.personal.export import as_json, everything, person_named
from plugin.access.rules import rule
from plugin.core.errors import Invalid, MusterError
from plugin.core.journal import record
from plugin.mirror.tables import DELETED
from plugin.web.frame.kit import PREFIX, field, go, host_id, page, runtime, who
from plugin.web.hosts.host_list import host_of

blueprint = Blueprint("personal", __name__, url_prefix=PREFIX)

_SHOWN = 200
"""Rows of a table that the page shows; the file has all."""


@blueprint.get("/people/<path:person>/personal-data")
@rule("see host")
def show(person: str) -> Response:
    """What is held, table by table."""
    return _show(person)


def _show(ext: str, problem: str = "", status: int = 200) -> Response:
    made = runtime()
    with made.db.read() as session:
        row = person_named(session, host_id(), ext)
        document = everything(session, host_id(), row, at=made.clock.now())
        deleted, erased = row.state == DELETED, is_erased(row)
        texts = texts_naming(session, host_id(), row) if deleted and not erased else []
    return page(
        "access/personal.html", person=row, held=document["held"], shown=_SHOWN, deleted=deleted, erased=erased, texts=texts,
        changes=g.launch.rights.changes_host, problem=problem, status=status,
    )  # fmt: skip


@blueprint.get("/people/<path:person>/personal-data.json")
@rule("see host")
def export(person: str) -> Response:
    """The same, whole, as a file; it leaves once it stands in the history."""
    made, by, at = runtime(), who(), runtime().clock.now()

    def told(session: Session) -> None:
        row = person_named(session, host_id(), person)
        record(session, host_id(), at, by, "export_begun", person=row.id, reason="personal data", count=1)

    made.db.transact(told)
    with made.db.read() as session:
        document = everything(session, host_id(), person_named(session, host_id(), person), at=at)
    answer = Response(as_json(document), mimetype="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="personal-data.json"'
    return answer


@blueprint.post("/people/<path:person>/erase")
@rule("change host")
def erase(person: str) -> Response:
    """Erase her; her id has to be entered once more."""
    made, by, at = runtime(), who(), runtime().clock.now()
    texts = request.form.get("texts", "")
    try:
        if request.form.get("confirm", "") != person:
            raise Invalid(_("Enter the ID once more to confirm."))
        with made.db.read() as session:
            row = person_named(session, host_id(), person)
            number, naming = row.id, texts_naming(session, host_id(), row)
        if naming and texts not in ("blank", "keep"):
            raise Invalid(_("Choose what becomes of the texts that name her."))
        made.db.transact(
            lambda session: erase_person(session, host_id(), person, at=at, who=by, blank_texts=texts == "blank")
        )
    except MusterError as error:
        if error.status == 404:
            raise
        return _show(person, error.sentence, error.status)
    return go(url_for(".show", person=f"erased:{number}"))


@blueprint.get("/hosts/<int:number>/retention")
@rule("see host")
def keeping(number: int) -> Response:
    """How long what names people is kept."""
    return _keeping(number)


def _keeping(host_number: int, problem: str = "", status: int = 200) -> Response:
    with runtime().db.read() as session:
        host = host_of(session, host_number)
        values = {name: retention.kept(host, name) for name in retention.SETTINGS}
    labels = {
        "trace_months": _("Traces of who read what (months)"), "message_days": _("Texts of messages (days; 0: for ever)"),
        "load_days": _("Files of sources and their reports (days)"), "hint_days": _("Hints of the learning site (days)"),
        "erase_days": _("Erase people so many days after the learning site deleted them (0: never)"),
    }  # fmt: skip
    return page(
        "access/retention.html", host=host, values=values, labels=labels, problem=problem, status=status,
        changes=g.launch.rights.changes_host,
    )  # fmt: skip


@blueprint.post("/hosts/<int:number>/retention")
@rule("change host")
def keep(number: int) -> Response:
    """Keep things longer or shorter."""
    by, at, given = who(), runtime().clock.now(), dict[str, int]()
    with runtime().db.read() as session:
        host_of(session, number)
    for name, setting in retention.SETTINGS.items():
        text = field(name, 6)
        if not (text.isascii() and text.isdigit() and setting.least <= int(text) <= setting.most):
            numbers = {"least": setting.least, "most": setting.most}
            return _keeping(number, _("Enter whole numbers from %(least)s to %(most)s.", **numbers), 400)
        given[name] = int(text)
    runtime().db.transact(lambda session: retention.change(session, host_id(), given, at=at, who=by))
    return go(url_for(".keeping", number=number))
