"""People by what others call them: username, e-mail address, ID number or the host's own id."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, func, or_, select, text
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


FEW = 400
"""With more names than this, reading everybody once is cheaper than asking for each."""


def identities_named(session: Session, host_id: int, names: Sequence[str]) -> dict[str, list[tuple[int, str, str]]]:
    """Who may be meant by any of these names, by the case-folded name: our id, the host's own id, and the name.

    Whoever has a name as the host's own id, to the letter, is meant by it and nobody else.
    """
    wanted = {name.casefold() for name in names}
    exact = set(names)
    sql = "SELECT id, ext, name, username, email, number FROM person WHERE host_id = :host AND state <> :deleted"
    listed = sorted(wanted)
    if len(listed) <= FEW:
        columns = ("username", "email", "number", "ext")
        sql += " AND (" + " OR ".join(f"lower({column}) IN :names" for column in columns) + " OR ext IN :exact)"
        statement = text(sql).bindparams(bindparam("names", expanding=True), bindparam("exact", expanding=True))
        rows = session.execute(
            statement, {"host": host_id, "deleted": DELETED, "names": listed, "exact": sorted(exact)}
        )
    else:
        rows = session.execute(text(sql), {"host": host_id, "deleted": DELETED})
    found: dict[str, dict[int, tuple[int, str, str]]] = {}
    own: dict[str, tuple[int, str, str]] = {}
    for number, ext, name, *others in rows:
        if ext in exact:
            own[ext.casefold()] = (number, ext, name)
        for value in {ext, *others}:
            if value and value.casefold() in wanted:
                found.setdefault(value.casefold(), {})[number] = (number, ext, name)
    return {name: [own[name]] if name in own else list(people.values()) for name, people in found.items()}
