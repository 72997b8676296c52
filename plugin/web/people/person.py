"""One person across certifications: where she works, all her certifications, and what is done about them in place."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answered

from plugin.access.readers import reader_of
from plugin.access.rules import CHANGE, STAFF, demand, rule
from plugin.certifications.listing import listed
from plugin.core.errors import Invalid
from plugin.core.tables import Journal
from plugin.mirror.lookup.browse import zone_of_person
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker
from plugin.reports.people.person import PersonCertification, person_of, standings, work_of
from plugin.reports.people.timeline import timeline
from plugin.reports.query import ask
from plugin.reports.service import asking
from plugin.web.certifications.happening_words import happened_words
from plugin.web.certifications.history_words import act_words, effect_words, reason_words, who_words
from plugin.web.certifications.notification_form import trigger_words
from plugin.web.delivery.message_words import channel_words, state_words_of_messages
from plugin.web.frame.kit import PREFIX, field, host_id, number, page, runtime, who
from plugin.web.frame.words import action_words
from plugin.web.learners.exceptions import allowed

blueprint = Blueprint("person", __name__, url_prefix=f"{PREFIX}/people")

_MESSAGES, _HAPPENED, _OFFERED = 12, 25, 500


@blueprint.get("/<path:person>")
@rule(STAFF, area=True)
def show(person: str) -> Response:
    """Her page; the certifications on it are those the reader may see."""
    rights = g.launch.rights
    with asking(runtime(), host_id(), reader_of(runtime(), host_id(), rights, who())) as asker:
        her = person_of(asker, person)
        stands = standings(asker, her)
        entries, older = timeline(asker, her, limit=number("entries") or _HAPPENED)
        context: dict[str, Any] = {
            "person": her, "work": work_of(asker, her), "standings": stands, "zone": asker.zone, "now": asker.now,
            "her_zone": zone_of_person(asker.session, host_id(), her.id, asker.zone),
            "messages": _messages(asker, person), "happened": [_entry(one, asker.zone) for one in entries],
            "older": older, "names": {one.id: one.row["certification_name"] for one in stands},
            "others": _others(asker, stands) if her.state == 0 else [],
            "changes": {one.id for one in stands if rights.changes(one.id) or rights.works_in(one.id)},
        }  # fmt: skip
    return page(
        "people/person.html", allowed=allowed, action_words=action_words,
        triggers=trigger_words(), message_states=state_words_of_messages(), ways=channel_words(), **context,
    )  # fmt: skip


def _messages(asker: Asker, person: str) -> list[dict[str, Any]]:
    if asker.reader.sources is not None and "messages" not in asker.reader.sources:
        return []
    asked = Question("messages", filters=(("about", person),), sort="-at", limit=_MESSAGES)
    return ask(asker, asked).rows


def _others(asker: Asker, stands: list[PersonCertification]) -> list[tuple[int, str]]:
    """The certifications that she could be assigned to by this reader."""
    _total, rows = listed(asker.session, asker.host_id, "", limit=_OFFERED, offset=0, only=g.launch.rights.seen())
    hers = {one.id for one in stands if one.row["state"] != "withdrawn"}
    found, rights = [one.certification for one in rows], g.launch.rights
    return [
        (one.id, one.name) for one in found
        if one.state != "archived" and one.id not in hers and (rights.changes(one.id) or rights.works_in(one.id))
    ]  # fmt: skip


def _entry(entry: Journal, zone: str) -> dict[str, Any]:
    words = happened_words(entry.what) or act_words(entry, "", zone)
    if not happened_words(entry.what) and entry.what.startswith("exception_") and entry.reason:
        words = effect_words(entry.what, entry.reason, 1)[0]
    return {
        "at": entry.at, "words": words, "who": who_words(entry.who), "certification": entry.certification,
        "reason": reason_words(entry, {}),
    }  # fmt: skip


@blueprint.post("/<person>/assign")
@rule(STAFF, area=True)
def assign(person: str) -> Answered:
    """Assign her to another certification: on to the warning that choosing individuals shows, and to its draft."""
    text = field("certification", 15)
    if not (text.isascii() and text.isdigit()):
        raise Invalid(_("Choose a certification."))
    demand(CHANGE, g.launch, int(text), area=True)
    if request.form.getlist("target") != [person]:
        raise Invalid(_("Choose one of the values offered."))
    return redirect(url_for("picker.confirm", certification=int(text), kind="individual"), 307)
