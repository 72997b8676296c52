"""Learner sets of filters: units, managers, audiences, assignments. The resolver that settling asks answers here too."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pyroaring import BitMap

from plugin.certifications.resolve import key_of, resolve
from plugin.core.database.dialect import by_bytes
from plugin.mirror.lookup.browse import profile_fields
from plugin.mirror.lookup.search import find
from plugin.mirror.lookup.written_ids import meant
from plugin.population.matching_keys import Key
from plugin.reports.asking.reader import Asker, certifications_of, condition_of
from plugin.reports.asking.unknown import NEAREST, unknown
from plugin.reports.sources import assignment_names
from plugin.reports.sources.happenings import WHATS, happens

KINDS = ("organisation", "position", "manager", "manager.below", "audience")
_MOST_FOUND = 1_000_000


def people_of(asker: Asker, kind: str, names: Sequence[str]) -> BitMap:
    """Everybody in any of these units, teams or audiences, units with everything below.

    :raises Refused: naming one there is not.
    """
    found: BitMap = BitMap()
    for name in names:
        for key in _keys(asker, kind, name):
            found |= resolve(asker.session, asker.population, key)
    return found


def _keys(asker: Asker, kind: str, name: str) -> list[Key | None]:
    if kind.startswith("manager"):
        include = "below" if kind == "manager.below" else "direct"
        return [key_of("manager", job, include) for job in _jobs_of(asker, name)]
    return [key_of(kind, target_id(asker, kind, name), "below")]


def target_id(asker: Asker, kind: str, name: str) -> int:
    """Our id of a unit or an audience.

    :raises Refused: where there is none.
    """
    if kind == "audience":
        sql, values = "SELECT id FROM audience WHERE host_id = ? AND NOT gone AND ext = ?", [name]
    else:
        sql, values = "SELECT id FROM unit WHERE host_id = ? AND NOT gone AND ext = ? AND kind = ?", [name, kind]
    rows = asker.rows(sql, asker.host_id, *values)
    if rows:
        return int(rows[0][0])
    other = meant(asker.session, asker.host_id, [(kind, name)]).get((kind, name), name)
    if other != name:
        return target_id(asker, kind, other)
    raise unknown(kind, name, _seen(asker, kind))


def _seen(asker: Asker, kind: str) -> list[str]:
    """Names of what the reader may see: where she sees some people alone, the units and audiences these are in."""
    if kind == "audience":
        sql = "SELECT ext, id FROM audience WHERE host_id = ? AND NOT gone ORDER BY ext"
        rows = asker.rows(sql, asker.host_id)
    else:
        sql = "SELECT ext, id FROM unit WHERE host_id = ? AND NOT gone AND kind = ? ORDER BY ext"
        rows = asker.rows(sql, asker.host_id, kind)
    if asker.reader.people is not None:
        hers, people = asker.reader.people, asker.population
        rows = [row for row in rows if resolve(asker.session, people, key_of(kind, row[1], "below")) & hers]
    return [str(row[0]) for row in rows]


def _jobs_of(asker: Asker, name: str) -> list[int]:
    """The jobs of a person, or one job, by the host's id.

    :raises Refused: where there is neither.
    """
    sql = (
        "SELECT j.id FROM job j JOIN person p ON p.host_id = j.host_id AND p.id = j.person"
        " WHERE j.host_id = ? AND NOT j.gone AND p.ext = ?"
    )
    jobs = [row[0] for row in asker.rows(sql, asker.host_id, name)]
    if jobs:
        must_be_known(asker, "person", name)  # whom she may not see she cannot ask for
    else:
        sql = "SELECT id FROM job WHERE host_id = ? AND NOT gone AND ext = ?"
        jobs = [row[0] for row in asker.rows(sql, asker.host_id, name)]
    if not jobs:
        must_be_known(asker, "person", name)
    return jobs


def found(asker: Asker, words: Sequence[str]) -> BitMap:
    """Whoever is found by any of these words of a name, address or number."""
    people: BitMap = BitMap()
    for query in words:
        if query.strip():
            rows = find(asker.session, asker.host_id, "person", query, limit=_MOST_FOUND).rows
            people |= BitMap(row.id for row in rows)
    return people


def assignments_of(asker: Asker, names: Sequence[str]) -> set[int]:
    """Our ids of assignments by ``type:target``.

    :raises Refused: naming one there is not.
    """
    known, wanted = assignment_names.names(asker), set()
    for name in names:
        if name not in known:
            raise unknown("assignment", name, sorted(known))
        wanted |= known[name]
    return wanted


def must_be_known(asker: Asker, kind: str, name: str) -> None:
    """Refuse a certification, person, course, assignment or happening that there is not, or that the reader may not see.

    :raises Refused: with the nearest there are.
    """
    if kind == "assignment":
        assignments_of(asker, [name])
    elif kind == "certification":
        codes = certifications(asker)
        if name not in codes:
            raise unknown("certification", name, sorted(codes))
    elif kind == "course":
        if not asker.rows("SELECT 1 FROM course WHERE host_id = ? AND ext = ?", asker.host_id, name):
            rows = asker.rows("SELECT ext FROM course WHERE host_id = ? AND NOT gone ORDER BY ext", asker.host_id)
            raise unknown("course", name, [row[0] for row in rows])
    elif kind == "person":
        _person(asker, name)
    elif kind == "what" and not happens(name):
        raise unknown("what", name, WHATS)


def _person(asker: Asker, name: str) -> None:
    seen = ""
    values: list[Any] = []
    if asker.reader.people is not None:
        condition, values = condition_of(asker, "id", asker.reader.people)
        seen = f" AND {condition}"
    if asker.rows(f"SELECT 1 FROM person WHERE host_id = ? AND ext = ?{seen}", asker.host_id, name, *values):
        return
    order = f"ext{by_bytes(asker.session)}"
    near: list[str] = []
    for sign, way in ((">=", "ASC"), ("<", "DESC")):
        sql = f"SELECT ext FROM person WHERE host_id = ?{seen} AND {order} {sign} ? ORDER BY {order} {way} LIMIT {NEAREST}"
        near += [row[0] for row in asker.rows(sql, asker.host_id, *values, name)]
    raise unknown("person", name, near)


def must_be_a_field(asker: Asker, what: str, name: str) -> None:
    """Refuse a column of a profile field that nobody has. :param what: it is named as: a column or a filter.

    :raises Refused: with the nearest there are.
    """
    field = name.removeprefix("fields.")
    known = profile_fields(asker.session, asker.host_id)
    if field in known:
        return
    forms = [json.dumps(field, ensure_ascii=one) for one in (True, False)]
    likes = [f"%{one.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%" for one in forms]
    some = "CAST(fields AS TEXT) LIKE ? ESCAPE '!'"
    sql = f"SELECT 1 FROM person WHERE host_id = ? AND ({some} OR {some}) LIMIT 1"
    if not asker.rows(sql, asker.host_id, *likes):
        raise unknown(what, name, [f"fields.{one}" for one in known])


def certifications(asker: Asker) -> dict[str, int]:
    """Our ids by code of what the reader may see."""
    rows = asker.rows("SELECT code, id FROM certification WHERE host_id = ?", asker.host_id)
    allowed = certifications_of(asker)
    return {row[0]: row[1] for row in rows if allowed is None or row[1] in allowed}


__all__ = ["KINDS", "assignments_of", "certifications", "found", "must_be_known", "people_of", "target_id"]
