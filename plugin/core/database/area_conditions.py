"""Conditions that leave out whoever a session may not look at (ACCESS 3)."""

from __future__ import annotations

import json
from typing import Any

from pyroaring import BitMap
from sqlalchemy import ARRAY, ColumnElement, Integer, any_, func, literal, select
from sqlalchemy.orm import Session

from plugin.core.area_scope import area_of
from plugin.core.database.dialect import is_sqlite

_NAMED = 200


def inside(session: Session, host_id: int, column: Any) -> list[ColumnElement[bool]]:
    """Conditions on a column of our ids of people: none, where the session may look at everybody."""
    area = area_of(session, host_id)
    return [] if area is None else [among_people(session, column, area)]


def among_people(session: Session, column: Any, people: BitMap) -> ColumnElement[bool]:
    """That a column is one of these ids, for few people and for very many."""
    if len(people) <= _NAMED:
        found: ColumnElement[bool] = column.in_(list(people))
    elif is_sqlite(session):
        found = column.in_(select(func.json_each(json.dumps(list(people))).table_valued("value").c.value))
    else:
        found = column == any_(literal(list(people), ARRAY(Integer)))
    return found
