"""Home: what needs this administrator today. Each number leads to the people, or to the place, it counts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, url_for

from plugin.access.readers import reader_of
from plugin.access.rules import STAFF, rule
from plugin.certifications.drafts.drafts import unsaved_in
from plugin.enrolment.views.unreachable import with_unreachable
from plugin.population.area import acting_units
from plugin.reports.needs_attention import MONTH, WEEK, of_certifications, waits_of
from plugin.reports.service import asking
from plugin.web.delivery.message_words import state_words_of_messages
from plugin.web.frame.kit import PREFIX, editor, host_id, page, runtime, who
from plugin.web.reports.cells import told_of

blueprint = Blueprint("today", __name__, url_prefix=PREFIX)

_SHOWN = 12


@blueprint.get("/home")
@rule(STAFF, area=True)
def show() -> Response:
    """Overdue and rising, exceptions, what is on hold, refused or to be matched, drafts, loads that wait."""
    rights = g.launch.rights
    with asking(runtime(), host_id(), reader_of(runtime(), host_id(), rights, who())) as asker:
        rows = of_certifications(asker)
        unsaved = set(unsaved_in(asker.session, host_id(), editor()))
        context: dict[str, Any] = {
            "rows": rows[:_SHOWN], "more": len(rows) - _SHOWN, "any": bool(rows),
            "waits": waits_of(asker.session, host_id()) if rights.sees_host else None,
            "unsaved": [one for one in rows if one.id in unsaved],
            "ailing": set() if acting_units() is not None else with_unreachable(
                asker.session, host_id(), [one.id for one in rows]),
            "raised": [one for one in rows if one.exceptions],
        }  # fmt: skip
    sums = {name: sum(one.numbers[name] for one in rows) for name in (rows[0].numbers if rows else ())}
    words = state_words_of_messages()
    return page("home/today.html", sums=sums, at=address, message_states=words.get, **context)


def address(number: str, code: str = "") -> str:
    """Where the people of a number are: the list filtered by the condition that it was counted by."""
    filters: dict[str, dict[str, Any]] = {
        "enrolled": {"active": "true"},
        "certified": {"active": "true", "state": ["certified", "window_open", "complete"]},
        "overdue": {"overdue": "true", "sort": "-days_overdue"},
        "newly_overdue": {"overdue": "true", "due.last": WEEK, "sort": "days_overdue"},
        "due_7": {"active": "true", "state": ["assigned", "in_progress", "window_open", "expired"], "due.next": WEEK,
                  "sort": "due"},
        "expiring_30": {"active": "true", "state": ["certified", "window_open", "complete"], "expires.next": MONTH,
                        "sort": "expires"},
    }  # fmt: skip
    name, columns = told_of("overdue" if number == "newly_overdue" else number)
    filters[number][name] = columns
    if code:
        filters[number]["certification"] = code
    return url_for("reports.table", source="learners", **filters[number])
