"""The frame around pages: language, direction, the tabs of a certification, and the words templates use."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, current_app, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.access.rules import allows, area_of, rule_of
from plugin.certifications.store import by_id
from plugin.certifications.tables import Certification
from plugin.core.clock import parse_instant
from plugin.core.errors import Invalid
from plugin.enrolment.terms import zone_of_host
from plugin.enrolment.views.roster import open_count
from plugin.enrolment.views.team import leads
from plugin.enrolment.views.unreachable import unreachable_in
from plugin.mirror.connections.health import trouble_of
from plugin.population.area import acting_units
from plugin.reports.needs_attention import Waits, waits_of
from plugin.web.frame import course_words, day_words, words
from plugin.web.frame.kit import PREFIX, host_id, origin_of, runtime
from plugin.web.frame.reader import reader_language

blueprint = Blueprint("shell", __name__)

_OF_ALL = ("details", "notifications")
"""Tabs about everybody."""
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
    spoken = reader_language()
    return {
        "launch": launch,
        "locale": spoken.tag,
        "direction": spoken.direction,
        "way_back": _web_address(getattr(launch, "return_url", "") or g.get("way_back", "")),
        "here": request.full_path.removeprefix(f"/t/{g.get('handle')}").rstrip("?"),
        "host_origin": origin_of(getattr(launch, "host_origin", "") or getattr(launch, "issuer", "") or ""),
        "type_words": words.type_words,
        "due_words": words.due_words,
        "state_words": words.state_words,
        "state_tone": words.state_tone,
        "exception_words": words.exception_words,
        "moment": words.moment,
        "plain_day": day_words.plain_day,
        "iso_day": day_words.iso_day,
        "progress_words": day_words.progress_words,
        "parse_instant": parse_instant,
        "advice": words.advice,
        "ails_words": course_words.problem_words,
        "learner_words": course_words.learner_words,
        "adding_sentence": words.adding_sentence,
        "removing_sentence": words.removing_sentence,
        "adding_parts": words.adding_parts,
        "removing_parts": words.removing_parts,
        "sections": sections,
        "system_sections": system_sections,
        "section_here": section_here,
        "site_waits": site_waits,
        "zones": lambda: sorted(available_timezones()),
        "tab_names": tab_names,
        "availability": availability,
        "tab_endpoints": ENDPOINTS,
    }


def _web_address(address: str) -> str:
    """The address where a link may lead; empty for anything but http and https."""
    return address if address.startswith(("https://", "http://")) else ""


_BARE = ("/api/", "/scim/")
"""Where programs send bodies, and nobody a form."""


@blueprint.before_app_request
def refuse_nul() -> None:
    """No name holds a NUL, and PostgreSQL takes none.

    :raises Invalid: when the address or a form's field has one.
    """
    fields = [request.path, *request.args.values()]
    bare = request.path.startswith(_BARE)  # a body there is what it is, also where a client calls it a form
    if not bare and request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        fields += [value for values in request.form.listvalues() for value in values]
    if any("\x00" in value for value in fields):
        raise Invalid(_("That contains a character that cannot be used."))


@blueprint.app_template_filter("count")
def count_filter(number: int) -> str:
    """A number in the reader's language."""
    return words.count(number)


_SECTION_OF = {
    "today": "home", "finder": "search", "people": "people", "person": "people", "reports": "reports", "saved_reports": "reports",
    "messages": "messages", "system": "system", "delivery": "delivery", "results": "delivery", "held": "held",
    "endpoints": "endpoints", "sources": "sources", "source": "sources", "source_removal": "sources",
    "source_settings": "sources", "source_loads": "sources", "what_if": "sources", "my": "mine", "team": "team",
    "record": "record",
}  # fmt: skip
"""The section of the pages of a blueprint, where the page does not say it."""


def section_here() -> str:
    """The section that the page asked for belongs to."""
    if "certification" in (request.view_args or {}):
        return "certifications"
    blueprint = request.blueprint or ""
    if blueprint in _SECTION_OF:
        return _SECTION_OF[blueprint]
    page = str(request.url_rule or request.path).removeprefix(PREFIX)
    return "hosts" if page.startswith("/hosts") else "certifications"


