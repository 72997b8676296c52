"""Every column that holds a time: what is done at that instant, or that it only records what was (decision 0024).

A test reads the tables and fails for a column that is not named here, so that nothing new waits unnoticed.
"""

from __future__ import annotations

from collections.abc import Mapping

TICKED: Mapping[str, str] = {
    "job.starts": "she belongs to its units and teams from then on",
    "job.ends": "she no longer does",
    "completion.at": "it counts from then on: a host's clock may be ahead of ours",
    "enrolment.wakes": "the earliest of her grace's end, her window and her expiry",
    "exemption.until": "what assigns her counts again",
    "assignment.starts": "its people begin",
    "wave.turn": "the next of those who wait begin",
    "certification.available_from": "its learners begin",
    "certification.available_until": "its learners keep or lose their seats, as was chosen",
}
"""Found by the tick between the old ``as_of`` and the new one, and stamped in the transaction that moves it."""

AWOKEN = frozenset({"enrolment.leaves_on", "enrolment.window_opens", "enrolment.expires"})
"""Through ``enrolment.wakes``, which every decision sets anew."""

TOLD: Mapping[str, str] = {
    "enrolment.due": "messages before and after it, and learner.overdue",
    "enrolment.expires": "messages before it, and certification.expiring",
    "notification.since": "no moment before it is told",
}
"""Compared with ``as_of`` as it stands: by :mod:`plugin.enrolment.timed_messages`, where a message of the same spell
and cycle is the note that it was done, and by :mod:`plugin.enrolment.settling.timed_events`, which moves a watermark of
its own in the same transaction."""

DUE_NOW = frozenset({
    "call.next_at", "channel.retry_at", "connection.retry_at", "course_reset.next_at", "endpoint.retry_at",
    "endpoint_delivery.next_at", "identity.turns", "message.next_at", "score.next_at", "score_line.next_at",
    "report_schedule.next_at", "report_sending.next_at", "seat.next_at",
})  # fmt: skip
"""Work that is owed until it is done, taken up by the first look at or after the instant."""

EXPIRING = frozenset({
    "call.lease_until", "endpoint.lease_until", "endpoint.old_until", "host_clock.base_until", "lease.lease_until",
    "launch_session.expires", "nonce.expires", "once_link.expires", "report_sending.kept_until",
    "report_sending.lease_until", "score_line.lease_until",
    "settling.lease_until",
})  # fmt: skip
"""Leases, sessions and one-use things: worth nothing from then on, whenever somebody asks."""

RECORDED = frozenset({
    "access_grant.created", "api_token.created", "api_token.used", "brought.at", "brought.since", "brought.until",
    "call.created", "certification.created", "change.at", "channel.since", "connection.since",
    "course_reset.before", "course_reset.created", "data_problem.since", "decision.at", "decision.due",
    "decision.raised", "decision_past.at", "decision_past.due", "decision_past.raised",
    "directory_resource.created", "directory_resource.modified", "directory_resource.withdrawn",
    "draft.touched", "drift.found_at", "endpoint.created", "endpoint.failing_since", "endpoint.since",
    "endpoint.succeeded", "endpoint_delivery.created", "endpoint_delivery.ended", "enrolment.baseline",
    "enrolment.baseline_due", "enrolment.began", "enrolment.certified_at", "enrolment.ended",
    "enrolment.frozen_since", "enrolment_past.since", "enrolment_past.until", "event.at", "exception.since",
    "exception.wanted_due", "exemption.at", "extension.at", "extension.until", "extension_request.answered",
    "extension_request.at", "extension_request.until", "group_member.since",
    "held.answered", "held.since", "hint.received", "hint.worked", "host.created", "host.past_since",
    "host_clock.as_of", "identity.gone", "identity.left", "job.position_since", "journal.at",
    "launch_session.created", "launch_session.used", "message.created", "message.sent_at", "opened.at", "people_list.at",
    "person.created", "person.first_login", "person.gone_at", "report_sending.due_at",
    "record_proof.completed_at", "record_proof.created", "record_proof.expires", "report_schedule.created",
    "report_sending.ended", "saved_report.created", "score.at", "score.created",
    "score.sent_at", "score_endpoint.seen", "seat.changed", "seat.confirmed_at", "settling.as_of",
    "settling.requested", "source_load.at", "source_rename.since", "suspect.since", "sync_run.ended",
    "sync_run.started", "tally.minute", "told.minute", "tool_key.created", "trace.at", "version.at",
    "waiting_change.asked", "waiting_change.decided", "wave.drawn", "worker.seen",
})  # fmt: skip
"""When something was, or from when a date is counted: nothing happens at that instant."""

NUMBERS = frozenset({
    "assignment.why_key", "certification.enrolments_rev", "change.seq", "change.settled", "counter.value",
    "decision.why", "endpoint_delivery.n", "enrolment.why", "enrolment_past.n", "event.n", "exception.why", "hint.id",
    "host_clock.seq", "host_clock.turned_from", "host_clock.turned_to", "identity.digest", "journal.n",
    "learner_set.checksum", "learner_set.seq", "message.id", "message.leader", "report_sending.size", "seat.answer",
    "settling.number", "tally.count", "told.count", "trace.id", "why_set.id",
})  # fmt: skip
"""Large numbers that are no time."""
