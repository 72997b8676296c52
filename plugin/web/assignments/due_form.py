"""The *Assignment due date* form: from its fields to a setting of AS-CODE, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.rules.due_dates import EVENTS, AfterDue, FixedDue, parse_due
from plugin.certifications.store import by_code
from plugin.core.errors import Invalid
from plugin.mirror.lookup.browse import courses, describe


def due_from_form(form: Mapping[str, str]) -> Any:
    """The setting that the form's fields say.

    :raises Invalid: with a sentence when a field that is needed is empty or no number.
    """
    kind = form.get("kind", "")
    if kind == "none":
        return "none"
    if kind == "fixed":
        return _fixed(form)
    if kind == "after":
        return _after(form)
    raise Invalid(_("Choose one of the three: no due date, a fixed date, or a date relative to an event."))


def _fixed(form: Mapping[str, str]) -> Any:
    day, at = form.get("date", "").strip(), form.get("time", "").strip()
    if not day:
        raise Invalid(_("Enter the date."))
    if form.get("where") == "learner":
        return {"fixed": day, "zone": "learner"}
    return {"fixed": f"{day}T{at}" if at else day}


def _after(form: Mapping[str, str]) -> Any:
    event, amount, unit = form.get("event", ""), form.get("amount", "").strip(), form.get("unit", "")
    if event not in EVENTS:
        raise Invalid(_("Choose the event."))
    if not (amount.isascii() and amount.isdigit()) or int(amount) > 999:
        raise Invalid(_("Enter a whole number from 0 to 999."))
    due: dict[str, Any] = {"after": event, "add": f"{int(amount)} {unit}"}
    item = EVENTS[event]
    if item is not None:
        due[item] = form.get(f"item-{item}", "").strip()
        if not due[item]:
            raise Invalid(_("Choose what the event is about."))
    return due


def form_of_due(value: Any) -> dict[str, str]:
    """The fields that show a setting; for no due date the form is ready for a fixed one."""
    try:
        due = parse_due(value)
    except ValueError:
        return {"kind": "fixed"}
    if isinstance(due, FixedDue):
        fields = {"kind": "fixed", "date": due.day.isoformat(), "where": due.zone or ""}
        return fields | ({"time": due.at.isoformat("minutes")} if due.at else {})
    if isinstance(due, AfterDue):
        fields = {"kind": "after", "event": due.event, "amount": str(due.amount), "unit": due.unit}
        item = EVENTS[due.event]
        return fields | ({f"item-{item}": due.item or ""} if item else {})
    return {"kind": "fixed"}


def due_item_name(session: Session, host_id: int, value: Any) -> str | None:
    """What the item of a relative setting is called."""
    if not isinstance(value, dict) or "after" not in value:
        return None
    if "position" in value:
        return describe(session, host_id, [("position", str(value["position"]))])[
            "position", str(value["position"])
        ].name
    if "course" in value:
        names = {course.ext: course.name for course in courses(session, host_id)}
        return names.get(str(value["course"]))
    if "certification" in value:
        found = by_code(session, host_id, str(value["certification"]))
        return found.name if found is not None else None
    return None
