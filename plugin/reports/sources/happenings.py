"""The words of ``what`` in source ``history``: everything that Muster writes down (a test holds them to the code)."""

from __future__ import annotations

from plugin.enrolment.codes import STATES

WHATS = tuple(
    dict.fromkeys(
        [
            "saved",
            "settled",
            "deleted",
            "enrolled",
            "released",
            "withdrawn",
            "leaving",
            "held",
            "held_released",
            "held_refused",
            "due_changed",
            "extended",
            "extension_asked",
            "extension_refused",
            "extension_withdrawn",
            "exempted",
            "exception_raised",
            "exception_closed",
            "exception_decided",
            "exception_realistic",
            "exception_assign",
            "exception_dismiss",
            "exception_reopen",
            "joined",
            "left",
            "reminded",
            "message_again",
            "message_cap_changed",
            "records_brought",
            "records_taken_back",
            "export_begun",
            "export_finished",
            "export_stopped",
            "export_fetched",
            "report_saved",
            "report_removed",
            "report_domains_changed",
            "proofs_verified",
            "proofs_not_verified",
            "change_asked",
            "change_failed",
            "four_eyes_on",
            "four_eyes_off",
            "person_erased",
            "retention_changed",
            "sessions_ended",
            "token_made",
            "token_taken_back",
            "approved",
            "handed_over",
            "closed_off",
            "let_in",
            "connection_changed",
            "language_changed",
            "mapping_changed",
            "registration_changed",
            "secret_made",
            "old_secrets_forgotten",
            "zone_changed",
            "channel_changed",
            "channel_secret_made",
            "drift",
            "drift_answered",
            "drift_picked",
            "drift_policy",
            "drift_repaired",
            "seats_repaired",
            "identity_pinned",
            "identity_unpinned",
            "source_added",
            "source_changed",
            "source_loaded",
            "source_paused",
            "source_released",
            "source_removed",
            "source_resumed",
            "source_token_made",
            "source_undone",
            "supply_changed",
        ]
        + [one for one in STATES if one]
    )
)
STEMS = (
    "change_", "endpoint_", "export_", "four_eyes_", "grant_", "held_", "messages_", "parked_", "proofs_", "records_",
    "report_schedule_", "resets_", "results_", "unit_",
)  # fmt: skip
"""Of these, what somebody answered or chose follows."""


def happens(what: str) -> bool:
    """Whether a word is one that can stand in the history."""
    return what in WHATS or what.startswith(STEMS)
