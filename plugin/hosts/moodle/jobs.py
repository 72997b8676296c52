"""Units and jobs, which Moodle does not have: made from each person's profile by the mapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from plugin.core.database.slices import slices
from plugin.core.text.languages import SOURCE, catalogue, is_offered
from plugin.hosts.moodle.groups import Groups, page_of
from plugin.hosts.moodle.mapping import MappedPerson, MoodleMapping, in_prefix, place, unit_id
from plugin.hosts.moodle.people import People, User, spellings
from plugin.hosts.port import Page, Record

ROWS = 1000
_NAMES = {"organisation": "Organisations", "position": "Positions"}
"""Frameworks that Moodle does not have, called in the language of the site: people meet them beside names of the site's own."""


class Jobs:
    """What a mapping makes of everybody. Filled while people are read, so that one pull reads them once."""

    def __init__(self, mapping: MoodleMapping, people: People, groups: Groups) -> None:
        self.mapping, self._people, self._groups = mapping, people, groups
        self._placed: dict[str, MappedPerson] = {}
        self._named: dict[str, str] = {}
        """Whom a reference names; empty where several fit."""
        self._whole = False
        self._cohorts: dict[str, list[Mapping[str, Any]]] | None = None

    def begin(self) -> None:
        """A read of everybody begins."""
        self._placed, self._named, self._whole = {}, {}, False

    def note(self, users: Sequence[User], *, last: bool) -> None:
        """Some of everybody came by."""
        for user in users:
            self._placed[str(user["id"])] = self.of(user)
            self._name(user)
        self._whole = last

    def _name(self, user: User) -> None:
        reference = str(user.get(self.mapping.manager_by) or "").strip().casefold()
        if reference:
            ident = str(user["id"])
            self._named[reference] = ident if self._named.get(reference, ident) == ident else ""

    def of(self, user: User) -> MappedPerson:
        """Where one person belongs."""
        cohorts = self._unit_cohorts().get(str(user["id"]), ()) if self.mapping.cohorts else ()
        return place(user, self.mapping, cohorts)

    def _unit_cohorts(self) -> dict[str, list[Mapping[str, Any]]]:
        """By person, her cohorts that are units."""
        if self._cohorts is None:
            chosen = {
                str(one["id"]): one
                for one in self._groups.cohorts()
                if any(in_prefix(one, name) for name in self.mapping.cohorts)
            }
            found: dict[str, list[Mapping[str, Any]]] = {}
            ids = list(chosen)
            for part in slices(ids, 25):
                for cohort, users in self._groups.members_of(part).items():
                    for user in users:
                        found.setdefault(user, []).append(chosen[cohort])
            self._cohorts = found
        return self._cohorts

    def _everybody(self) -> None:
        """Read everybody, unless this pull has."""
        if self._whole or self.mapping.empty:
            return
        self.begin()
        for users, cursor in self._people.pages():
            self.note(users, last=cursor is None)

    def units(self) -> Iterator[Page]:
        """Each distinct path and all above it."""
        self._everybody()
        yield from _pages("units", self._units_of(self._placed.values()))

    def _units_of(self, people: Iterable[MappedPerson]) -> list[Record]:
        found: dict[str, Record] = {}
        for placed in people:
            for kind, paths in (("organisation", placed.organisations), ("position", placed.positions)):
                for path in paths:
                    for depth in range(1, len(path) + 1):
                        record = _unit(kind, path[:depth], self._people.language)
                        found.setdefault(record.id, record)
        return [found[name] for name in sorted(found)]

    def jobs(self) -> Iterator[Page]:
        """One job a person, or one for each of her unit cohorts."""
        self._everybody()
        rows = (
            [row for placed in self._placed.values() for row in _jobs(placed, self._named)]
            if not self.mapping.empty
            else []
        )
        yield from _pages("jobs", rows)

    def jobs_by_ids(self, ids: Sequence[str]) -> Iterator[Page]:
        """Exactly these jobs (``p:user``, ``p:user:2``): their people are read again, and whom they name as managers.

        Before them the units that they are in: whoever moved may be the first there.
        """
        people = sorted({part[1] for one in ids if len(part := one.split(":")) in (2, 3) and part[0] == "p"})
        users = self._people.by_ids(people) if not self.mapping.empty else []
        placed = [self.of(user) for user in users]
        references = spellings(self.mapping.manager_by, (one.manager for one in placed if one.manager))
        named: dict[str, str] = {}
        for user in self._people.by_field(self.mapping.manager_by, references) if references else []:
            name, ident = str(user.get(self.mapping.manager_by) or "").strip().casefold(), str(user["id"])
            named[name] = ident if named.get(name, ident) == ident else ""
        if units := self._units_of(placed):
            yield Page("units", units)
        yield page_of("jobs", ids, [row for one in placed for row in _jobs(one, named)])


def _unit(kind: str, path: Sequence[str], language: str) -> Record:
    ident = unit_id(kind, path)
    called = catalogue(language if is_offered(language) else SOURCE).gettext(_NAMES[kind])
    found = {
        "id": ident, "kind": kind, "framework": kind, "framework_name": called, "name": path[-1],
        "parent": unit_id(kind, path[:-1]) if len(path) > 1 else None,
    }  # fmt: skip
    return Record(ident, {name: value for name, value in found.items() if value is not None})


def _jobs(placed: MappedPerson, named: Mapping[str, str]) -> list[Record]:
    """Everybody has a first job, if an empty one: that a value was lost can only be seen on what is there."""
    manager = named.get(placed.manager.casefold(), "") if placed.manager else ""
    organisations, positions = placed.organisations or ((),), placed.positions or ((),)
    rows = []
    for number, (organisation, position) in enumerate(zip_longest(organisations, positions), 1):
        organisation = organisation if organisation is not None else organisations[-1]
        position = position if position is not None else positions[-1]
        ident = f"p:{placed.id}" if number == 1 else f"p:{placed.id}:{number}"
        found = {
            "id": ident, "person": placed.id, "title": position[-1] if position else None,
            "organisation": unit_id("organisation", organisation) if organisation else None,
            "position": unit_id("position", position) if position else None,
            "manager": manager if manager and manager != placed.id else None, **placed.dates,
        }  # fmt: skip
        rows.append(Record(ident, {name: value for name, value in found.items() if value is not None}))
    return rows


def _pages(kind: str, rows: Sequence[Record]) -> Iterator[Page]:
    """One read that cannot be gone on with: a cursor would come from another state of the host."""
    for start in range(0, max(len(rows), 1), ROWS):
        last = start + ROWS >= len(rows)
        yield Page(kind, rows[start : start + ROWS], cursor=None if last else "again", whole=last)
