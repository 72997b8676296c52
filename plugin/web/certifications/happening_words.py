"""What happened, in words: every word that stands in the history, as pages show it."""

from __future__ import annotations

from functools import lru_cache

from flask_babel import gettext as _

from plugin.web.frame.reader import reader_language


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


def what_words(what: str) -> str:
    """What happened, in the reader's language; a word that is not known stays as it is written."""
    return happened_words(what) or _words(reader_language().tag).get(what, what)


@lru_cache(maxsize=32)
def _words(tag: str) -> dict[str, str]:
    """All of them in the reader's language, whose tag this is: a page asks for one after another."""
    return {**_of_certifications(), **_of_reports(), **_of_rights(), **_of_hosts(), **_of_sources(), **_of_delivery()}


def _of_certifications() -> dict[str, str]:
    return {
        "saved": _("Changes saved"), "settled": _("Everybody settled"), "deleted": _("Deleted"),
        "extension_asked": _("More time asked for"), "extension_refused": _("More time refused"),
        "extension_withdrawn": _("Request for more time withdrawn"), "exception_raised": _("Exception raised"),
        "exception_closed": _("Exception gone by itself"), "exception_decided": _("Exception answered by rule"),
        "exception_realistic": _("Exception answered: set realistic due date"),
        "exception_assign": _("Exception answered: assign"), "exception_dismiss": _("Exception answered: do not assign"),
        "exception_reopen": _("Exception opened again"), "reminded": _("Reminded by a manager"),
        "message_cap_changed": _("Limit of messages changed"), "records_released": _("Withdrawals of a source released"),
        "records_refused": _("Withdrawals of a source refused"),
    }  # fmt: skip


def _of_reports() -> dict[str, str]:
    return {
        "export_begun": _("File begun"), "export_finished": _("File finished"), "export_stopped": _("File stopped"),
        "export_fetched": _("File fetched"), "report_saved": _("Report saved"), "report_removed": _("Report removed"),
        "report_domains_changed": _("Addresses that reports may go to changed"),
        "report_schedule_made": _("Schedule of a report made"), "report_schedule_paused": _("Schedule of a report paused"),
        "report_schedule_resumed": _("Schedule of a report resumed"),
        "report_schedule_removed": _("Schedule of a report removed"),
        "report_schedule_sent_at_once": _("Report sent at once"), "proofs_verified": _("Proofs can be verified"),
        "proofs_not_verified": _("Proofs can no longer be verified"),
    }  # fmt: skip


def _of_rights() -> dict[str, str]:
    return {
        "change_asked": _("Change waits for a second administrator"), "change_failed": _("Approved change failed"),
        "change_approved": _("Change approved"), "change_refused": _("Change refused"), "grant_added": _("Right given"),
        "grant_confirmed": _("Right confirmed"), "grant_removed": _("Right taken away"),
        "four_eyes_on": _("Four eyes switched on"), "four_eyes_off": _("Four eyes switched off"),
        "person_erased": _("Person erased"), "retention_changed": _("Retention changed"),
        "sessions_ended": _("Sessions ended"), "token_made": _("Token made"), "token_taken_back": _("Token taken back"),
    }  # fmt: skip


def _of_hosts() -> dict[str, str]:
    return {
        "approved": _("Host approved"), "handed_over": _("Host set up by its plugin"), "closed_off": _("Host disabled"),
        "let_in": _("Host enabled"), "connection_changed": _("Connection changed"),
        "language_changed": _("Language changed"), "mapping_changed": _("Mapping changed"),
        "registration_changed": _("Registration changed"), "secret_made": _("Secret made"),
        "old_secrets_forgotten": _("Old secrets forgotten"), "zone_changed": _("Time zone changed"),
        "channel_changed": _("Way of messages changed"), "channel_secret_made": _("Secret of messages made"),
    }  # fmt: skip


def _of_sources() -> dict[str, str]:
    return {
        "identity_pinned": _("Person matched by hand"), "identity_unpinned": _("Match by hand taken back"),
        "source_added": _("Source added"), "source_changed": _("Source changed"), "source_loaded": _("Source loaded"),
        "source_paused": _("Source paused"), "source_released": _("Load that waited let through"),
        "source_removed": _("Source removed"), "source_resumed": _("Source resumed"),
        "source_token_made": _("Token of a source made"), "source_undone": _("Load undone"),
        "supply_changed": _("Supplier changed"), "unit_renamed": _("Unit renamed"),
        "unit_refused": _("Unit not renamed: it is another one"),
    }  # fmt: skip


def _of_delivery() -> dict[str, str]:
    return {
        "drift": _("Course places differed at the learning site"),
        "drift_answered": _("Differing course places answered"), "drift_picked": _("Course places taken over"),
        "drift_policy": _("Answer to differing course places changed"), "endpoint_created": _("Endpoint added"),
        "endpoint_changed": _("Endpoint changed"), "endpoint_removed": _("Endpoint removed"),
        "endpoint_active": _("Endpoint enabled"), "endpoint_paused": _("Endpoint paused"),
        "endpoint_disabled": _("Endpoint disabled"), "endpoint_redelivered": _("Sent to an endpoint again"),
        "endpoint_secret_rotated": _("Secret of an endpoint replaced"), "messages_released": _("Held messages sent"),
        "messages_discarded": _("Held messages discarded"), "messages_again": _("Messages sent again"),
        "messages_dismiss": _("Messages dismissed"), "parked_retry": _("Refused course places tried again"),
        "parked_dismiss": _("Refused course places dismissed"), "resets_retry": _("Refused resets tried again"),
        "resets_dismiss": _("Refused resets dismissed"), "results_retry": _("Refused results tried again"),
        "results_dismiss": _("Refused results dismissed"),
    }  # fmt: skip
