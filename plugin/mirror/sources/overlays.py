"""What sources say of an account over what the learning site says: fields, and being frozen after leaving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch_named
from plugin.mirror.sources.joining import parts
from plugin.mirror.sources.projecting import left_since
from plugin.mirror.sources.source import SITE_SUPPLIES, Source, source_of, sources_of, suppliers_of
from plugin.mirror.sources.source_data import PersonData
from plugin.mirror.sources.tables import Identity, Overlay
from plugin.mirror.tables import ACTIVE, SUSPENDED, Person

_DAY = 24 * 3600
_WORKING = """
SELECT person FROM job WHERE host_id = ? AND NOT gone AND (starts IS NULL OR starts <= ?) AND (ends IS NULL OR ends > ?)
AND person IN ({names})
"""


def lay_over(
    session: Session, host_id: int, people: Iterable[int], now: int, zone: str, *, fields_told: bool = True
) -> set[int]:
    """Work out anew what sources say of these accounts; returns whose record changed.

    :param fields_told: whether what was just said of them names fields; where nothing lies over any account yet, nothing else
        does.
    """
    suppliers = suppliers_of(session, host_id)
    sources = {row.id: source_of(session, row, suppliers) for row in sources_of(session, host_id)}
    order = suppliers["fields"]
    changed: set[int] = set()
    says = any(one.freeze or (fields_told and "fields" in one.supplies) for one in sources.values())
    if not says and not _is_any(session, host_id):
        return changed
    for part in parts(people):
        identities = _by_person(session, host_id, part)
        present = {row.person: row for row in session.scalars(
            select(Overlay).where(Overlay.host_id == host_id, Overlay.person.in_(part)))}  # fmt: skip
        working = _working(session, host_id, part, now)
        rows = session.scalars(select(Person).where(Person.host_id == host_id, Person.id.in_(part)))
        for person in rows:
            theirs = identities.get(person.id, [])
            fields = _fields(theirs, sources, order)
            frozen = person.id not in working and _is_frozen(theirs, sources, now, zone)
            if _apply(session, person, present.get(person.id), fields, order, frozen=frozen):
                changed.add(person.id)
    session.flush()
    return changed


def _is_any(session: Session, host_id: int) -> bool:
    """Whether something lies over an account, also of a source that says nothing any more."""
    return session.scalars(select(Overlay.person).where(Overlay.host_id == host_id).limit(1)).first() is not None


def lay_over_everyone(session: Session, host_id: int, now: int, zone: str) -> set[int]:
    """The same for everybody of whom a source says something: who supplies fields, or in which order, has changed."""
    people = set(session.scalars(select(Overlay.person).where(Overlay.host_id == host_id)))
    joined = select(Identity.person).where(Identity.host_id == host_id, Identity.person.is_not(None))
    return lay_over(session, host_id, people | {one for one in session.scalars(joined) if one is not None}, now, zone)


def _by_person(session: Session, host_id: int, people: Sequence[int]) -> dict[int, list[Identity]]:
    found: dict[int, list[Identity]] = {}
    for row in session.scalars(
        select(Identity).where(Identity.host_id == host_id, Identity.person.in_(people)).order_by(Identity.id)
    ):
        found.setdefault(int(row.person or 0), []).append(row)
    return found


def _working(session: Session, host_id: int, people: Sequence[int], now: int) -> set[int]:
    """Who has a current job."""
    return {row[0] for row in fetch_named(session, _WORKING, people, host_id, now, now)}


def _fields(
    identities: Sequence[Identity], sources: Mapping[int, Source], order: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """By place in the order of suppliers what sources say, where they have a value."""
    found: dict[int, dict[str, Any]] = {}
    for one in identities:
        if one.source in order and one.gone is None and one.source in sources:
            said = {
                name: value for name, value in dict(one.said.get("fields") or {}).items() if value not in (None, "")
            }
            if said:
                found.setdefault(order.index(one.source), {}).update(said)
    return found


def _is_frozen(identities: Sequence[Identity], sources: Mapping[int, Source], now: int, zone: str) -> bool:
    """Whether one of her sources treats her as frozen now (``leavers``)."""
    for one in identities:
        freeze = sources[one.source].freeze if one.source in sources else 0
        left = left_since(one, PersonData.from_json(one.ext, one.said), zone) if freeze else None
        if left is not None and left <= now < left + freeze * _DAY:
            return True
    return False


def _apply(
    session: Session, person: Person, row: Overlay | None, fields: Mapping[int, dict[str, Any]], order: Sequence[int],
    *, frozen: bool,
) -> bool:  # fmt: skip
    if row is None:
        if not fields and not frozen:
            return False
        row = Overlay(host_id=person.host_id, person=person.id, site_fields=dict(person.fields or {}),
                      site_state=person.state, fields={}, frozen=False)  # fmt: skip
        session.add(row)
    row.fields = {str(place): said for place, said in fields.items()}
    row.frozen = frozen
    merged, state = merged_with(row, order)
    if (merged, state) == (person.fields, person.state):
        return False
    person.fields, person.state = merged, state
    return True


def merged_with(row: Overlay, order: Sequence[int]) -> tuple[dict[str, Any], int]:
    """The fields and the state an account has in the mirror: later suppliers win where they have a value (SOURCES 2.1)."""
    merged: dict[str, Any] = {}
    for place, connection in enumerate(order):
        said = row.site_fields if connection == SITE_SUPPLIES else row.fields.get(str(place), {})
        merged.update({name: value for name, value in said.items() if name not in merged or value not in (None, "")})
    state = SUSPENDED if row.frozen and row.site_state == ACTIVE else row.site_state
    return merged, state


def below(session: Session, host_id: int, wanted: Mapping[str, dict[str, Any]], told: Mapping[str, set[str]]) -> None:
    """Before the site's own word of people is written: keep it, and put over it what sources say.

    :param wanted: columns by the site's id; changed in place. :param told: which fields the site named of each.
    """
    order: Sequence[int] | None = None
    for part in parts(wanted):
        rows = session.execute(
            select(Person.ext, Overlay)
            .join(Overlay, (Overlay.host_id == Person.host_id) & (Overlay.person == Person.id))
            .where(Person.host_id == host_id, Person.ext.in_(part))
        ).all()
        for ext, row in rows:
            order = suppliers_of(session, host_id)["fields"] if order is None else order
            columns = wanted[ext]
            if "fields" in told[ext]:
                row.site_fields = dict(columns["fields"])
            if "state" in told[ext]:
                row.site_state = columns["state"]
            columns["fields"], columns["state"] = merged_with(row, order)
    session.flush()
