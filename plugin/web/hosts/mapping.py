"""Hosts › Mapping: where organisation, position and manager come from, tried on people before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.core import stamps
from plugin.core.errors import Invalid, MusterError
from plugin.core.tables import Host
from plugin.hosts.port import HostTrouble
from plugin.hosts.preview import SAMPLES, MappingPreview, PersonSample
from plugin.hosts.registry import MAPPERS
from plugin.mirror.connections.settings import change_mapping
from plugin.mirror.connections.store import connection_of, open_connection
from plugin.mirror.tables import Connection
from plugin.web.frame.kit import PREFIX, go, page, runtime, who
from plugin.web.frame.words import long_day
from plugin.web.hosts.host_list import host_of
from plugin.web.hosts.mapping_form import entered_mapping, mapping_fields

blueprint = Blueprint("mapping", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/mapping")

COMPARED = ("launch", "organisation", "position", "manager", "dates")


@dataclass(frozen=True)
class MappingRow:
    """A sample under the mapping entered, and under the stored one where that gives something else."""

    sample: PersonSample
    before: dict[str, str]


@blueprint.get("")
@rule("see setup")
def show(number: int) -> Response:
    """The form, as stored."""
    return _show(number, None, None, "")


def _show(
    number: int, entered: Mapping[str, Any] | None, tried: dict[str, Any] | None, problem: str, status: int = 200
) -> Response:
    host, connection = _found(number)
    mapping = connection.mapping if entered is None else entered
    return page(
        "hosts/host_mapping.html", host=host, connection=connection, fields=mapping_fields(connection.kind, mapping),
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
    host, connection = _found(number)
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
    rows = _rows(now, now if first else before, host.time_zone or "UTC")
    tried = {
        "preview": now, "offers": mapper.offers(people), "first": first,
        "rows": rows if g.launch.rights.sees_host else [_nameless(row, n) for n, row in enumerate(rows, start=1)],
        "appear": [] if first else sorted(set(now.units) - set(before.units)),
        "vanish": [] if first else sorted(set(before.units) - set(now.units)),
    }  # fmt: skip
    return _show(number, entered, tried, "")


def _rows(now: MappingPreview, before: MappingPreview, zone: str) -> list[MappingRow]:
    earlier = {one.id: _dated(one, zone) for one in before.samples}
    rows = []
    for one in (_dated(sample, zone) for sample in now.samples[:SAMPLES]):
        old = earlier.get(one.id, one)
        differs = {name: getattr(old, name) for name in COMPARED if getattr(old, name) != getattr(one, name)}
        rows.append(MappingRow(one, differs))
    return rows


def _nameless(row: MappingRow, number: int) -> MappingRow:
    """What an operator sees: what a mapping makes of people, not who they are (ACCESS 1)."""
    hidden = _("found, not shown")
    sample = replace(
        row.sample, id="", name=_("Person %(number)s", number=number), launch=hidden if row.sample.launch else "",
        manager=hidden if row.sample.manager else "",
    )  # fmt: skip
    before = {name: hidden if value and name in ("launch", "manager") else value for name, value in row.before.items()}
    return MappingRow(sample, before)


def _dated(sample: PersonSample, zone: str) -> PersonSample:
    """Her dates in words: what each is, and the day it is at the learning site."""
    named = {
        "start": _("starts %(day)s"),
        "end": _("ends %(day)s"),
        "position_since": _("in this position since %(day)s"),
    }
    known = [(name, _instant(value, zone)) for name, value in sample.days]
    said = [named[name] % {"day": long_day(at, zone)} for name, at in known if at is not None and name in named]
    return replace(sample, dates="; ".join(said)) if sample.days else sample


def _instant(value: str, zone: str) -> int | None:
    try:
        return stamps.instant(value, zone)
    except ValueError:
        return None


def _save(number: int, mapping: dict[str, Any]) -> Response:
    made = runtime()

    def work(session: Session) -> None:
        host_of(session, number)
        change_mapping(session, number, mapping, at=made.clock.now(), who=who())

    made.db.transact(work)
    return go(url_for(".show", number=number, saved=1))
