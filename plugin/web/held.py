"""What is on hold: withdrawals the guard stopped, vanished targets and teams, records of the host (DOMAIN 5.6)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.certifications.store import codes, get
from plugin.core.clock import parse_instant
from plugin.core.errors import Invalid
from plugin.enrolment.held import answer_held, held_items
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.browse import describe
from plugin.web.kit import PREFIX, go, host_id, nudge, page, runtime, who

blueprint = Blueprint("held", __name__, url_prefix=f"{PREFIX}/held")

_NAMES_SHOWN = 100


@blueprint.get("")
@rule("administrator")
def listing() -> Response:
    """Everything on hold, with the learners it is about."""
    with runtime().db.read() as session:
        items = held_items(session, host_id())
        people = {ext for item in items for ext in item.get("people", ())[:_NAMES_SHOWN]}
        known = set(codes(session, host_id()))
        context: dict[str, Any] = {
            "items": [{**item, "instant": parse_instant(item["since"]) if item.get("since") else None} for item in items],
            "names": {key[1]: one.name for key, one in describe(
                session, host_id(), [("individual", ext) for ext in people]).items()},
            "certifications": {code: get(session, host_id(), code).name for code in
                               {item["certification"] for item in items if item.get("certification")} & known},
            "zone": zone_of_host(session, host_id()),
            "shown": _NAMES_SHOWN,
        }  # fmt: skip
    return page("held.html", **context)


@blueprint.post("")
@rule("administrator")
def answer() -> Response:
    """Release or refuse one of them."""
    action, one = request.form.get("action", ""), request.form.get("id", "")
    if action not in ("release", "refuse") or not one:
        raise Invalid(_("Choose what to release or to refuse."))
    answer_held(runtime(), host_id(), [one], release=action == "release", who=who())
    nudge()
    return go(url_for(".listing"))
