"""What a host knows, apart from what was read of it so far; and the host that is asked, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from plugin.hosts.port import Caps, Page, Record
from tests.histories import naive
from tests.histories.naive import Job, Model, Unit, midnight

KINDS = ("people", "units", "jobs", "audiences", "members", "courses", "completions")
PAGE = 3


class Truth:
    """The host's own records. ``between`` is called before each page but the first of a read."""

    def __init__(self, zone: str) -> None:
        self.zone, self.page = zone, PAGE
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.changed: dict[tuple[str, str], int] = {}
        self.unread: dict[tuple[str, str], None] = {}
        self.between: Callable[[], None] = lambda: None
        self._count = 0

    def put(self, kind: str, name: str, fields: dict[str, Any]) -> None:
        """Make or change a record."""
        if self.records.get((kind, name)) != fields:
            self.records[kind, name] = fields
            self._touch(kind, name)

    def drop(self, kind: str, name: str) -> None:
        """Delete a record."""
        if self.records.pop((kind, name), None) is not None:
            self._touch(kind, name)

    def _touch(self, kind: str, name: str) -> None:
        self._count += 1
        self.changed[kind, name] = self._count
        self.unread[kind, name] = None

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The records of a kind, by their names."""
        return {name: fields for (one, name), fields in self.records.items() if one == kind}

    # --- the port

    def describe(self) -> Caps:
        return Caps(name="Host", time_zone=self.zone, reads={kind: ("full", "delta", "ids") for kind in KINDS})

    def read(
        self, kind: str, *, since: str | None = None, cursor: str | None = None, ids: Sequence[str] | None = None
    ) -> Iterator[Page]:
        """As HOST-API has it: what a page says is as true as when it was asked for."""
        if ids is not None:
            for start in range(0, len(ids), self.page):
                if start:
                    self.between()
                yield self._page(kind, list(ids[start : start + self.page]))
            return
        while True:
            rows, gone, cursor, mark = self.page_of(kind, since=since, cursor=cursor, limit=self.page)
            yield Page(kind, rows, gone, cursor, mark, whole=mark is not None and since is None)
            if mark is not None:
                return
            self.between()

    def page_of(
        self, kind: str, *, since: str | None = None, cursor: str | None = None, limit: int
    ) -> tuple[list[Record], list[str], str | None, str | None]:
        """Part of a list, in the order of names: rows, who is gone, where it goes on, and on the last page the mark.

        The mark is that of the beginning of the read, so that what changes meanwhile is told again.
        """
        mark, _colon, after = (cursor or f"{self._count}:").partition(":")
        names = (name for one, name in self.records if one == kind)
        if since is not None:
            names = (name for (one, name), at in self.changed.items() if one == kind and at > int(since))
        listed = sorted(name for name in names if name > after)
        page = self._page(kind, listed[:limit])
        gone = list(page.gone) if since is not None else []
        if len(listed) <= limit:
            return list(page.rows), gone, None, mark
        return list(page.rows), gone, f"{mark}:{listed[limit - 1]}", None

    def _page(self, kind: str, names: list[str]) -> Page:
        rows = [Record(name, self.records[kind, name]) for name in names if (kind, name) in self.records]
        return Page(kind, rows, [name for name in names if (kind, name) not in self.records])


def instant(text: str | None, zone: Any, *, day_after: bool = False) -> int | None:
    """2.1: a day is its first instant in the host's zone, as an end that of the next day; an instant is itself."""
    if text is None:
        return None
    if len(text) == 10:
        return midnight(date.fromisoformat(text) + timedelta(days=day_after), zone)
    return int(datetime.fromisoformat(text).timestamp())


def learn(model: Model, kind: str, rows: Sequence[Record], gone: Sequence[str]) -> None:
    """What was read is what the model knows."""
    for row in rows:
        _learn_one(model, kind, row.id, row.fields)
    for name in gone:
        if kind == "people" and name in model.people:
            model.people[name].state = "deleted"
        elif kind in ("units", "jobs"):
            getattr(model, kind).pop(name, None)
        elif kind == "members":
            audience, person = name.split("/")
            model.audiences.get(audience, set()).discard(person)


def _learn_one(model: Model, kind: str, name: str, fields: Any) -> None:
    zone = model.zone
    match kind:
        case "people":
            one = model.people.setdefault(name, naive.Person())
            one.state, one.zone = fields.get("state", "active"), fields.get("time_zone", "")
            one.first_login, one.fields = instant(fields.get("first_login"), zone), fields.get("fields", {})
        case "units":
            model.units[name] = Unit(fields["kind"], fields.get("parent"))
        case "jobs":
            model.jobs[name] = Job(
                fields["person"], fields.get("organisation"), fields.get("position"), fields.get("manager_job"),
                fields.get("manager"), fields.get("temporary", False), instant(fields.get("start"), zone),
                instant(fields.get("end"), zone, day_after=True), instant(fields.get("position_since"), zone),
            )  # fmt: skip
        case "audiences":
            model.audiences.setdefault(name, set())
        case "members":
            model.audiences.setdefault(fields["audience"], set()).add(fields["person"])
        case "completions":
            at = instant(fields["at"], zone)
            done = model.completions.setdefault((fields["person"], fields["course"]), [])
            if at is not None and at not in done:
                done.append(at)
