"""People by what others call them: username, e-mail address, ID number or the host's own id."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from plugin.mirror.tables import DELETED, Person


def people_named(session: Session, host_id: int, names: Sequence[str]) -> dict[str, list[Person]]:
    """People by any of these names, compared without regard to case; the keys are case-folded."""
    found: dict[str, dict[int, Person]] = {}
    wanted = sorted({name.casefold() for name in names})
    for start in range(0, len(wanted), 400):
        part = wanted[start : start + 400]
        listed = set(part)
        columns = (Person.username, Person.email, Person.number, Person.ext)
        rows = session.scalars(
            select(Person).where(
                Person.host_id == host_id,
                Person.state != DELETED,
                or_(*(func.lower(column).in_(part) for column in columns)),
            )
        )
        for row in rows:
            for value in {row.username, row.email, row.number, row.ext}:
                if value.casefold() in listed:
                    found.setdefault(value.casefold(), {})[row.id] = row
    return {name: list(people.values()) for name, people in found.items()}