def sections(has_team: bool | None = None) -> dict[str, tuple[str, str]]:
    """What this visitor has beside single certifications: label and address of each, in order.

    :param has_team: whether others report to her, so that she has a team to look at; asked where a page does not know.
    """
    found: dict[str, tuple[str, str]] = {}
    rights = g.launch.rights
    if rights.any:
        found = {
            "home": (_("Home"), url_for("today.show")),
            "certifications": (_("Certifications"), url_for("certifications.listing")),
            "reports": (_("Reports"), url_for("reports.first")),
            "people": (_("People"), url_for("people.listing")),
        }
    if rights.sees_host:
        found["messages"] = (_("Messages"), url_for("messages.listing"))
    if g.launch.person is not None:
        found["mine"] = (_("My certifications"), url_for("my.listing"))
        found["record"] = (_("My record"), url_for("record.listing"))
    if has_team is None:
        has_team = not rights.any and _has_team()
    if has_team:
        found["team"] = (_("My team"), url_for("team.show"))
        found["team_reports"] = (_("Reports on my team"), url_for("reports.team_first"))
    if rights.sees_host:
        found["system"] = (_("System"), url_for("system.show"))
    return found


def _has_team() -> bool:
    person = g.launch.person
    if person is None:
        return False
    with runtime().db.read() as session:
        return leads(session, host_id(), person)


def system_sections() -> dict[str, tuple[str, str]]:
    """What *System* holds."""
    return {
        "delivery": (_("Delivery"), url_for("delivery.show")),
        "held": (_("On hold"), url_for("held.listing")),
        "endpoints": (_("Endpoints"), url_for("endpoints.listing")),
        "sources": (_("Sources"), url_for("sources.listing", number=host_id())),
        "hosts": (_("Hosts"), url_for("hosts.listing")),
    }


def site_waits() -> Waits | None:
    """What waits at the whole learning site, for whoever sees it."""
    if not g.launch.rights.sees_host:
        return None
    with runtime().db.read() as session:
        return waits_of(session, host_id())


def tab_names() -> dict[str, str]:
    """The tabs of a certification that this visitor comes to, in order."""
    found = {
        "overview": _("Overview"),
        "details": _("Details"),
        "assignments": _("Assignments"),
        "learners": _("Learners"),
        "exceptions": _("Exceptions"),
        "notifications": _("Notifications"),
        "history": _("History"),
    }
    return found if acting_units() is None else {name: one for name, one in found.items() if name not in _OF_ALL}


def of_certification(session: Session, number: int, tab: str) -> dict[str, Any]:
    """What the header and tabs of one certification show.

    :raises NotFound: when this host has none of this id.
    """
    row: Certification = by_id(session, host_id(), number)
    whole = acting_units() is None  # of an area nobody is told what waits for everybody
    return {
        "certification": row,
        "tab": tab,
        "namesakes": namesakes(session, row),
        "open_exceptions": open_count(session, host_id(), number),
        "zone": zone_of_host(session, host_id()),
        "what": "program" if row.kind == "program" else "certification",
        "trouble": trouble_of(session, host_id()) if whole else None,
        "unreachable": unreachable_in(session, host_id(), number) if whole and row.state != "archived" else [],
        "read_only": row.state == "archived"
        or _is_over(row.available_until)
        or not (g.launch.rights.changes(number) or g.launch.rights.works_in(number)),
    }


@blueprint.app_template_global()
def may(endpoint: str) -> bool:
    """Whether the rule of a page or form lets this visitor pass, so that nothing is offered that would be refused."""
    view = current_app.view_functions[endpoint]
    name, certification = rule_of(view), (request.view_args or {}).get("certification")
    return name is not None and g.launch is not None and allows(name, g.launch, certification, area=area_of(view))


def namesakes(session: Session, row: Certification) -> int:
    """How many others of this host are called the same."""
    query = select(func.count()).where(
        Certification.host_id == row.host_id, Certification.name == row.name, Certification.id != row.id,
        Certification.state != "archived",
    )  # fmt: skip
    return int(session.scalar(query) or 0)


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
