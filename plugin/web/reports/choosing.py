"""The value of a filter: a field that suits it, and what people know a unit or a state by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.enrolment.terms import zone_of_host
from plugin.mirror.lookup.browse import describe
from plugin.mirror.lookup.search import find
from plugin.mirror.tables import Audience, Unit
from plugin.reports.asking.filters import OPERATORS
from plugin.reports.asking.learner_sets import certifications
from plugin.reports.asking.reader import Asker, Reader
from plugin.reports.catalogue import column_of, source_named
from plugin.reports.columns import FLAG, INSTANT, LOCAL, NUMBER, PERCENT, Column, Row
from plugin.web.reports.cells import NAMED, key_of
from plugin.web.reports.value_words import when_words, word

_TARGETS = {
    "organisation": "organisation", "position": "position", "audience": "audience", "manager": "individual",
    "manager.below": "individual", "person": "individual",
}  # fmt: skip
"""Filters whose value is the id of something that has a name."""
_MOST = 500
"""So many are offered; of more a name is typed."""


@dataclass(frozen=True)
class FilterField:
    """What asks for the value of a filter.

    :ivar kind: ``select``, ``date``, ``number`` or ``text``. ``options``: values and words; of a text suggestions.
    """

    name: str
    how: str
    kind: str
    options: Sequence[tuple[str, str]] = ()
    hint: str = ""


def wanted(source: str) -> tuple[str, str] | None:
    """The filter chosen whose value is still to be given, and how it compares; ``None`` where nothing is to be asked."""
    name, how = request.args.get("add", "").strip(), request.args.get("how", "")
    if not name or request.args.get("value", "").strip() or how == "empty" or name == "overdue":
        return None
    return (
        (name, how if how in OPERATORS else "")
        if name == "search" or _column(source, name) or name in _TARGETS
        else None
    )


def _column(source: str, name: str) -> Column | None:
    return column_of(source_named(source), name)


def field(asker: Asker, source: str, name: str, how: str) -> FilterField:
    """The field for a filter's value."""
    column = _column(source, name)
    if name in ("organisation", "position", "audience") and asker.reader.people is None:
        return FilterField(
            name, "", "text", _offered(asker, name), str(_("A name or an ID. Everything below counts too."))
        )
    if name in _TARGETS:
        return FilterField(name, "", "text", (), str(_("A name or an ID.")))
    if column is None:
        return FilterField(name, "", "text")
    if column.type == FLAG:
        return FilterField(name, how, "select", (("true", str(_("Yes"))), ("false", str(_("No")))))
    if column.words and not how:
        return FilterField(name, how, "select", [(one, word(column.name, one)) for one in column.words])
    if name == "certification" and not how:
        return FilterField(name, how, "select", _certifications(asker))
    if how in ("next", "last") or column.type in (NUMBER, PERCENT):
        return FilterField(name, how, "number" if how != "between" else "text", (), "1..10" if how == "between" else "")
    if column.type in (INSTANT, LOCAL):
        return FilterField(
            name, how, "date" if how != "between" else "text", (), "2027-01-01..2027-03-31" if how == "between" else ""
        )
    return FilterField(name, how, "text")


def _certifications(asker: Asker) -> list[tuple[str, str]]:
    known = certifications(asker)
    rows = asker.rows("SELECT code, name FROM certification WHERE host_id = ? ORDER BY name, code", asker.host_id)
    return [(code, f"{name} ({code})" if name else code) for code, name in rows if code in known]


def _offered(asker: Asker, kind: str) -> list[tuple[str, str]]:
    table = Audience if kind == "audience" else Unit
    query = select(table.ext, table.name).where(table.host_id == asker.host_id, table.gone.is_(False))
    if kind != "audience":
        query = query.where(Unit.kind == kind)
    rows = asker.session.execute(query.order_by(table.name, table.ext).limit(_MOST + 1)).all()
    return [(ext, name or ext) for ext, name in rows] if len(rows) <= _MOST else []


def meant(asker: Asker, name: str, value: str) -> str:
    """The id of what a value names: as it is written where there is such an id, else of what is called so."""
    kind = _TARGETS.get(name)
    if kind is None or not value or asker.reader.people is not None:
        return value
    [known] = describe(asker.session, asker.host_id, {(kind, value)}).values()
    if not known.missing:
        return value
    rows = find(asker.session, asker.host_id, kind, value, limit=1).rows
    return rows[0].ext if rows else value


def names(
    session: Session, host_id: int, reader: Reader, source: str, filters: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """What the values of filters are called, where they are ids of something that has a name, days, or words."""
    zone = zone_of_host(session, host_id)
    targets = {(_TARGETS[name], value) for name, value in filters if name in _TARGETS}
    described = describe(session, host_id, targets) if targets and reader.people is None else {}
    found = {}
    for name, value in filters:
        one = described.get((_TARGETS.get(name, ""), value))
        called = _told(source, name, value, zone) if one is None or one.missing else one.name
        below = name in ("organisation", "position") and one is not None
        found[name, value] = str(_("%(name)s and all below", name=called)) if below else called
    return found


def called(asker: Asker, rows: Sequence[Row]) -> dict[str, str]:
    """What the people and targets are called that rows name by their ids alone: ``organisation:ORG-3``, ``individual:U-12``.

    Nothing for whoever sees only some people: their names are not looked up here.
    """
    if asker.reader.people is not None:
        return {}
    named = {key for row in rows for name in NAMED if (key := key_of(name, row.get(name)))}
    keys = {(kind, target) for kind, _colon, target in (one.partition(":") for one in named) if kind != "group"}
    found = describe(asker.session, asker.host_id, keys) if keys else {}
    return {f"{kind}:{target}": one.name for (kind, target), one in found.items() if one.name and not one.missing}


def _told(source: str, name: str, value: str, zone: str) -> str:
    """A value in words; days and moments as the reader's language writes them."""
    stem, _dot, operator = name.rpartition(".")
    column = _column(source, stem if operator in ("before", "after", "between") else name)
    if column is None or column.type not in (INSTANT, LOCAL):
        return word(name, value)
    return " – ".join(when_words(one, zone) for one in value.split("..", 1))
