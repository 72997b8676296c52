"""People by what others call them: username, e-mail address, ID number or the host's own id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from plugin.mirror.tables import DELETED

FEW = 400
"""With more names than this, reading everybody once is cheaper than asking for each."""


class Identity(NamedTuple):
    """Somebody a name may mean: our id, the host's own id, the name, and whether active or suspended."""

    person: int
    ext: str
    name: str
    state: int


def identities_named(session: Session, host_id: int, names: Sequence[str]) -> dict[str, list[Identity]]:
    """Who may be meant by any of these names, compared without regard to case; the keys are case-folded.

    Whoever has a name as the host's own id, to the letter, is meant by it and nobody else.
    """
    wanted = {name.casefold() for name in names}
    exact = set(names)
    sql = "SELECT id, ext, name, state, username, email, number FROM person WHERE host_id = :host AND state <> :deleted"
    listed = sorted(wanted)
    if len(listed) <= FEW:
        columns = ("username", "email", "number", "ext")
        # As written too: SQLite's lower() knows no letters beyond ASCII.
        sql += " AND (" + " OR ".join(f"lower({one}) IN :names OR {one} IN :exact" for one in columns) + ")"
        statement = text(sql).bindparams(bindparam("names", expanding=True), bindparam("exact", expanding=True))
        rows = session.execute(
            statement, {"host": host_id, "deleted": DELETED, "names": listed, "exact": sorted(exact)}
        )
    else:
        rows = session.execute(text(sql), {"host": host_id, "deleted": DELETED})
    found: dict[str, dict[int, Identity]] = {}
    own: dict[str, Identity] = {}
    for number, ext, name, state, *others in rows:
        one = Identity(number, ext, name, state)
        if ext in exact:
            own[ext.casefold()] = one
        for value in {ext, *others}:
            if value and value.casefold() in wanted:
                found.setdefault(value.casefold(), {})[number] = one
    return {name: [own[name]] if name in own else list(people.values()) for name, people in found.items()}
