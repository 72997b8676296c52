"""People by what others call them: username, e-mail address, ID number or the host's own id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import String, bindparam, text
from sqlalchemy.orm import Session

from plugin.core.area_scope import area_of
from plugin.core.text.texts import fold
from plugin.mirror.lookup.search import is_indexed
from plugin.mirror.tables import DELETED

FEW = 400
"""With more names than this, reading everybody once is cheaper than asking for each."""


class NamedIdentity(NamedTuple):
    """Somebody a name may mean: our id, the host's own id, the name, and whether active or suspended."""

    person: int
    ext: str
    name: str
    state: int


def identities_named(session: Session, host_id: int, names: Sequence[str]) -> dict[str, list[NamedIdentity]]:
    """Who may be meant by each of these names; a name that means nobody is missing.

    Whoever has a name as the host's own id, to the letter, is meant by it and nobody else: ids that differ by case are
    different people. Usernames, addresses and numbers are compared folded (:func:`plugin.core.text.texts.fold`).
    """
    wanted: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        wanted.setdefault(fold(name), []).append(name)
    wanted.pop("", None)
    exact = set(names)
    found: dict[str, dict[int, NamedIdentity]] = {}
    own: dict[str, NamedIdentity] = {}
    area = area_of(session, host_id)
    for number, ext, name, state, *others in _rows(session, host_id, sorted(wanted), sorted(exact)):
        one = NamedIdentity(number, ext, name, state)
        if area is not None and number not in area:
            continue
        if ext in exact:
            own[ext] = one
        for folded in {fold(value) for value in others if value}:
            for asked in wanted.get(folded, ()):
                found.setdefault(asked, {})[number] = one
    return {
        name: [own[name]] if name in own else list(found[name].values())
        for name in dict.fromkeys(names)
        if name in own or name in found
    }


def _rows(session: Session, host_id: int, folded: Sequence[str], exact: Sequence[str]) -> Iterable[Sequence[Any]]:
    """People who may be meant: those the index of folded names has, or everybody where there are many names."""
    sql = "SELECT id, ext, name, state, username, email, number FROM person WHERE host_id = :host AND state <> :deleted"
    values = {"host": host_id, "deleted": DELETED}
    if len(exact) > FEW or not is_indexed(session, host_id):
        return session.execute(text(sql), values).all()
    keys = "SELECT person FROM person_key WHERE host_id = :host AND word IN :folded"
    by_key = text(f"{sql} AND id IN ({keys})").bindparams(bindparam("folded", expanding=True, type_=String))
    by_id = text(f"{sql} AND ext IN :exact").bindparams(bindparam("exact", expanding=True, type_=String))
    rows = list(session.execute(by_id, {**values, "exact": list(exact)}).all())
    return [*rows, *session.execute(by_key, {**values, "folded": list(folded)}).all()]
