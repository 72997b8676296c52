"""Messages: what was sent, what waits, what is held, and what somebody has to decide about."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.listing import listed as certifications_listed
from plugin.core.errors import Invalid
from plugin.delivery import storm
from plugin.delivery.channels import channel_of
from plugin.delivery.message_list import IN_DOUBT, STATES, Asked, answer_doubtful, by_state, listed, unanswered
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.search import find
from plugin.web.kit import PAGE_SIZE, PREFIX, go, host_id, nudge, number, page, page_number, query, runtime, who
from plugin.web.message_words import answered_words, channel_words, state_words_of_messages
from plugin.web.notification_form import trigger_words

blueprint = Blueprint("messages", __name__, url_prefix=f"{PREFIX}/messages")

_MOST_FOUND = 200
_MOST_OFFERED = 500


@blueprint.get("")
@rule("administrator")
def listing() -> Response:
    """Numbers by state, the storm, and the messages, newest first."""
    state = request.args.get("state", "")
    state = state if state in STATES else ""
    certification = number("certification")
    made = runtime()
    with made.db.read() as session:
        asked = Asked(state, certification, _people(session, query()))
        total, rows = listed(session, host_id(), asked, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE)
        channel = channel_of(session, host_id())
        context: dict[str, Any] = {
            "rows": rows, "total": total, "state": state, "certification_asked": certification, "query": query(),
            "numbers": by_state(session, host_id(), certification), "states": STATES, "in_doubt": IN_DOUBT,
            "certifications": [
                one.certification
                for one in certifications_listed(session, host_id(), "", limit=_MOST_OFFERED, offset=0)[1]
            ],
            "cap": storm.cap_of(session, host_id(), made.settings.message_cap), "channel": channel,
            "unanswered": unanswered(session, host_id()),
            "zone": zone_of_host(session, host_id()), "triggers": trigger_words(), "words": state_words_of_messages(),
            "ways": channel_words(), "done": answered_words(request.args.get("done", "")), "now": made.clock.now(),
            "page_number": page_number(), "page_size": PAGE_SIZE,
        }  # fmt: skip
    return page("messages.html", **context)


def _people(session: Session, asked: str) -> tuple[int, ...] | None:
    if not asked:
        return None
    return tuple(row.id for row in find(session, host_id(), "person", asked, limit=_MOST_FOUND).rows)


@blueprint.post("")
@rule("administrator")
def answer() -> Response:
    """Release or discard what is held; send again or dismiss what is in doubt, singly, ticked, or all of a state."""
    action, _colon, one = request.form.get("action", "").partition(":")
    made, tenant, by = runtime(), host_id(), who()
    state = request.form.get("state", "")

    def work(session: Session) -> int:
        if action in (storm.RELEASE, storm.DISCARD):
            return storm.answer_held(session, tenant, action, at=made.clock.now(), who=by)
        ids = None if "all" in request.form and not one and state in IN_DOUBT else _numbers(one)
        return answer_doubtful(session, tenant, action, ids, state=state, at=made.clock.now(), who=by)

    count = made.db.transact(work)
    nudge()
    return go(url_for(".listing", done=f"{action}:{count}", state=state if state in STATES else None))


def _numbers(one: str) -> list[int]:
    chosen = [one] if one else request.form.getlist("message")
    if not all(text.isascii() and text.isdigit() and len(text) < 16 for text in chosen):
        raise Invalid(_("Choose at least one of them."))
    return [int(text) for text in chosen]


@blueprint.post("/cap")
@rule("administrator")
def cap() -> Response:
    """How many messages may go out within an hour before the rest is held."""
    text = request.form.get("cap", "").strip().replace(",", "")
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) > 0):
        raise Invalid(_("Enter a whole number of at least 1."))
    made, tenant, by = runtime(), host_id(), who()
    made.db.transact(lambda session: storm.change_cap(session, tenant, int(text), at=made.clock.now(), who=by))
    return go(url_for(".listing"))
