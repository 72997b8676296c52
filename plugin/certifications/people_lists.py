"""People assigned individually as one list stay together on the tab: a name over their rows, and no rule of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import PeopleList
from plugin.core.errors import Invalid, NotFound
from plugin.core.ids import take_ids

LONGEST = 255


@dataclass(frozen=True)
class ListedPeople:
    """A list and the host's ids of its people."""

    id: int
    name: str
    targets: frozenset[str]


def lists_of(session: Session, host_id: int, certification: int) -> list[ListedPeople]:
    """The lists of a certification, newest first. A person is in the newest list that has her."""
    rows = session.scalars(
        select(PeopleList)
        .where(PeopleList.host_id == host_id, PeopleList.certification == certification)
        .order_by(PeopleList.id.desc())
    )
    taken: set[str] = set()
    found = []
    for row in rows:
        found.append(ListedPeople(row.id, row.name, frozenset(row.targets) - taken))
        taken |= set(row.targets)
    return found


def keep_together(
    session: Session, host_id: int, certification: int, name: str, targets: Iterable[str], *, at: int, who: str
) -> int:
    """Make one list of these people; returns its number.

    :raises Invalid: without a name.
    """
    number = take_ids(session, host_id, "people_list")
    session.add(
        PeopleList(
            host_id=host_id,
            certification=certification,
            id=number,
            name=_name(name),
            targets=list(dict.fromkeys(targets)),
            at=at,
            who=who,
        )  # fmt: skip
    )
    return number


def rename(session: Session, host_id: int, certification: int, number: int, name: str) -> None:
    """Give a list another name.

    :raises NotFound: where there is no such list. :raises Invalid: without a name.
    """
    _one(session, host_id, certification, number).name = _name(name)


def take_apart(session: Session, host_id: int, certification: int, number: int) -> None:
    """Forget a list: its rows stay, one a person.

    :raises NotFound: where there is no such list.
    """
    session.delete(_one(session, host_id, certification, number))


def _one(session: Session, host_id: int, certification: int, number: int) -> PeopleList:
    row = session.get(PeopleList, (host_id, certification, number))
    if row is None:
        raise NotFound(_("There is no such list any more."))
    return row


def _name(name: str) -> str:
    said = " ".join(name.split())
    if not said or len(said) > LONGEST:
        raise Invalid(_("A list needs a name of at most %(most)s characters.", most=LONGEST))
    return said
