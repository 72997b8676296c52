"""Which account an identity belongs to: by its key, by hand, or not yet (SOURCES 3)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch_named
from plugin.core.database.slices import slices
from plugin.core.text.stored import later
from plugin.mirror.sources.source import Source, normal_key
from plugin.mirror.sources.tables import (
    JOINED,
    NO_ACCOUNT,
    NO_KEY,
    SEVERAL_ACCOUNTS,
    SEVERAL_RECORDS,
    SUSPENDED,
    AccountKey,
    Identity,
    Overlay,
)
from plugin.mirror.tables import DELETED, Person

_SLICE = 500
_ONES = """
SELECT id, "key", person, pinned, why, gone FROM identity WHERE host_id = ? AND source = ? AND "{column}" IN ({names})
"""
_ACCOUNTS = 'SELECT "key", person FROM account_key WHERE host_id = ? AND source = ? AND "key" IN ({names})'
_ALIVE = "SELECT id FROM person WHERE host_id = ? AND state <> ? AND id IN ({names})"
_PINNED = "SELECT pinned, id FROM identity WHERE host_id = ? AND source = ? AND pinned IN ({names})"
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
"""Zeros at the head of a number, also of one after letters: ``EMP0042``."""
LOOSER: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("would match without its leading zeros", lambda key: _ZEROS.sub("", key)),
    ("would match in another case", str.casefold),
    ("would match without a blank inside", lambda key: "".join(key.split())),
)
"""How a key might be written otherwise, and what is said of it: a suggestion, never a join by itself (SOURCES 3.3)."""


def parts(values: Iterable[Any]) -> Iterable[list[Any]]:
    """Sorted values in slices that fit one statement."""
    listed = sorted(set(values))
    yield from slices(listed, _SLICE)


def written_otherwise(gone: Collection[str], fresh: Collection[str]) -> str:
    """Why many are gone at once, where their ids changed their form: zeros lost, another case, a blank."""
    for because, looser in LOOSER:
        there = {looser(one) for one in fresh}
        same = sum(looser(one) in there for one in gone)
        if 2 * same >= len(gone):
            return " " + later(
                "%(count)s of them are there under another id, which %(because)s.", count=same, because=because
            )  # fmt: skip
    return ""


def key_accounts(session: Session, source: Source, people: Collection[int] | None = None) -> set[str]:
    """Note by which keys accounts would be joined; returns the keys that accounts left or took.

    :param people: only these; ``None``: every account.
    """
    if people is None:
        session.execute(delete(AccountKey).where(AccountKey.host_id == source.host_id, AccountKey.source == source.id))
        found = _keys_of(session, source, None)
        _insert_keys(session, source, found)
        return set(found.values())
    touched: set[str] = set()
    for part in parts(people):
        here = (AccountKey.host_id == source.host_id, AccountKey.source == source.id, AccountKey.person.in_(part))
        rows = session.execute(select(AccountKey.person, AccountKey.key).where(*here))
        before = {row[0]: row[1] for row in rows}
        after = _keys_of(session, source, part)
        changed = [one for one in part if before.get(one) != after.get(one)]
        touched |= {keys[one] for keys in (before, after) for one in changed if one in keys}
        stale = [one for one in changed if one in before]
        if stale:
            gone = delete(AccountKey).where(*here[:2], AccountKey.person.in_(stale))
            session.execute(gone, execution_options={"synchronize_session": False})
        _insert_keys(session, source, {one: after[one] for one in changed if one in after})
    return touched


def _keys_of(session: Session, source: Source, people: Sequence[int] | None) -> dict[int, str]:
    named = source.account_field
    column: Any = Person.fields if named.startswith("fields.") else getattr(Person, named)
    query = select(Person.id, column).where(Person.host_id == source.host_id, Person.state != DELETED)
    if people is not None:
        query = query.where(Person.id.in_(people))
    values = {row[0]: row[1] for row in session.execute(query)}
    if named.startswith("fields."):
        own = select(Overlay.person, Overlay.site_fields).where(Overlay.host_id == source.host_id)
        if people is not None:
            own = own.where(Overlay.person.in_(people))
        values.update({row[0]: row[1] for row in session.execute(own) if row[0] in values})
        values = {person: (fields or {}).get(named.removeprefix("fields.")) for person, fields in values.items()}
    keys = {person: normal_key(value, named) for person, value in values.items()}
    return {person: key for person, key in keys.items() if key}


def _insert_keys(session: Session, source: Source, keys: dict[int, str]) -> None:
    rows = [
        {"host_id": source.host_id, "source": source.id, "person": person, "key": key} for person, key in keys.items()
    ]
    if rows:
        session.execute(insert(AccountKey), rows)


@dataclass
class _One:
    """An identity as joining sees it."""

    id: int
    key: str
    person: int | None
    pinned: int | None
    why: int
    gone: bool


def join(
    session: Session, source: Source, keys: Iterable[str], identities: Iterable[int] = ()
) -> dict[int, int | None]:
    """Decide anew about everybody with one of these keys, and these identities.

    Returns those whose account changed, with the account they had.

    A join once made stands until its own key changes on either side; nothing but an exact pair joins (SOURCES 3.2).
    """
    wanted = {key for key in keys if key}
    ones = _identities(session, source, "id", identities)
    wanted |= {one.key for one in ones.values() if one.key}
    ones |= _identities(session, source, "key", wanted)
    accounts = _accounts(session, source, wanted)
    pinned_to = {one.pinned for one in ones.values() if one.pinned is not None}
    alive = _alive(session, source.host_id, pinned_to)
    taken = _taken(session, source, {person for people in accounts.values() for person in people})
    groups: dict[str, list[_One]] = defaultdict(list)
    for one in ones.values():
        groups[one.key].append(one)
    changes: list[dict[str, Any]] = []
    moved: dict[int, int | None] = {}
    for key, group in groups.items():
        for one, person, why in _judge(group, key, accounts.get(key, []), alive, taken):
            if (person, why) != (one.person, one.why):
                changes.append({"b_id": one.id, "b_person": person, "b_why": why})
            if person != one.person:
                moved[one.id] = one.person
    _write(session, source.host_id, changes)
    _remember_former(session, source.host_id, moved)
    return moved


def _remember_former(session: Session, host_id: int, moved: Mapping[int, int | None]) -> None:
    """Whose account was deleted: which one it was, so that the next one leads back to it (SOURCES 3.7)."""
    had = {number: person for number, person in moved.items() if person is not None}
    alive = _alive(session, host_id, had.values())
    changes = [{"b_id": number, "b_former": person} for number, person in had.items() if person not in alive]
    if changes:
        statement = (
            update(Identity)
            .where(Identity.host_id == host_id, Identity.id == bindparam("b_id"))
            .values(former=bindparam("b_former"))
        )
        session.connection().execute(statement, changes)


def _identities(session: Session, source: Source, column: str, values: Iterable[Any]) -> dict[int, _One]:
    sql = _ONES.format(column=column, names="{names}")
    rows = fetch_named(session, sql, values, source.host_id, source.id)
    return {row[0]: _One(row[0], row[1], row[2], row[3], row[4], row[5] is not None) for row in rows}


def _accounts(session: Session, source: Source, keys: Iterable[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for key, person in fetch_named(session, _ACCOUNTS, keys, source.host_id, source.id):
        found.setdefault(key, []).append(person)
    return {key: sorted(people) for key, people in found.items()}


def _alive(session: Session, host_id: int, people: Iterable[int]) -> set[int]:
    return {row[0] for row in fetch_named(session, _ALIVE, people, host_id, DELETED)}


def _taken(session: Session, source: Source, people: Iterable[int]) -> dict[int, int]:
    """By account the identity of this source that was matched with it by hand."""
    return dict(fetch_named(session, _PINNED, people, source.host_id, source.id))


def _judge(
    group: Sequence[_One], key: str, accounts: Sequence[int], alive: set[int], taken: dict[int, int]
) -> Iterable[tuple[_One, int | None, int]]:
    """Everybody with one key: account and why, one by one."""
    pins = [one for one in group if one.pinned is not None and one.pinned in alive and one.why != SUSPENDED]
    for one in pins:
        yield one, one.pinned, JOINED
    held = [one for one in group if one not in pins and one.why == SUSPENDED]
    for one in held:
        yield one, None, SUSPENDED
    rest = [one for one in group if one not in pins and one not in held]
    live = [one for one in rest if not one.gone]
    standing = [one for one in live if one.person in accounts and taken.get(one.person or 0, one.id) == one.id]
    for one in standing:
        yield one, one.person, JOINED
    claimed = {one.person for one in standing}
    alone = len(live) + len(pins) + len(held) == 1
    for one in live:
        if one not in standing:
            person, why = _fresh(one, key, accounts, taken, alone=alone)
            claimed |= {person} - {None}
            yield one, person, why
    for one in rest:
        if one.gone:  # it keeps its place in the chain, unless another record took its account
            stays = one.person in accounts and one.person not in claimed and one.person not in taken
            yield one, one.person if stays else None, JOINED if stays else NO_ACCOUNT


def _fresh(
    one: _One, key: str, accounts: Sequence[int], taken: dict[int, int], *, alone: bool
) -> tuple[int | None, int]:
    if not key:
        return None, NO_KEY
    if not accounts:
        return None, NO_ACCOUNT
    if not alone:
        return None, SEVERAL_RECORDS
    if len(accounts) > 1:
        return None, SEVERAL_ACCOUNTS
    if taken.get(accounts[0], one.id) != one.id:
        return None, SEVERAL_RECORDS
    return accounts[0], JOINED


def _write(session: Session, host_id: int, changes: list[dict[str, Any]]) -> None:
    if not changes:
        return
    statement = (
        update(Identity)
        .where(Identity.host_id == host_id, Identity.id == bindparam("b_id"))
        .values(person=bindparam("b_person"), why=bindparam("b_why"))
    )
    session.connection().execute(statement, changes)
