"""Why an assignment whose target matches a person does not reach her: what it excepts (rules 11)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule, group_members
from plugin.mirror.tables import Audience, Person, Unit
from plugin.population.matching_keys import Key


def excepted_by(session: Session, host_id: int, rules: Iterable[Rule], keys: set[Key]) -> dict[int, list[str]]:
    """By assignment whose target matches a person and that leaves her out, the names of what it excepts and she is in.

    :param keys: what she matches (:func:`plugin.population.matching_keys.keys_of`).
    """
    hits = {
        rule.id: [key for key in rule.exclusions if key in keys]
        for rule in rules
        if rule.exclusions and _is_aimed_at(session, host_id, rule.key, keys)
    }
    return {number: [_name(session, host_id, key) for key in found] for number, found in hits.items() if found}


def _is_aimed_at(session: Session, host_id: int, key: Key | None, keys: set[Key]) -> bool:
    """Whether a target matches her, whatever the assignment excepts."""
    if key is None or key[0] != "group":
        return key in keys
    return any(kind == "individual" and me in group_members(session, host_id, key[1]) for kind, me, _include in keys)


def _name(session: Session, host_id: int, key: Key) -> str:
    tables: dict[str, type[Unit] | type[Audience] | type[Person]] = {"audience": Audience, "individual": Person}
    table = tables.get(key[0], Unit)
    found = session.execute(select(table.name, table.ext).where(table.host_id == host_id, table.id == key[1])).one()
    return str(found[0] or found[1])
