"""To be matched: identities joined to nobody, why, what would help, and matching by hand (SOURCES 3.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.tables import Host
from plugin.mirror.changes import stamp
from plugin.mirror.pulling.rows import Written
from plugin.mirror.pulling.unit_trees import recount, renumber
from plugin.mirror.sources.intake import follow
from plugin.mirror.sources.joining import LOOSER, join, parts
from plugin.mirror.sources.source import Source, source_of, source_row
from plugin.mirror.sources.tables import NO_ACCOUNT, SEVERAL_ACCOUNTS, SUSPENDED, WHYS, AccountKey, Identity
from plugin.mirror.tables import DELETED, Person


def rejoin(
    session: Session, source: Source, ids: Sequence[int], at: int, had: Mapping[int, int] | None = None,
    keys: Collection[str] = (),
) -> Written:  # fmt: skip
    """Decide anew about these identities and whoever shares their keys; the mirror follows.

    :param had: accounts that were taken from identities before. :param keys: whoever has one of them is decided on, too.
    """
    moved = {**join(session, source, keys, ids), **(had or {})}
    session.expire_all()
    written = Written()
    if moved:
        rows = [session.get_one(Identity, (source.host_id, number)) for number in moved]
        zone = str(session.get_one(Host, source.host_id).time_zone)
        written = follow(session, source, rows, moved, at, zone).written
        finish(session, source.host_id, written, at)
    return written


def finish(session: Session, host_id: int, written: Written, at: int) -> None:
    """Number, stamp and count after rows were written."""
    if written.trees:
        renumber(session, host_id)
    stamp(session, host_id, written.people, at)
    recount(session, host_id)


def _identity(session: Session, source: Source, ext: str) -> Identity:
    here = (Identity.host_id == source.host_id, Identity.source == source.id, Identity.ext == ext)
    found = session.scalars(select(Identity).where(*here).with_for_update()).first()
    if found is None:
        raise NotFound(_("%(source)s has no record '%(id)s'.", source=source.name, id=ext))
    return found


def pin(session: Session, host_id: int, name: str, ext: str, person_ext: str, *, at: int, who: str) -> str:
    """Match an identity with an account by hand; it holds over any rule until undone (SOURCES 3.3).

    A record that its key had matched with the account is matched no longer, and listed; one that somebody matched stands.

    :returns: the id of a record whose match by key it ends, or ``""``.
    :raises NotFound: where either is not known. :raises RefusedByRule: where somebody matched the account with another record.
    """
    source = source_of(session, source_row(session, host_id, name))
    one = _identity(session, source, ext)
    account = session.scalars(
        select(Person).where(Person.host_id == host_id, Person.ext == person_ext, Person.state != DELETED)
    ).first()
    if account is None:
        raise NotFound(_("The learning site has no account '%(id)s'.", id=person_ext))
    here = (Identity.host_id == host_id, Identity.source == source.id, Identity.id != one.id)
    theirs = session.scalars(
        select(Identity).where(*here, (Identity.person == account.id) | (Identity.pinned == account.id))
    ).all()
    instead = ""
    for other in theirs:
        if other.pinned == account.id and other.gone is None:
            words = {"person": account.name or account.ext, "id": other.ext}
            raise RefusedByRule(_("%(person)s is matched with record '%(id)s' already; undo that first.", **words))
        other.pinned = None if other.pinned == account.id else other.pinned  # its record went, and another is hers now
        instead = other.ext if other.gone is None else instead
    one.pinned = account.id
    if one.why == SUSPENDED:
        one.why = NO_ACCOUNT
    session.flush()
    rejoin(session, source, [one.id, *(other.id for other in theirs)], at)
    data = {"source": name, "id": ext} | ({"instead": instead} if instead else {})
    journal.record(session, host_id, at, who, "identity_pinned", person=account.id, data=data)
    return instead


def unpin(session: Session, host_id: int, name: str, ext: str, *, at: int, who: str) -> None:
    """Let the rule decide about an identity again, and about those that its account would be joined to by their key.

    :raises NotFound: where it is not known. :raises RefusedByRule: where it is not matched by hand.
    """
    source = source_of(session, source_row(session, host_id, name))
    one = _identity(session, source, ext)
    if one.pinned is None:
        raise RefusedByRule(_("Record '%(id)s' is not matched by hand.", id=ext))
    person, one.pinned, one.person = one.pinned, None, None
    session.flush()
    key = session.get(AccountKey, (host_id, source.id, person))
    rejoin(session, source, [one.id], at, {one.id: person}, [key.key] if key is not None else [])
    journal.record(session, host_id, at, who, "identity_unpinned", person=person, data={"source": name, "id": ext})


@dataclass(frozen=True)
class Unmatched:
    """An identity joined to nobody, why, and which account it would fit if its key were written otherwise."""

    id: str
    name: str
    why: str
    key: str = ""
    person: str = ""
    person_name: str = ""
    because: str = ""
    accounts: tuple[str, ...] = ()
    """Where several accounts have its key: which."""

    def to_json(self) -> dict[str, Any]:
        """As ``match --json`` lists it (SOURCES 6)."""
        suggestion = {"person": self.person, "because": self.because} if self.person else None
        return {"id": self.id, "name": self.name, "why": self.why, "suggestion": suggestion}


def unmatched(session: Session, source: Source, why: str = "", limit: int = 0) -> list[Unmatched]:
    """Identities that are joined to nobody, by their id; suggestions are never taken by themselves (SOURCES 3.3)."""
    here = [Identity.host_id == source.host_id, Identity.source == source.id, Identity.why > 0, Identity.gone.is_(None)]
    if why:
        here.append(Identity.why == WHYS.index(why))
    query = select(Identity).where(*here).order_by(Identity.ext)
    rows = session.scalars(query.limit(limit) if limit else query).all()
    suggested = _suggestions(session, source, [one for one in rows if one.why == NO_ACCOUNT and one.key])
    several = {one.key for one in rows if one.why == SEVERAL_ACCOUNTS}
    accounts = _accounts_of(session, source, several)
    return [
        Unmatched(one.ext, one.name, WHYS[one.why], one.key, *suggested.get(one.id, ("", "", "")),
                  tuple(accounts.get(one.key, ())) if one.why == SEVERAL_ACCOUNTS else ())
        for one in rows
    ]  # fmt: skip


def _accounts_of(session: Session, source: Source, keys: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in parts(keys):
        rows = session.execute(
            select(AccountKey.key, Person.ext)
            .join(Person, (Person.host_id == AccountKey.host_id) & (Person.id == AccountKey.person))
            .where(AccountKey.host_id == source.host_id, AccountKey.source == source.id, AccountKey.key.in_(part))
            .order_by(Person.ext)
        )
        for key, ext in rows:
            found.setdefault(key, []).append(ext)
    return found


def _suggestions(session: Session, source: Source, rows: Sequence[Identity]) -> dict[int, tuple[str, str, str]]:
    """By identity the one free account that its key would fit if it were written otherwise, and how."""
    if not rows:
        return {}
    mine = (Identity.host_id == source.host_id, Identity.source == source.id, Identity.gone.is_(None))
    taken = set(session.scalars(select(Identity.person).where(*mine, Identity.person.is_not(None))))
    keys = select(AccountKey.person, AccountKey.key).where(
        AccountKey.host_id == source.host_id, AccountKey.source == source.id
    )
    free = [(person, key) for person, key in session.execute(keys) if person not in taken]
    found: dict[int, tuple[int, str]] = {}
    for because, looser in LOOSER:
        by_key: dict[str, list[int]] = {}
        for person, key in free:
            by_key.setdefault(looser(key), []).append(person)
        claims = Counter(looser(one.key) for one in rows)
        for one in rows:
            people = by_key.get(looser(one.key), [])
            if len(people) == 1 and claims[looser(one.key)] == 1 and looser(one.key):
                found.setdefault(one.id, (people[0], because))
    names: dict[int, tuple[str, str]] = {}
    for part in parts({person for person, _because in found.values()}):
        here = (Person.host_id == source.host_id, Person.id.in_(part))
        names.update(
            {
                row[0]: (row[1], row[2])
                for row in session.execute(select(Person.id, Person.ext, Person.name).where(*here))
            }
        )
    return {number: (*names[person], because) for number, (person, because) in found.items()}


def accept_suggestions(session: Session, host_id: int, name: str, because: str, *, at: int, who: str) -> int:
    """Match by hand everybody with the same suggestion; returns how many. One that cannot be is left as it is."""
    source = source_of(session, source_row(session, host_id, name))
    done = 0
    for one in unmatched(session, source, WHYS[NO_ACCOUNT]):
        if one.person and one.because == because:
            with suppress(RefusedByRule, NotFound):
                pin(session, host_id, name, one.id, one.person, at=at, who=who)
                done += 1
    return done
