"""What the table of assignments shows: rows of the draft, named, counted, filtered, sorted and paged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications import clashes, drafts
from plugin.certifications.dates import NO_DUE, AfterDue, Due, FixedDue, due_instant, parse_due
from plugin.certifications.definition import TYPES
from plugin.certifications.listing import assignment_ids, matched
from plugin.certifications.tables import Draft
from plugin.enrolment.gone import TEAM_GONE, held_rows, pinned
from plugin.enrolment.owed_saves import Progress, progress
from plugin.enrolment.preview import Adding
from plugin.enrolment.roster import due_dates_of
from plugin.enrolment.warnings import switched
from plugin.mirror.browse import Described, describe
from plugin.mirror.search import fold
from plugin.notifications.impact import reached
from plugin.notifications.triggers import active
from plugin.web import shell
from plugin.web.due_form import due_item_name
from plugin.web.kit import PAGE_SIZE, editor, host_id, page_number, runtime
from plugin.web.words import (
    adding_parts,
    adding_sentence,
    due_words,
    moment,
    removing_parts,
    removing_sentence,
)

STATES = (drafts.NEW, drafts.CHANGED, drafts.REMOVED, drafts.SAVED)
_MOST_ASKED = 2_000
_DAYS = {"days": 1, "weeks": 7, "months": 30, "years": 365}


@dataclass(frozen=True)
class TableRow:
    """One row as the table shows it. ``health`` is a word for what an administrator should know of it, or empty;
    ``beside`` names the row that makes it so."""

    row: drafts.Row
    described: Described
    learners: int
    id: int | None
    due: str
    actual: str
    health: str
    beside: str
    passed: bool


def table_context(
    session: Session, certification: int, said: str = "", about: str = "", fresh: Sequence[str] = ()
) -> dict[str, Any]:
    """Everything the table shows, filtered, sorted and paged as the address says.

    :param about: the row to say in the words of the warnings of what it does to whom (DOMAIN 5.3).
    :param fresh: the rows just added: where the filter would hide them it is lifted.
    """
    draft = drafts.read_draft(session, host_id(), certification, editor())
    context = shell.of_certification(session, certification, "assignments")
    everything = drafts.rows(session, draft)
    names = describe(session, host_id(), [(row.definition.type, row.definition.target) for row in everything])
    table = _Table(session, certification, everything, names, context["zone"])
    view = filters()
    wanted, at = table.part(view, 1 if fresh else page_number())
    lifted = bool(view) and not set(fresh) <= {row.key for row in _on_page(wanted, at)}
    if fresh and not lifted:
        view.pop("page", None)
    elif lifted:
        view = {}
        wanted, at = table.part(view, 1)
    effect = _effect(session, draft, about, context["what"]) if about else None
    return {
        **context,
        "about": about,
        "effect": effect,
        "rows": table.shown(_on_page(wanted, at)),
        "fresh": fresh,
        "lifted": lifted,
        "matching": len(wanted),
        "total": len(everything),
        "page_number": at,
        "page_size": PAGE_SIZE,
        "types": TYPES,
        "states": STATES,
        "filters": view,
        "changes": drafts.count_changes(draft),
        "draft": draft,
        "saving": _saving(session, certification),
        "clash": clashes.conflict(session, draft),
        "said": f"{effect.sentence} {_('Not saved yet.')}" if effect else _with_filter(said, lifted),
        "reached": _reached(session, certification, table),
    }


def _with_filter(said: str, lifted: bool) -> str:
    return f"{said} {_('The filter was lifted to show what was added.')}" if lifted else said


def _on_page(rows: Sequence[drafts.Row], at: int) -> Sequence[drafts.Row]:
    return rows[(at - 1) * PAGE_SIZE : at * PAGE_SIZE]


@dataclass(frozen=True)
class Effect:
    """One of the user's two sentences, and the parts its number is made of."""

    sentence: str
    parts: list[tuple[str, int, str]]


def _effect(session: Session, draft: Draft, key: str, what: str) -> Effect | None:
    proposal = drafts.proposal(session, draft)
    found = switched(session, host_id(), proposal, key, now=runtime().clock.now())
    if isinstance(found, Adding):
        return Effect(adding_sentence(found.x, 1, what), adding_parts(found))
    return Effect(removing_sentence(found.x, what), removing_parts(found)) if found else None


def _saving(session: Session, certification: int) -> Progress | None:
    """How far the latest save is while it is under way: it may be left, and is found again (DOMAIN 5.7)."""
    found = progress(session, host_id(), certification)
    return found if found is not None and found.state != "done" else None


def _reached(session: Session, certification: int, table: _Table) -> list[int]:
    """How many people each notification on *assigned* would reach if everyone in the table were assigned now.

    Managers and administrators of very many learners are counted on the Notifications tab alone: that takes its time.
    """
    table.count(table.everything)
    kept = [table.sets[row.key] for row in table.everything if row.state != drafts.REMOVED]
    everyone = BitMap.union(BitMap(), *kept)
    return [
        len(reached(session, host_id(), everyone, one.to))
        if set(one.to) <= {"learner"} or len(everyone) <= _MOST_ASKED
        else 0
        for one in active(session, host_id(), certification, "assigned")
    ]


def filters() -> dict[str, str]:
    """The filters in the address, to be carried along."""
    return {name: value for name in ("q", "type", "state", "sort", "page") if (value := request.args.get(name, ""))}


