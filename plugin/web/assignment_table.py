"""What the table of assignments shows: rows of the draft, named, counted, filtered and paged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications import clashes, drafts
from plugin.certifications.definition import TYPES
from plugin.certifications.listing import assignment_ids, matched
from plugin.enrolment.roster import due_dates_of
from plugin.mirror.browse import Described, describe
from plugin.mirror.search import fold
from plugin.web import shell
from plugin.web.due_form import due_item_name
from plugin.web.kit import PAGE_SIZE, editor, host_id, page_number, query
from plugin.web.words import due_words, moment

STATES = (drafts.NEW, drafts.CHANGED, drafts.REMOVED, drafts.SAVED)
_MOST_COMPARED = 200


@dataclass(frozen=True)
class TableRow:
    """One row as the table shows it."""

    row: drafts.Row
    described: Described
    learners: int
    id: int | None
    due: str
    actual: str
    empty: bool
    covered: bool


def table_context(session: Session, certification: int, said: str = "") -> dict[str, Any]:
    """Everything the table shows, filtered and paged as the address says."""
    draft = drafts.read_draft(session, host_id(), certification, editor())
    context = shell.of_certification(session, certification, "assignments")
    everything = drafts.rows(session, draft)
    names = describe(session, host_id(), [(row.definition.type, row.definition.target) for row in everything])
    wanted = [row for row in everything if _wanted(row, names[row.definition.type, row.definition.target])]
    if request.args.get("sort") == "name":
        wanted.sort(key=lambda row: fold(names[row.definition.type, row.definition.target].name))
    start = (page_number() - 1) * PAGE_SIZE
    part = wanted[start : start + PAGE_SIZE]
    return {
        **context,
        "rows": _table_rows(session, certification, part, everything, names, context["zone"]),
        "matching": len(wanted),
        "total": len(everything),
        "page_number": page_number(),
        "page_size": PAGE_SIZE,
        "types": TYPES,
        "states": STATES,
        "filters": filters(),
        "changes": drafts.count_changes(draft),
        "draft": draft,
        "clash": clashes.conflict(session, draft),
        "said": said,
    }


def filters() -> dict[str, str]:
    """The filters in the address, to be carried along."""
    return {name: value for name in ("q", "type", "state", "sort", "page") if (value := request.args.get(name, ""))}


def _wanted(row: drafts.Row, described: Described) -> bool:
    kind, state = request.args.get("type", ""), request.args.get("state", "")
    if (kind and row.definition.type != kind) or (state and row.state != state):
        return False
    searched = fold(" ".join((described.name, *described.path)))
    return all(word in searched for word in fold(query()).split())


def _table_rows(
    session: Session, certification: int, part: Sequence[drafts.Row], everything: Sequence[drafts.Row],
    names: dict[tuple[str, str], Described], zone: str,
) -> list[TableRow]:  # fmt: skip
    compared = everything if len(everything) <= _MOST_COMPARED else part
    sets = matched(session, host_id(), certification, [row.definition for row in compared])
    ids = assignment_ids(session, host_id(), certification)
    individuals = [row for row in part if row.definition.type == "individual" and row.key in ids]
    dates = due_dates_of(session, host_id(), certification, {row.key: sets[row.key] for row in individuals})
    found = []
    for row in part:
        definition = row.definition
        described = names[definition.type, definition.target]
        mine = sets.get(row.key, BitMap())
        actual = ""
        if definition.type == "individual" and row.key in dates:
            actual = moment(dates[row.key], zone) or _not_yet(definition.due)
        found.append(
            TableRow(
                row=row,
                described=described,
                learners=len(mine),
                id=ids.get(row.key),
                due="" if definition.due == "none"
                else due_words(definition.due, zone, due_item_name(session, host_id(), definition.due)),
                actual=actual,
                empty=not mine and not described.missing,
                covered=_covered(row, mine, compared, sets),
            )
        )  # fmt: skip
    return found


def _not_yet(due: Any) -> str:
    return str(_("No due date") if due == "none" else _("Not yet known"))


def _covered(row: drafts.Row, mine: BitMap, compared: Sequence[drafts.Row], sets: dict[str, BitMap]) -> bool:
    """Whether one other row matches everybody this one does: then this one adds nobody."""
    if not mine or row.state == drafts.REMOVED:
        return False
    return any(
        other.key != row.key and other.state != drafts.REMOVED and len(sets[other.key]) > len(mine)
        and mine <= sets[other.key]
        for other in compared
    )  # fmt: skip
