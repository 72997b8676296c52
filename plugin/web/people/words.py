"""Words of a person's page."""

from __future__ import annotations

from flask_babel import gettext as _


def happened_words(what: str) -> str:
    """What happened to one learner, as her page tells it; empty for what somebody did."""
    words = {
        "enrolled": _("Enrolled"), "released": _("Let in after an exception"), "withdrawn": _("Withdrawn"),
        "leaving": _("Leaves after grace"), "due_changed": _("Due date changed"), "held": _("Withdrawal put on hold"),
        "assigned": _("Assigned"), "in_progress": _("Began"), "certified": _("Certified"),
        "window_open": _("Can be renewed"), "expired": _("Expired"), "complete": _("Completed"),
        "joined": _("Joined a group"), "left": _("Left a group"), "extended": _("Date moved later"),
        "exempted": _("Exempted: it does not apply"), "message_again": _("A message sent again"),
        "held_released": _("Withdrawal released"), "held_refused": _("Withdrawal refused"),
        "records_brought": _("Record imported"), "records_taken_back": _("Imported record taken back"),
        "drift_repaired": _("Set right"), "seats_repaired": _("Course place set right"),
    }  # fmt: skip
    return str(words.get(what, ""))