def _wanted(row: drafts.Row, described: Described, view: Mapping[str, str]) -> bool:
    kind, state = view.get("type", ""), view.get("state", "")
    if (kind and row.definition.type != kind) or (state and row.state != state):
        return False
    searched = fold(" ".join((described.name, *described.path)))
    return all(word in searched for word in fold(view.get("q", "")[:200]).split())


class _Table:
    """The rows of one certification with what is counted for them."""

    def __init__(
        self, session: Session, certification: int, everything: Sequence[drafts.Row],
        names: dict[tuple[str, str], Described], zone: str,
    ) -> None:  # fmt: skip
        self.session, self.certification, self.names, self.zone = session, certification, names, zone
        self.everything = everything
        self.ids = assignment_ids(session, host_id(), certification)
        self.held = held_rows(session, host_id(), certification)
        self.pins = pinned(session, host_id(), certification)
        self.sets: dict[str, BitMap] = {}

    def count(self, rows: Sequence[drafts.Row]) -> None:
        """Whom these rows match; those kept on a row whose target is gone belong to it (DOMAIN 5.10)."""
        missing = [row.definition for row in rows if row.key not in self.sets]
        for key, people in matched(self.session, host_id(), self.certification, missing).items():
            self.sets[key] = people | self.pins.get(self.ids.get(key, 0), BitMap())

    def part(self, view: Mapping[str, str], page: int) -> tuple[list[drafts.Row], int]:
        """The rows a view wants, sorted as it says, and the page that is shown: the last, where there are not so many."""
        wanted = [row for row in self.everything if _wanted(row, self.described(row), view)]
        self.sort(wanted, view.get("sort", ""))
        return wanted, min(page, max(1, -(-len(wanted) // PAGE_SIZE)))

    def sort(self, rows: list[drafts.Row], by: str) -> None:
        """Sort in place by ``name``, ``due`` or ``learners``, with ``-`` before it the other way round.

        By anything else they stay: new rows first, then as they were saved.
        """
        column = by.removeprefix("-")
        if column == "name":
            rows.sort(key=lambda row: fold(self.described(row).name), reverse=by != column)
        elif column == "learners":
            self.count(rows)
            rows.sort(key=lambda row: len(self.sets[row.key]), reverse=by != column)
        elif column == "due":
            rows.sort(key=lambda row: _due_order(row.definition.due), reverse=by != column)

    def described(self, row: drafts.Row) -> Described:
        return self.names[row.definition.type, row.definition.target]

    def shown(self, part: Sequence[drafts.Row]) -> list[TableRow]:
        """These rows as the table shows them."""
        self.count(self.everything)
        individuals = [row for row in part if row.definition.type == "individual" and row.key in self.ids]
        asked = {row.key: self.sets[row.key] for row in individuals}
        dates = due_dates_of(self.session, host_id(), self.certification, asked)
        return [self._shown(row, dates) for row in part]

    def _shown(self, row: drafts.Row, dates: dict[str, int | None]) -> TableRow:
        due = row.definition.due
        health, beside = self._health(row)
        words = due_words(due, self.zone, due_item_name(self.session, host_id(), due))
        return TableRow(
            row=row,
            described=self.described(row),
            learners=len(self.sets.get(row.key, ())),
            id=self.ids.get(row.key),
            due="" if due == "none" else words,
            actual=(moment(dates[row.key], self.zone) or _not_yet(due)) if row.key in dates else "",
            health=health,
            beside=beside,
            passed=_passed(due, self.zone),
        )

    def _health(self, row: drafts.Row) -> tuple[str, str]:
        """``missing``, ``team_gone``, ``empty``, ``same`` or ``covered`` with the row that is beside it, or nothing to say."""
        mine = self.sets.get(row.key, BitMap())
        if self.described(row).missing:
            return "missing", ""
        if self.held.get(self.ids.get(row.key, 0)) == TEAM_GONE:
            return TEAM_GONE, ""
        if not mine:
            return "empty", ""
        return self._covered(row, mine) if row.state != drafts.REMOVED else ("", "")

    def _covered(self, row: drafts.Row, mine: BitMap) -> tuple[str, str]:
        """Whether one other row, on whatever page, matches everybody this one does: then this one adds nobody.

        A single person covers nobody but herself, and is assigned individually once, so individuals are not looked at.
        """
        others = (
            one for one in self.everything
            if one.key != row.key and one.state != drafts.REMOVED and one.definition.type != "individual"
        )  # fmt: skip
        for other in others:
            theirs = self.sets.get(other.key, BitMap())
            if len(theirs) >= len(mine) and mine <= theirs:
                return ("same" if len(theirs) == len(mine) else "covered"), self.described(other).name
        return "", ""


def _passed(due: Any, zone: str) -> bool:
    """Whether a fixed date is over: then it is past for everyone who joins from now on."""
    setting = _parsed(due)
    at = due_instant(setting, None, zone, zone) if isinstance(setting, FixedDue) else None
    return at is not None and at < runtime().clock.now()


def _due_order(due: Any) -> tuple[int, str, int]:
    """Fixed dates by day, then relative ones by event and length, then rows without a date."""
    setting = _parsed(due)
    if isinstance(setting, FixedDue):
        return (0, f"{setting.day.isoformat()} {setting.at or '23:59'}", 0)
    if isinstance(setting, AfterDue):
        return (1, setting.event, setting.amount * _DAYS[setting.unit])
    return (2, "", 0)


def _parsed(due: Any) -> Due:
    try:
        return parse_due(due)
    except ValueError:
        return NO_DUE


def _not_yet(due: Any) -> str:
    return str(_("No due date") if due == "none" else _("Not yet known"))
