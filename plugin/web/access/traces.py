"""Hosts › Traces: who read what of whom (ACCESS 6)."""

from __future__ import annotations

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access import traces
from plugin.access.rules import rule
from plugin.certifications.tables import Certification
from plugin.core.journal import record
from plugin.core.tables import Host
from plugin.mirror.lookup.browse import names_of_people
from plugin.mirror.tables import Person
from plugin.web.access.trace_words import read_words, way_words
from plugin.web.frame.kit import PREFIX, field, go, host_id, number, page, runtime, who
from plugin.web.hosts.host_list import host_of
from plugin.web.launch.session import names_of_subjects

blueprint = Blueprint("traces", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/traces")

_PART = 100


@blueprint.get("")
@rule("see host")
def show(number: int) -> Response:
    """What was read, newest first; of one reader or of one person where the address names one."""
    return _show(number)


def _show(host_number: int, problem: str = "", status: int = 200) -> Response:
    made = runtime()
    reader, about = request.args.get("who", "")[:255], request.args.get("person", "")[:255]
    with made.db.read() as session:
        host = host_of(session, host_number)
        person = _person(session, host_number, about) if about else None
        rows = traces.found(
            session, host_number, who=reader, person=person, before=number("before") or None, limit=_PART + 1
        )  # fmt: skip
        shown = rows[:_PART]
        people = names_of_people(session, host_number, [row.person for row in shown if row.person is not None])
        readers = names_of_subjects(session, host_number, sorted({row.who for row in shown}))
        names = {
            row[0]: row[1] or row[2]
            for row in session.execute(
                select(Certification.id, Certification.name, Certification.code).where(
                    Certification.host_id == host_number
                )
            )
        }
    return page(
        "access/traces.html", host=host, rows=shown, people=people, readers=readers, names=names, reader=reader,
        about=about, months=traces.months_of(host), older=shown[-1].id if len(rows) > _PART else None, problem=problem,
        status=status, changes=g.launch.rights.changes_host, read_words=read_words, way_words=way_words,
    )  # fmt: skip


def _person(session: Session, host_number: int, ext: str) -> int:
    return session.scalar(select(Person.id).where(Person.host_id == host_number, Person.ext == ext)) or 0


@blueprint.post("")
@rule("change host")
def keep(number: int) -> Response:
    """How long traces are kept, in months."""
    text, by, at = field("months", 3), who(), runtime().clock.now()
    with runtime().db.read() as session:
        host_of(session, number)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 120):
        return _show(number, _("Enter a number of months from 1 to 120."), 400)

    def work(session: Session) -> None:
        host = session.get_one(Host, host_id(), with_for_update=True)
        before = traces.months_of(host)
        host.settings = {**host.settings, traces.SETTING: int(text)}
        record(
            session, host.id, at, by, "retention_changed", reason="traces", data={"before": before, "after": int(text)}, count=0
        )  # fmt: skip

    runtime().db.transact(work)
    return go(url_for(".show", number=number))
