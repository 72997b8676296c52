"""Hosts › People with rights: who was granted what, by whom, until when; and ending sessions (ACCESS 2, 4)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access import grants, sessions
from plugin.access.grants import RequestedGrant
from plugin.access.rights import ROLES, today
from plugin.access.rules import rule
from plugin.certifications.tables import Certification
from plugin.core.errors import Forbidden, Invalid, MusterError, NotFound, RefusedByRule
from plugin.mirror.lookup.search import find
from plugin.mirror.tables import Unit
from plugin.web.frame.kit import PREFIX, field, go, number, page, query, runtime, who
from plugin.web.frame.words import role_words
from plugin.web.hosts.host_list import host_of

blueprint = Blueprint("rights", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/rights")

_OFFERED = 20


@blueprint.get("")
@rule("see host")
def show(number: int) -> Response:
    """Who has which rights, and finding somebody to give some to."""
    return _show(number, "", 200)


def _show(host_number: int, problem: str, status: int) -> Response:
    made = runtime()
    with made.db.read() as session:
        host = host_of(session, host_number)
        held = grants.listed(session, host, made.clock.now())
        found = find(session, host_number, "person", query(), limit=_OFFERED) if query() else None
        units = _units(session, host_number)
        chosen = next((row for row in found.rows if row.id == number("person")), None) if found else None
        codes = _certifications(session, host_number)
    return page(
        "hosts/host_rights.html", host=host, held=held, query=query(), people=found.rows if found else [],
        total=found.total if found else 0, chosen=chosen, codes=codes, roles=role_words(), problem=problem,
        units=units, unit_query=_unit_query(), categories=_categories(session, host_number),
        status=status, day=today(made.clock.now(), host.time_zone).isoformat(), changes=g.launch.rights.changes_host,
    )  # fmt: skip


def _certifications(session: Session, host_number: int) -> dict[int, str]:
    query = select(Certification.id, Certification.code).where(Certification.host_id == host_number)
    return {row[0]: row[1] for row in session.execute(query.order_by(Certification.code))}


def _unit_query() -> str:
    return " ".join(request.values.get("unit_q", "").split())[:200]


def _units(session: Session, host_number: int) -> list[Unit]:
    """Units found by the words of the form, and those that are chosen already."""
    found: dict[int, Unit] = {}
    chosen = [int(one) for one in request.values.getlist("unit") if one.isascii() and one.isdigit() and len(one) < 10]
    for row in session.scalars(select(Unit).where(Unit.host_id == host_number, Unit.id.in_(chosen))):
        found[row.id] = row
    for kind in ("organisation", "position") if _unit_query() else ():
        found |= {row.id: row for row in find(session, host_number, kind, _unit_query(), limit=_OFFERED).rows}
    return list(found.values())


def _categories(session: Session, host_number: int) -> list[str]:
    query = select(Certification.category).where(Certification.host_id == host_number, Certification.category != "")
    return sorted(set(session.scalars(query)))


@blueprint.post("")
@rule("change host", widens=True)
def add(number: int) -> Response:
    """Give somebody a right."""
    made, by, launch = runtime(), who(), g.launch
    try:
        wanted = _wanted()

        def work(session: Session) -> None:
            host_of(session, number)
            known = _certifications(session, number)
            if not set(wanted.certifications or ()) <= known.keys():
                raise NotFound(_("There is no such certification."))
            known_units = (
                {row.id for row in session.scalars(select(Unit).where(Unit.host_id == number))}
                if wanted.units
                else set()
            )
            if not set(wanted.units) <= known_units:
                raise NotFound(_("There is no such unit."))
            grants.add(session, number, wanted, by=launch.rights, at=made.clock.now(), who=by)

        made.db.transact(work)
    except (Invalid, RefusedByRule, Forbidden) as error:
        return _show(number, error.sentence, error.status)
    return go(url_for(".show", number=number))


def _wanted() -> RequestedGrant:
    """The grant of the form.

    :raises Invalid: naming what is missing or wrong.
    """
    role, person, subject = field("role", 16), field("person", 10), field("subject")
    if role not in ROLES:
        raise Invalid(_("Choose a role."))
    if person and not (person.isascii() and person.isdigit()):
        raise Invalid(_("Choose a person."))
    listed = request.form.getlist("certification")
    if any(not (one.isascii() and one.isdigit() and len(one) < 10) for one in listed):
        raise Invalid(_("Choose one of the values offered."))
    of_some = role == "certification" and request.form.get("which") == "some"
    if of_some and not listed and "may_create" not in request.form and "category" not in request.form:
        raise Invalid(_("Choose at least one certification."))
    return RequestedGrant(
        role, int(person) if person else None, subject, tuple(map(int, listed)) if of_some else None,
        role == "certification" and "may_create" in request.form, field("until", 10), field("reason", 500),
        tuple(dict.fromkeys(request.form.getlist("category"))) if of_some else (),
        tuple(int(one) for one in request.form.getlist("unit") if one.isascii() and one.isdigit() and len(one) < 10)
        if role == "area" else (),
    )  # fmt: skip


@blueprint.post("/<int:grant>/remove")
@rule("change host")
def remove(number: int, grant: int) -> Response:
    """Take a right back: the next request of whoever had it is judged without."""
    return _answer(
        number, lambda session, by: grants.remove(session, number, grant, by=g.launch.rights, at=_now(), who=by)
    )


@blueprint.post("/<int:grant>/confirm")
@rule("change host", widens=True)
def confirm(number: int, grant: int) -> Response:
    """A grant to a subject is meant for the person who appeared with it."""
    return _answer(
        number, lambda session, by: grants.confirm(session, number, grant, by=g.launch.rights, at=_now(), who=by)
    )


@blueprint.post("/sessions/end")
@rule("change host")
def end_sessions(number: int) -> Response:
    """End the sessions of a person, or of everybody here, whoever presses it included."""
    text = field("person", 10)
    if text and not (text.isascii() and text.isdigit()):
        raise Invalid(_("Choose a person."))
    person = int(text) if text else None
    return _answer(number, lambda session, by: sessions.end_all(session, number, person, at=_now(), who=by))


def _now() -> int:
    return runtime().clock.now()


def _answer(number: int, act: Callable[[Session, str], object]) -> Response:
    by = who()

    def work(session: Session) -> None:
        host_of(session, number)
        act(session, by)

    try:
        runtime().db.transact(work)
    except NotFound:
        raise
    except MusterError as error:
        return _show(number, error.sentence, error.status)
    return go(url_for(".show", number=number))
