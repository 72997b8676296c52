"""Lists, alike on every page: headings that sort, columns to choose, filters as chips; the address says it all.

What somebody chose last, order and columns, is remembered for her and used where the address says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Response, after_this_request, g, request, url_for
from flask_babel import gettext as _

from plugin.core.preferences import owner, prefer, preferred
from plugin.web.frame.kit import host_id, runtime

_LONGEST = 2_000


@dataclass(frozen=True)
class Heading:
    """A column: its name, and what it is called.

    :ivar sort: what the address says to sort by it; empty where nothing can be sorted by it.
    :ivar fixed: it is always shown. :ivar usual: it is shown where nobody chose columns.
    """

    name: str
    label: str
    sort: str = ""
    number: bool = False
    fixed: bool = False
    usual: bool = True


@dataclass(frozen=True)
class Chip:
    """A filter that is on, in words, and the address without it."""

    words: str
    without: str


def searched(words: str) -> str:
    """What was searched for, in the quotation marks of the reader's language."""
    return str(_("“%(words)s”", words=words)) if words else ""


@dataclass(frozen=True)
class Listing:
    """A list as somebody looks at it.

    :ivar args: what the address says besides order, columns and page: what is listed, and its filters.
    :ivar sort: a column's ``sort``, with ``-`` in front for the other way round; empty for the list's own order.
    """

    name: str
    endpoint: str
    headings: tuple[Heading, ...]
    columns: frozenset[str]
    sort: str
    args: Mapping[str, Any]
    chosen: Mapping[str, str] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()

    def shows(self, name: str) -> bool:
        """Whether a column is shown."""
        return name in self.columns

    @property
    def shown(self) -> list[Heading]:
        """The columns that are shown, in order."""
        return [one for one in self.headings if one.name in self.columns]

    @property
    def optional(self) -> list[Heading]:
        """The columns that may be chosen or left out."""
        return [one for one in self.headings if not one.fixed]

    def address(self, **changes: Any) -> str:
        """This list with something else in its address; ``None`` takes something out."""
        return url_for(self.endpoint, **{**self.args, **self.chosen, **changes})

    @property
    def passed(self) -> dict[str, Any]:
        """What its other pages' addresses say."""
        return {**self.args, **self.chosen}

    def sorted_by(self, heading: Heading) -> str:
        """``ascending`` or ``descending`` where the list is sorted by it."""
        if heading.sort and self.sort.removeprefix("-") == heading.sort:
            return "descending" if self.sort.startswith("-") else "ascending"
        return ""

    def turned(self, heading: Heading) -> str:
        """The address that sorts by it, or the other way round."""
        down = self.sort == heading.sort
        return self.address(sort=f"-{heading.sort}" if down else heading.sort)

    def kept(self, *but: str) -> list[tuple[str, Any]]:
        """What a form has to carry along, as pairs."""
        found = []
        for name, value in {**self.args, **self.chosen}.items():
            if name in but or name in self.fixed or value is None:
                continue
            found += [(name, one) for one in value] if isinstance(value, list | tuple) else [(name, value)]
        return found

    @property
    def here(self) -> str:
        """Where its forms go."""
        return url_for(self.endpoint, **{name: self.args[name] for name in self.fixed})

    def chip(self, words: str, *names: str) -> Chip:
        """A filter that is on."""
        return Chip(words, self.address(**dict.fromkeys(names)))


def listing(
    name: str,
    endpoint: str,
    headings: Sequence[Heading],
    *,
    fixed: Mapping[str, Any] | None = None,
    args: Mapping[str, Any] | None = None,
) -> Listing:
    """The list of a page, as the address asks for it, else as she left it. Call it before the page's own transaction.

    :param fixed: parts of the page's address. :param args: its filters, those that are not on as ``None``.
    """
    said = {one: request.args[one] for one in ("sort", "columns") if one in request.args}
    if chosen := request.args.getlist("column"):
        said["columns"] = ",".join(chosen)
    known = remembered(name, said)
    sorts = {one.sort for one in headings if one.sort}
    sort = str(known.get("sort", ""))
    asked = {one for one in str(known.get("columns", "")).split(",") if one}
    usual = {one.name for one in headings if one.usual or one.fixed}
    some = {one.name for one in headings if one.fixed or one.name in asked}
    here = {name: value for name, value in said.items() if value}
    return Listing(
        name, endpoint, tuple(headings), frozenset(some if asked else usual),
        sort if sort.removeprefix("-") in sorts else "", {**(fixed or {}), **(args or {})}, here, frozenset(fixed or {}),
    )  # fmt: skip


def remembered(name: str, said: Mapping[str, str]) -> dict[str, Any]:
    """Order and columns of a list: what the address says, which is remembered once the page is shown, else what she said last."""
    made, whose = runtime(), owner(g.launch.person, str(g.launch.subject))
    with made.db.read() as session:
        before = preferred(session, host_id(), whose, f"list:{name}")
    now = {**before, **{key: value[:_LONGEST] for key, value in said.items()}}
    now = {key: value for key, value in now.items() if value}
    if now != before:
        _remember(name, whose, now)
    return now


def _remember(name: str, whose: str, now: dict[str, Any]) -> None:
    tenant = host_id()

    @after_this_request
    def _shown(answer: Response) -> Response:
        if answer.status_code < 400:  # what is refused changes nothing
            runtime().db.transact(lambda session: prefer(session, tenant, whose, f"list:{name}", now))
        return answer
