"""Certifications as a file: ``plan``, ``apply`` and ``export`` (AS-CODE)."""

from __future__ import annotations

from collections.abc import Sequence

from plugin.certifications.file import certification_file
from plugin.certifications.store import codes as all_codes
from plugin.cli.certifications.saving import choices, is_confirmed, plan_text, plan_where_refused, say_saved
from plugin.cli.context import certification, demand_each, open_host, reach_new, read_text, rights, who
from plugin.cli.opening import print_json
from plugin.enrolment.saving.file_review import plan_document, reviewed
from plugin.enrolment.saving.save import check_versions, save


def plan(host: str | None, file: str, *, as_json: bool) -> int:
    """Print the review."""
    runtime, host_id = open_host(host)
    proposals, reviews = reviewed(runtime, host_id, read_text(file))
    with runtime.db.read() as session:
        demand_each(session, host_id, "see", [one.definition.code for one in proposals])
    if as_json:
        print_json(plan_document(reviews))
    else:
        print(plan_text(reviews))
    return 0


def apply(
    host: str | None, file: str, *, yes: bool, allow_withdrawals: int | None, earlier: bool, no_messages: bool,
    reason: str, if_version: Sequence[str],
) -> int:  # fmt: skip
    """Review, ask unless told not to, and save."""
    runtime, host_id = open_host(host)
    how = choices(
        earlier=earlier,
        no_messages=no_messages,
        allow_withdrawals=allow_withdrawals,
        reason=reason,
        if_version=if_version,
    )
    proposals, reviews = reviewed(runtime, host_id, read_text(file))
    with runtime.db.read() as session:
        demand_each(session, host_id, "change", [one.definition.code for one in proposals])
    with plan_where_refused(reviews):
        check_versions(proposals, how)
    if not any(one.changed for one in reviews):
        print("No difference; nothing is saved.")
        return 0
    refusal = "Nothing is saved: add --yes to save without being asked."
    if not yes and not is_confirmed(reviews, "Save?", refusal):
        return 1
    with plan_where_refused(reviews):
        saved = save(runtime, host_id, proposals, who=who(), choices=how)
    reach_new(runtime, host_id, [one.certification for one in saved])
    say_saved(saved)
    return 0


def export(host: str | None, codes: Sequence[str]) -> int:
    """Print certifications as a file."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        for code in codes:
            certification(session, host_id, code)
        seen = rights().seen()
        wanted = list(codes) or [
            code
            for code in all_codes(session, host_id)
            if seen is None or certification(session, host_id, code) in seen
        ]
        demand_each(session, host_id, "see", wanted)
        print(certification_file.export(session, host_id, wanted), end="")
    return 0
