"""What is on hold: withdrawals the guard stopped, vanished targets and teams, records of the host (rules 5.6)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.store import codes, definition_of, get
from plugin.core.clock import parse_instant
from plugin.core.errors import Invalid
from plugin.enrolment.answers.on_hold import answer_held, held_items
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.lookup.browse import describe
from plugin.web.frame.kit import PREFIX, go, host_id, nudge, page, runtime, who
from plugin.web.hosts.host_words import data_words

blueprint = Blueprint("held", __name__, url_prefix=f"{PREFIX}/held")

_NAMES_SHOWN = 100


@blueprint.get("")
@rule("see host")
def listing() -> Response:
    """Everything on hold, with the learners it is about."""
    with runtime().db.read() as session:
        items = held_items(session, host_id())
        targets = {
            item["assignment"]: tuple(item["assignment"].split(":", 1)) for item in items if item.get("assignment")
        }
        named = describe(session, host_id(), [(kind, ext) for kind, ext in targets.values()])
        people = {ext for item in items for ext in item.get("people", ())[:_NAMES_SHOWN]}
        known = set(codes(session, host_id()))
        context: dict[str, Any] = {
            "items": [{**item, "instant": parse_instant(item["since"]) if item.get("since") else None} for item in items],
            "names": {key[1]: one.name for key, one in describe(
                session, host_id(), [("individual", ext) for ext in people]).items()},
            "certifications": {code: get(session, host_id(), code) for code in
                               {item["certification"] for item in items if item.get("certification")} & known},
            "targets": {key: (target[0], named[target].name) for key, target in targets.items()},
            "released": {code: _released(session, code) for code in
                         {item["certification"] for item in items if item.get("certification")} & known},
            "zone": zone_of_host(session, host_id()),
            "shown": _NAMES_SHOWN,
            "kinds": data_words(),
        }  # fmt: skip
    return page("learners/held.html", **context)


def _released(session: Session, code: str) -> str:
    """What becomes of learners who are withdrawn: their places in the courses, and when."""
    leaving = definition_of(session, host_id(), get(session, host_id(), code).id).leaving
    seats = {
        "remove": _("They are withdrawn, and taken out of its courses at the learning site"),
        "keep": _("They are withdrawn, and stay in its courses at the learning site"),
    }
    said = seats.get(leaving.get("seat", ""), _("They are withdrawn, and their places in its courses are suspended"))
    grace = str(leaving.get("grace") or "0 days")
    if not grace.startswith("0 "):
        said += _(", %(grace)s from now", grace=grace)
    return said + _("; whoever another assignment keeps stays.")


@blueprint.post("")
@rule("change host")
def answer() -> Response:
    """Release or refuse one of them."""
    action, one = request.form.get("action", ""), request.form.get("id", "")
    if action not in ("release", "refuse") or not one:
        raise Invalid(_("Choose what to release or to refuse."))
    answer_held(runtime(), host_id(), [one], release=action == "release", who=who())
    nudge()
    return go(url_for(".listing"))
