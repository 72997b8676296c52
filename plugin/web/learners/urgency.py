"""How urgent it is for a learner, in words and a colour: days overdue, days left, or nothing."""

from __future__ import annotations

from flask_babel import gettext as _

from plugin.core.days import local_day
from plugin.enrolment.views.roster import Learner
from plugin.web.frame.words import ngettext

_TO_DO = ("assigned", "in_progress", "window_open", "expired")
SOON = 14
"""Days from which on a date is called soon."""


def urgency(row: Learner, now: int, zone: str) -> tuple[str, str]:
    """Words, and a class of the stylesheet with a blank before it; both empty where nothing presses."""
    if not row.active or row.due is None or row.state not in _TO_DO:
        return "", ""
    left = (local_day(row.due, zone) - local_day(now, zone)).days
    if row.due <= now:
        late = max(1, -left)
        return str(ngettext("%(num)s day overdue", "%(num)s days overdue", late)), " removed"
    if left > SOON:
        return "", ""
    if left == 0:
        return str(_("Due today")), " changed"
    if left == 1:
        return str(_("Due tomorrow")), " changed"
    return str(ngettext("Due in %(num)s day", "Due in %(num)s days", left)), " changed"


def standing_words() -> dict[str, str]:
    """How learners stand, to filter by; the words of :data:`plugin.reports.needs_attention.CONDITIONS`."""
    return {
        "overdue": _("Overdue"), "newly_overdue": _("Overdue since last week"), "due_7": _("Due within 7 days"),
        "due_30": _("Due within 30 days"), "certified": _("Completed or certified"),
        "expiring_30": _("Expiring within 30 days"), "enrolled": _("Enrolled"), "held": _("Held back"),
    }  # fmt: skip
