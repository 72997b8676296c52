"""Hosts › Mapping: where organisation, position and manager come from, tried on people before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.core.errors import Invalid, MusterError
from plugin.core.tables import Host
from plugin.hosts.port import HostTrouble
from plugin.hosts.preview import SAMPLES, Preview, Sample
from plugin.hosts.registry import MAPPERS
from plugin.mirror.connecting import change_mapping
from plugin.mirror.connections import connection_of, open_connection
from plugin.mirror.tables import Connection
from plugin.web.hosts import host_of
from plugin.web.kit import PREFIX, go, page, runtime, who
from plugin.web.mapping_form import entered_mapping, mapping_fields

blueprint = Blueprint("mapping", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/mapping")

COMPARED = ("launch", "organisation", "position", "manager", "dates")


@dataclass(frozen=True)
class Row:
    """A sample under the mapping entered, and under the stored one where that gives something else."""

    sample: Sample
    before: dict[str, str]


@blueprint.get("")
@rule("setup")
def show(number: int) -> Response:
    """The form, as stored."""
    return _show(number, None, None, "")


def _show(
    number: int, entered: Mapping[str, Any] | None, tried: dict[str, Any] | None, problem: str, status: int = 200
) -> Response:
    host, connection = _found(number)
    mapping = connection.mapping if entered is None else entered
    return page(
        "host_mapping.html", host=host, connection=connection, fields=mapping_fields(connection.kind, mapping),
        problem=problem, status=status, tried=tried, samples=SAMPLES,
        saved=request.args.get("saved") == "1" and not problem,
    )  # fmt: skip


def _found(number: int) -> tuple[Host, Connection]:
    with runtime().db.read() as session:
        return host_of(session, number), connection_of(session, number)


@blueprint.post("")
@rule("setup")
def change(number: int) -> Response:
    """Try a mapping on people of the host; save it only when asked to after that."""
    _host, connection = _found(number)
    mapper = MAPPERS.get(connection.kind)
    if mapper is None:
        raise Invalid(_("There is nothing to map for this kind of learning site."))
    entered = entered_mapping(connection.kind, request.form)
    try:
        mapping = mapper.clean(entered)
    except (Invalid, ValueError) as error:
        sentence = error.sentence if isinstance(error, MusterError) else str(error)
        return _show(number, entered, None, sentence, 400)
    if "save" in request.form:
        return _save(number, mapping)
    try:
        people = mapper.sample(open_connection(runtime(), connection), SAMPLES)
    except HostTrouble as trouble:
        return _show(number, entered, None, trouble.why, 503)
    now, before = mapper.preview(people, mapping), mapper.preview(people, mapper.clean(connection.mapping))
    first = not connection.mapping and not connection.marks
    tried = {
        "preview": now, "offers": mapper.offers(people), "rows": _rows(now, now if first else before), "first": first,
        "appear": [] if first else sorted(set(now.units) - set(before.units)),
        "vanish": [] if first else sorted(set(before.units) - set(now.units)),
    }  # fmt: skip
    return _show(number, entered, tried, "")


def _rows(now: Preview, before: Preview) -> list[Row]:
    earlier = {one.id: one for one in before.samples}
    rows = []
    for one in now.samples[:SAMPLES]:
        old = earlier.get(one.id, one)
        differs = {name: getattr(old, name) for name in COMPARED if getattr(old, name) != getattr(one, name)}
        rows.append(Row(one, differs))
    return rows


def _save(number: int, mapping: dict[str, Any]) -> Response:
    made = runtime()

    def work(session: Session) -> None:
        host_of(session, number)
        change_mapping(session, number, mapping, at=made.clock.now(), who=who())

    made.db.transact(work)
    return go(url_for(".show", number=number, saved=1))
