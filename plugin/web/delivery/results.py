"""Results that Muster reports to courses' gradebooks: how they stand, and those a course did not take."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from plugin.access.rules import rule
from plugin.delivery.results.score_figures import answer_results, refused_results, reported, unknown_codes
from plugin.enrolment.terms import zone_of_host
from plugin.web.delivery.delivery_words import results_done_words
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, go, host_id, nudge, number, page, page_number, runtime, who

blueprint = Blueprint("results", __name__, url_prefix=f"{PREFIX}/delivery/results")


@blueprint.get("")
@rule("see host")
def show() -> Response:
    """By course and certification; and the refused ones, in the learning site's own words."""
    line = number("line")
    made, now = runtime(), runtime().clock.now()
    with made.db.read() as session:
        offset = (page_number() - 1) * PAGE_SIZE
        total, rows = refused_results(session, host_id(), line=line, limit=PAGE_SIZE, offset=offset)
        context: dict[str, Any] = {
            "lines": reported(session, host_id()), "rows": rows, "total": total, "line": line, "now": now,
            "unknown": unknown_codes(session, host_id()), "zone": zone_of_host(session, host_id()),
            "page_number": page_number(), "page_size": PAGE_SIZE,
            "done": results_done_words(request.args.get("done", "")),
        }  # fmt: skip
    return page("delivery/results.html", **context)


@blueprint.post("")
@rule("change host")
def answer() -> Response:
    """Retry or dismiss: one, those ticked, or all that match."""
    text = request.form.get("line", "")
    line = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    action, _colon, key = request.form.get("action", "").partition(":")
    everything = request.form.get("all") == "1" and not key
    keys = None if everything else [key] if key else request.form.getlist("result")
    made = runtime()
    count = made.db.transact(
        lambda session: answer_results(
            session, host_id(), action, keys, line=line if everything else 0, at=made.clock.now(), who=who()
        )
    )
    nudge()
    return go(url_for(".show", done=f"{action}:{count}", line=None if everything or not line else line))
