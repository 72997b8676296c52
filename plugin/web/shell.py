"""The frame around pages: language, direction, the tabs of a certification, and the words templates use."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.store import by_id
from plugin.certifications.tables import Certification
from plugin.core.clock import parse_instant
from plugin.core.errors import Invalid
from plugin.core.tables import Host
from plugin.enrolment.roster import open_count
from plugin.enrolment.terms import zone_of_host
from plugin.web import words
from plugin.web.kit import host_id, origin_of, runtime

blueprint = Blueprint("shell", __name__)

TABS = ("overview", "details", "assignments", "learners", "exceptions", "notifications", "history")
ENDPOINTS = {
    "overview": "overview.show",
    "details": "details.show",
    "assignments": "assignments.tab",
    "learners": "learners.tab",
    "exceptions": "exceptions.tab",
    "notifications": "notifications.tab",
    "history": "history.tab",
}


@blueprint.app_context_processor
def frame() -> dict[str, Any]:
    """What the base templates need on every page."""
    launch = getattr(g, "launch", None)
    locale = words.launch_locale()
    return {
        "launch": launch,
        "locale": locale,
        "direction": words.locale_direction(locale),
        "way_back": _web_address(getattr(launch, "return_url", "") or g.get("way_back", "")),
        "here": request.full_path.removeprefix(f"/t/{g.get('handle')}").rstrip("?"),
        "host_origin": origin_of(getattr(launch, "host_origin", "") or getattr(launch, "issuer", "") or ""),
        "type_words": words.type_words,
        "due_words": words.due_words,
        "state_words": words.state_words,
        "state_tone": words.state_tone,
        "exception_words": words.exception_words,
        "moment": words.moment,
        "parse_instant": parse_instant,
        "advice": words.advice,
        "adding_sentence": words.adding_sentence,
        "removing_sentence": words.removing_sentence,
        "adding_parts": words.adding_parts,
        "removing_parts": words.removing_parts,
        "sections": sections,
        "tab_names": tab_names,
        "availability": availability,
        "tab_endpoints": ENDPOINTS,
    }


def _web_address(address: str) -> str:
    """The address where a link may lead; empty for anything but http and https."""
    return address if address.startswith(("https://", "http://")) else ""


@blueprint.before_app_request
def refuse_nul() -> None:
    """No name holds a NUL, and PostgreSQL takes none.

    :raises Invalid: when the address or a form's field has one.
    """
    fields = [request.path, *request.args.values()]
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        fields += [value for values in request.form.listvalues() for value in values]
    if any("\x00" in value for value in fields):
        raise Invalid(_("That contains a character that cannot be used."))


@blueprint.app_template_filter("count")
def count_filter(number: int) -> str:
    """A number in the reader's language."""
    return words.count(number)


def sections(leads: bool = False) -> dict[str, tuple[str, str]]:
    """What this visitor has beside single certifications: label and address of each, in order.

    :param leads: whether others report to her, so that she has a team to look at.
    """
    found: dict[str, tuple[str, str]] = {}
    if g.launch.is_administrator:
        found = {
            "certifications": (_("Certifications"), url_for("certifications.listing")),
            "delivery": (_("Delivery"), url_for("delivery.show")),
            "messages": (_("Messages"), url_for("messages.listing")),
            "held": (_("On hold"), url_for("held.listing")),
            "endpoints": (_("Endpoints"), url_for("endpoints.listing")),
            "hosts": (_("Hosts"), url_for("hosts.listing")),
        }
    if g.launch.person is not None:
        found["mine"] = (_("My certifications"), url_for("my.listing"))
    if leads:
        found["team"] = (_("My team"), url_for("team.show"))
    return found


def tab_names() -> dict[str, str]:
    """The tabs of a certification, in order."""
    return {
        "overview": _("Overview"),
        "details": _("Details"),
        "assignments": _("Assignments"),
        "learners": _("Learners"),
        "exceptions": _("Exceptions"),
        "notifications": _("Notifications"),
        "history": _("History"),
    }


def of_certification(session: Session, number: int, tab: str) -> dict[str, Any]:
    """What the header and tabs of one certification show.

    :raises NotFound: when this host has none of this id.
    """
    row: Certification = by_id(session, host_id(), number)
    return {
        "certification": row,
        "tab": tab,
        "open_exceptions": open_count(session, host_id(), number),
        "zone": zone_of_host(session, host_id()),
        "what": "program" if row.kind == "program" else "certification",
        "read_only": row.state == "archived" or _is_over(row.available_until),
    }


def availability(row: Certification) -> tuple[str, str]:
    """Whether it reaches learners now: a class of the stylesheet with a blank before it, or nothing, and the words."""
    if row.state == "draft":
        return "", str(_("Draft: reaches nobody yet"))
    if row.state == "archived":
        return "", str(_("Archived: read only"))
    if _is_over(row.available_until):
        return "", str(_("Ended: read only"))
    if row.available_from is not None and row.available_from > runtime().clock.now():
        return "", str(_("Not available yet"))
    return " ok", str(_("Available to learners"))


def _is_over(until: int | None) -> bool:
    return until is not None and until <= runtime().clock.now()


def host_row(session: Session) -> Host:
    """The tenant of this launch."""
    return session.get_one(Host, host_id())
