"""What events and the states of endpoints and deliveries are called on their pages."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from plugin.web.delivery.delivery_words import duration_words


def event_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """The vocabulary in groups: each type with what happened."""
    return [
        (_("Learners"), [
            ("learner.enrolled", _("Somebody is enrolled")),
            ("learner.withdrawal_scheduled", _("Somebody will be withdrawn when the grace ends")),
            ("learner.withdrawal_cancelled", _("Somebody came back within the grace")),
            ("learner.withdrawn", _("Somebody is withdrawn")),
            ("learner.due_changed", _("A due date changed")),
            ("learner.overdue", _("A due date passed")),
            ("learner.exempted", _("Somebody is exempt")),
            ("learner.exemption_ended", _("An exemption ended")),
        ]),
        (_("Certification"), [
            ("certification.completed", _("Somebody completed it or was certified")),
            ("certification.window_opened", _("Somebody's renewal opened")),
            ("certification.expiring", _("Somebody's certification expires in 30 days")),
            ("certification.expired", _("Somebody's certification expired")),
        ]),
        (_("Assignments"), [
            ("assignment.added", _("An assignment was added")),
            ("assignment.changed", _("An assignment was changed")),
            ("assignment.removed", _("An assignment was removed")),
            ("assignment.applied", _("A save reached all its learners, with the numbers")),
        ]),
        (_("Exceptions and groups"), [
            ("exception.raised", _("An exception was raised")),
            ("exception.resolved", _("An exception was decided or closed")),
            ("group.joined", _("Somebody joined a group")),
            ("group.left", _("Somebody left a group")),
        ]),
        (_("Muster and the learning site"), [
            ("push.refused", _("The learning site refused an enrolment or withdrawal for good")),
            ("sync.completed", _("Reading the learning site ended well")),
            ("sync.held", _("Deletions at the learning site are on hold")),
            ("sync.failed", _("Reading the learning site failed")),
            ("endpoint.disabled", _("Muster disabled an endpoint")),
        ]),
    ]  # fmt: skip


def state_words() -> dict[str, tuple[str, str]]:
    """States of endpoints and of deliveries: the word, and the kind of badge."""
    return {
        "active": (_("On"), "ok"), "paused": (_("Paused"), ""), "disabled": (_("Disabled by Muster"), "removed"),
        "owed": (_("Owed"), "changed"), "done": (_("Delivered"), "ok"), "failed": (_("Failed"), "removed"),
        "doubt": (_("Failing"), "changed"),
    }  # fmt: skip


def overlap_words() -> list[tuple[int, str]]:
    """For how long an old secret goes on beside the new one."""
    return [(24 * 3600, _("24 hours")), (3600, _("1 hour")), (7 * 24 * 3600, _("7 days")), (0, _("Not at all"))]


def redelivered_words(text: str) -> str:
    """How many are sent again, from the address; empty for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return ""
    return ngettext("%(num)s event is sent again.", "%(num)s events are sent again.", int(text))


def wait_words(seconds: int) -> str:
    """When the next attempt is."""
    return _("now") if seconds <= 0 else _("in %(time)s", time=duration_words(seconds))
