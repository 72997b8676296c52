"""What somebody prefers: the columns and order of a list, whether she wants a weekly message."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.ids import upsert_for
from plugin.core.tables import Preference


def owner(person: int | None, subject: str) -> str:
    """Whose preference it is: a person known to Muster, else the subject of a launch."""
    return f"p:{person}" if person is not None else f"s:{subject}"[:255]


def preferred(session: Session, host_id: int, who: str, name: str) -> dict[str, Any]:
    """What she chose; empty where she chose nothing."""
    row = session.get(Preference, (host_id, who, name))
    return dict(row.value) if row is not None else {}


def prefer(session: Session, host_id: int, who: str, name: str, value: dict[str, Any]) -> None:
    """Remember what she chose."""
    statement = upsert_for(session)(Preference).values(host_id=host_id, who=who, name=name, value=value)
    session.execute(statement.on_conflict_do_update(index_elements=["host_id", "who", "name"], set_={"value": value}))


def people_who_chose(session: Session, host_id: int, name: str) -> dict[int, dict[str, Any]]:
    """By person what each chose under a name."""
    rows = session.execute(
        select(Preference.who, Preference.value).where(
            Preference.host_id == host_id, Preference.name == name, Preference.who.like("p:%")
        )
    )
    return {int(who[2:]): dict(value) for who, value in rows}
