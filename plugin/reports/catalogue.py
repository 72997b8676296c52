"""The sources by name, and the columns each has."""

from __future__ import annotations

from dataclasses import replace

from plugin.enrolment.codes import WITHDRAWN
from plugin.mirror.tables import DELETED
from plugin.reports.asking.unknown import unknown
from plugin.reports.columns import INSTANT, LOCAL, Column, ReportSource
from plugin.reports.sources import courses, exceptions, history, learners, membership, messages, overview
from plugin.reports.sources.people import PERSON, field_column

SOURCES: dict[str, ReportSource] = {
    "membership": membership.SOURCE,
    "learners": learners.SOURCE,
    "courses": courses.SOURCE,
    "overview": overview.SOURCE,
    "exceptions": exceptions.SOURCE,
    "history": history.ENTRIES,
    "messages": messages.SOURCE,
}
_LOCAL = "_local"


def source_named(name: str) -> ReportSource:
    """A source.

    :raises Refused: where there is none of this name.
    """
    if name not in SOURCES:
        raise unknown("source", name, list(SOURCES))
    return SOURCES[name]


def column_of(source: ReportSource, name: str) -> Column | None:
    """A column by name: the source's own, a profile field, or an instant in local time; ``None`` where there is none."""
    for one in source.columns:
        if one.name == name:
            return one
    if source.person and name.startswith("fields.") and len(name) > 7:
        return field_column(name[7:])
    if name.endswith(_LOCAL):
        of = column_of(source, name.removesuffix(_LOCAL))
        if of is not None and of.type == INSTANT:
            return replace(of, name=name, type=LOCAL)
    return None


_OF_PERSONS = ("name", "username", "number", "email")
_ACCOUNT_THEN = (
    f"CASE WHEN e.state <= {WITHDRAWN} THEN NULL WHEN e.frozen_since IS NOT NULL THEN 'suspended' ELSE 'active' END"
)
"""As far as a spell under way tells it, whatever became of the account since: asked again later, it is the same."""
_SUSPENDED = "CASE WHEN e.frozen_since IS NOT NULL THEN 1 ELSE 0 END"


def as_it_stood(source: ReportSource) -> ReportSource:
    """The source for a moment that is past: deleted people have no name, and what only the present knows is empty."""

    def then(one: Column) -> Column:
        if one.name in _OF_PERSONS:
            return replace(one, sql=f"CASE WHEN p.state = {DELETED} THEN NULL ELSE {one.sql} END")
        if one.name == "suspended":
            return replace(one, sql=_SUSPENDED)
        if one.name == "exempt_until":
            return learners.EXEMPT_THEN
        if one.name == "account_state":
            return replace(one, sql=_ACCOUNT_THEN)
        if one.name == "progress":
            return replace(one, late=lambda _asker, rows: [None] * len(rows))
        return membership.INCLUDE_THEN if one.name == "include" else one

    return replace(source, columns=tuple(then(one) for one in source.columns))


def columns_of(source: ReportSource, names: tuple[str, ...]) -> tuple[Column, ...]:
    """The columns of a report in its order; the source's own choice where none is named.

    :raises Refused: naming one there is not.
    """
    found = []
    for name in names or source.default:
        column = column_of(source, name)
        if column is None:
            raise unknown("column", name, [one.name for one in source.columns])
        found.append(column)
    return tuple(found)


def asks_for_people(source: ReportSource, names: tuple[str, ...]) -> bool:
    """Whether any of these columns is of a person."""
    own = {one.name for one in PERSON}
    return bool(source.person) and any(name in own or name.startswith("fields.") for name in names)


__all__ = ["SOURCES", "asks_for_people", "column_of", "columns_of", "source_named"]
