"""What the table of assignments shows: rows of the draft, named, counted, filtered, sorted and paged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import request
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import TYPES, Definition
from plugin.certifications.drafts import clashes, drafts
from plugin.certifications.listing import assignment_ids
from plugin.certifications.people_lists import lists_of
from plugin.certifications.rules.availability import starts_at
from plugin.certifications.tables import Draft
from plugin.core.area_scope import cut
from plugin.enrolment.answers.gone_targets import TEAM_GONE, held_rows, pinned
from plugin.enrolment.saving.confined import locked_rows
from plugin.enrolment.saving.reach_review import row_sets
from plugin.enrolment.settling.saves import SaveProgress, progress
from plugin.enrolment.views.roster import due_dates_of
from plugin.mirror.lookup.browse import Described, describe
from plugin.mirror.lookup.search import fold
from plugin.population.area import acting_units
from plugin.web.assignments.due_form import due_item_name
from plugin.web.assignments.offered import known_to_her, reached_by
from plugin.web.certifications.row_words import (
    Block,
    begins_words,
    due_order,
    effect_of,
    exclusion_names,
    folded,
    is_passed,
    keys_in,
    not_yet,
    wave_words,
)
from plugin.web.frame import shell
from plugin.web.frame.kit import PAGE_SIZE, editor, host_id, page_number, runtime
from plugin.web.frame.words import due_words, moment

STATES = (drafts.NEW, drafts.CHANGED, drafts.REMOVED, drafts.SAVED)


@dataclass(frozen=True)
class TableRow:
    """One row as the table shows it. ``health`` is a word for what an administrator should know of it, or empty;
    ``beside`` names the row that makes it so. ``locked``: it reaches people outside the area of whoever looks."""

    row: drafts.DraftRow
    described: Described
    excepted: list[str]
    begins: str
    wave: str
    learners: int
    id: int | None
    due: str
    actual: str
    health: str
    beside: str
    passed: bool
    locked: bool = False


def table_context(
    session: Session, certification: int, said: str = "", about: str = "", fresh: Sequence[str] = ()
) -> dict[str, Any]:
    """Everything the table shows, filtered, sorted and paged as the address says.

    :param about: the row to say in the words of the warnings of what it does to whom (rules 5.3).
    :param fresh: the rows just added: where the filter would hide them it is lifted.
    """
    draft = drafts.read_draft(session, host_id(), certification, editor())
    context = shell.of_certification(session, certification, "assignments")
    everything = known_to_her(session, drafts.rows(session, draft))
    named = [(row.definition.type, row.definition.target) for row in everything]
    named += [one[:2] for row in everything for one in row.definition.exclusions]
    names = describe(session, host_id(), named)
    proposal = drafts.proposal(session, draft)
    table = _Table(session, certification, proposal.definition, everything, names, context["zone"])
    table.locked = locked_rows(session, host_id(), proposal)
    view = filters()
    opened = next((one for one in table.lists if str(one.id) == view.get("list")), None)
    wanted, at = table.part(view, 1 if fresh else page_number())
    lifted = bool(view) and not set(fresh) <= {key for one in _on_page(wanted, at) for key in keys_in(one)}
    if fresh and not lifted:
        view.pop("page", None)
    elif lifted:
        view = {}
        wanted, at = table.part(view, 1)
    effect = effect_of(session, draft, about, context["what"]) if about else None
    return {
        **context,
        "about": about,
        "begins": begins_words(proposal.definition.starts),
        "wave": wave_words(proposal.definition.wave),
        "effect": effect,
        "rows": table.shown(_on_page(wanted, at)),
        "fresh": fresh,
        "lifted": lifted,
        "matching": len(wanted),
        "opened": opened,
        "narrowed": acting_units() is not None,
        "shown_rows": sum(len(keys_in(one)) for one in _on_page(wanted, at)),
        "everyone": sum(len(keys_in(one)) for one in wanted),
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
        "reached": reached_by(session, certification, table.everyone()),
    }


def _with_filter(said: str, lifted: bool) -> str:
    return f"{said} {_('The filter was lifted to show what was added.')}" if lifted else said


def matching(session: Session, draft: Draft, view: Mapping[str, str]) -> list[drafts.DraftRow]:
    """The rows of a draft that filters let pass, on whatever page."""
    everything = known_to_her(session, drafts.rows(session, draft))
    names = describe(session, host_id(), [(row.definition.type, row.definition.target) for row in everything])
    definition = drafts.proposal(session, draft).definition
    table = _Table(session, draft.certification, definition, everything, names, "UTC")
    return [row for row in everything if table.wants(row, view)]


def _on_page(rows: Sequence[drafts.DraftRow | Block], at: int) -> Sequence[drafts.DraftRow | Block]:
    return rows[(at - 1) * PAGE_SIZE : at * PAGE_SIZE]


def _saving(session: Session, certification: int) -> SaveProgress | None:
    """How far the latest save is while it is under way: it may be left, and is found again (rules 5.7)."""
    found = progress(session, host_id(), certification)
    return found if found is not None and found.state != "done" else None


def filters() -> dict[str, str]:
    """The filters in the address, to be carried along."""
    return {
        name: value for name in ("q", "type", "state", "sort", "page", "list") if (value := request.args.get(name, ""))
    }


def _wanted(row: drafts.DraftRow, described: Described, view: Mapping[str, str]) -> bool:
    kind, state = view.get("type", ""), view.get("state", "")
    if (kind and row.definition.type != kind) or (state and row.state != state):
        return False
    searched = fold(" ".join((described.name, *described.path)))
    return all(word in searched for word in fold(view.get("q", "")[:200]).split())


class _Table:
    """The rows of one certification with what is counted for them."""

    def __init__(
        self, session: Session, certification: int, definition: Definition, everything: Sequence[drafts.DraftRow],
        names: dict[tuple[str, str], Described], zone: str,
    ) -> None:  # fmt: skip
        self.definition = definition
        self.session, self.certification, self.names, self.zone = session, certification, names, zone
        self.everything = everything
        self.ids = assignment_ids(session, host_id(), certification)
        self.held = held_rows(session, host_id(), certification)
        self.pins = pinned(session, host_id(), certification)
        self.sets: dict[str, BitMap] = {}
        self.locked: set[str] = set()
        self.lists = lists_of(session, host_id(), certification)

    def everyone(self) -> BitMap:
        """Whom the rows match that are to stay."""
        self.count(self.everything)
        return BitMap.union(BitMap(), *(self.sets[row.key] for row in self.everything if row.state != drafts.REMOVED))

    def wants(self, row: drafts.DraftRow, view: Mapping[str, str]) -> bool:
        """Whether filters let a row pass."""
        if number := view.get("list", ""):
            people = {target for one in self.lists if str(one.id) == number for target in one.targets}
            if row.definition.type != "individual" or row.definition.target not in people:
                return False
        return _wanted(row, self.described(row), view)

    def count(self, rows: Sequence[drafts.DraftRow]) -> None:
        """Whom these rows match; those kept on a row whose target is gone belong to it (rules 5.10)."""
        missing = [row.definition for row in rows if row.key not in self.sets]
        for key, people in row_sets(self.session, host_id(), self.certification, self.definition, missing).items():
            self.sets[key] = people | cut(self.session, host_id(), self.pins.get(self.ids.get(key, 0), BitMap()))

    def part(self, view: Mapping[str, str], page: int) -> tuple[list[drafts.DraftRow | Block], int]:
        """The rows a view wants, sorted as it says, and the page that is shown: the last, where there are not so many.

        People of one list are one row, unless the list is opened or somebody is searched for.
        """
        rows = [row for row in self.everything if self.wants(row, view)]
        self.sort(rows, view.get("sort", ""))
        wanted = list[drafts.DraftRow | Block](rows) if view.get("list") or view.get("q") else folded(rows, self.lists)
        return wanted, min(page, max(1, -(-len(wanted) // PAGE_SIZE)))

    def sort(self, rows: list[drafts.DraftRow], by: str) -> None:
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
            rows.sort(key=lambda row: due_order(row.definition.due), reverse=by != column)

    def described(self, row: drafts.DraftRow) -> Described:
        return self.names[row.definition.type, row.definition.target]

    def shown(self, part: Sequence[drafts.DraftRow | Block]) -> list[TableRow | Block]:
        """These rows as the table shows them."""
        self.count(self.everything)
        rows = [one for one in part if isinstance(one, drafts.DraftRow)]
        individuals = [row for row in rows if row.definition.type == "individual" and row.key in self.ids]
        asked = {row.key: self.sets[row.key] for row in individuals}
        dates = due_dates_of(self.session, host_id(), self.certification, asked)
        return [self._block(one) if isinstance(one, Block) else self._shown(one, dates) for one in part]

    def _block(self, one: Block) -> Block:
        kept = [row for row in one.rows if row.state != drafts.REMOVED] or one.rows
        dues = [row.definition.due for row in kept]
        alike = all(due == dues[0] for due in dues)
        due = (
            ""
            if not alike or dues[0] == "none"
            else due_words(dues[0], self.zone, due_item_name(self.session, host_id(), dues[0]))
        )
        learners = BitMap.union(BitMap(), *(self.sets.get(row.key, BitMap()) for row in one.rows))
        return replace(one, learners=len(learners), due=due, mixed=not alike)

    def _shown(self, row: drafts.DraftRow, dates: dict[str, int | None]) -> TableRow:
        due = row.definition.due
        health, beside = self._health(row)
        words = due_words(due, self.zone, due_item_name(self.session, host_id(), due))
        return TableRow(
            row=row,
            described=self.described(row),
            excepted=exclusion_names(row.definition.exclusions, self.names),
            begins=begins_words(row.definition.starts),
            wave=wave_words(row.definition.wave),
            learners=len(self.sets.get(row.key, ())),
            id=self.ids.get(row.key),
            due="" if due == "none" else words,
            actual=(moment(dates[row.key], self.zone) or not_yet(due)) if row.key in dates else "",
            health=health,
            beside=beside,
            passed=is_passed(due, self.zone),
            locked=row.key in self.locked,
        )

    def _health(self, row: drafts.DraftRow) -> tuple[str, str]:
        """``missing``, ``team_gone``, ``empty``, ``same`` or ``covered`` with the row that is beside it, or nothing to say."""
        mine = self.sets.get(row.key, BitMap())
        if self.described(row).missing:
            return "missing", ""
        if self.held.get(self.ids.get(row.key, 0)) == TEAM_GONE:
            return TEAM_GONE, ""
        if not mine:
            at = starts_at(self.definition, row.definition, self.zone)
            return ("" if at is not None and at > runtime().clock.now() else "empty"), ""
        return self._covered(row, mine) if row.state != drafts.REMOVED else ("", "")

    def _covered(self, row: drafts.DraftRow, mine: BitMap) -> tuple[str, str]:
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
