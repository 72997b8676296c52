"""Messages: what was sent, what waits, what is held, and what somebody has to decide about."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.listing import listed as certifications_listed
from plugin.certifications.tables import Certification
from plugin.core.errors import Invalid
from plugin.delivery.messages import storm
from plugin.delivery.messages.channels import channel_of
from plugin.delivery.messages.message_list import (
    IN_DOUBT,
    STATES,
    MessageFilters,
    answer_doubtful,
    by_state,
    listed,
    unanswered,
)
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.lookup.search import find
from plugin.web.certifications.notification_form import message_event_words
from plugin.web.delivery.message_words import answered_words, channel_words, state_words_of_messages
from plugin.web.frame import lists
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, go, host_id, nudge, number, page, page_number, query, runtime, who
from plugin.web.frame.lists import Chip, Heading, Listing, searched

blueprint = Blueprint("messages", __name__, url_prefix=f"{PREFIX}/messages")

_MOST_FOUND = 200
_MOST_OFFERED = 500


def headings() -> tuple[Heading, ...]:
    """The columns of the list, which is always the newest first."""
    return (
        Heading("to", _("To"), fixed=True),
        Heading("about", _("About")),
        Heading("notification", _("Notification")),
        Heading("state", _("State")),
    )


def _chips(session: Session, found: Listing, state: str, certification: int) -> list[Chip]:
    row = session.get(Certification, (host_id(), certification)) if certification else None
    words = {
        "q": searched(query()), "state": state_words_of_messages().get(state, ""),
        "certification": row.name if row is not None else "",
    }  # fmt: skip
    return [found.chip(said, name) for name, said in words.items() if said]


@blueprint.get("")
@rule("see host")
def listing() -> Response:
    """Numbers by state, the storm, and the messages, newest first."""
    state = request.args.get("state", "")
    state = state if state in STATES else ""
    certification = number("certification")
    found = lists.listing("messages", "messages.listing", headings(), args={
        "state": state or None, "certification": certification or None, "q": query() or None,
    })  # fmt: skip
    made = runtime()
    with made.db.read() as session:
        asked = MessageFilters(state, certification, _people(session, query()))
        total, rows = listed(session, host_id(), asked, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE)
        channel = channel_of(session, host_id())
        context: dict[str, Any] = {
            "list": found, "chips": _chips(session, found, state, certification),
            "rows": rows, "total": total, "state": state, "certification_asked": certification, "query": query(),
            "numbers": by_state(session, host_id(), certification), "states": STATES, "in_doubt": IN_DOUBT,
            "certifications": [
                one.certification
                for one in certifications_listed(session, host_id(), "", limit=_MOST_OFFERED, offset=0)[1]
            ],
            "cap": storm.cap_of(session, host_id(), made.settings.message_cap), "channel": channel,
            "unanswered": unanswered(session, host_id()),
            "zone": zone_of_host(session, host_id()), "triggers": message_event_words(), "words": state_words_of_messages(),
            "ways": channel_words(), "done": answered_words(request.args.get("done", "")), "now": made.clock.now(),
            "page_number": page_number(), "page_size": PAGE_SIZE,
        }  # fmt: skip
    return page("delivery/messages.html", **context)


def _people(session: Session, asked: str) -> tuple[int, ...] | None:
    if not asked:
        return None
    return tuple(row.id for row in find(session, host_id(), "person", asked, limit=_MOST_FOUND).rows)


@blueprint.post("")
@rule("change host")
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


def _cap() -> int:
    text = request.form.get("cap", "").strip().replace(",", "")
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) > 0):
        raise Invalid(_("Enter a whole number of at least 1."))
    return int(text)


def _raises() -> bool:
    """Whether more may go out than before."""
    with runtime().db.read() as session:
        return _cap() > storm.cap_of(session, host_id(), runtime().settings.message_cap)


@blueprint.post("/cap")
@rule("change host", widens=_raises)
def cap() -> Response:
    """How many messages may go out within an hour before the rest is held."""
    made, tenant, by, most = runtime(), host_id(), who(), _cap()
    made.db.transact(lambda session: storm.change_cap(session, tenant, most, at=made.clock.now(), who=by))
    return go(url_for(".listing"))
