"""The list of certifications, and making one."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.grants import reach_too
from plugin.access.rules import SEE, in_area, rule
from plugin.certifications.definition import Definition, Proposal
from plugin.certifications.drafts.drafts import unsaved_in
from plugin.certifications.file.certification_file import DEFAULT_PERIOD
from plugin.certifications.listing import listed
from plugin.certifications.rules.written_content import dump_content, parse_content
from plugin.certifications.store import by_code
from plugin.core.area_scope import narrow
from plugin.core.errors import Invalid
from plugin.enrolment.answers.withdrawal_guard import active_count
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.terms import zone_of_host
from plugin.enrolment.views.unreachable import with_unreachable
from plugin.mirror.connections.health import trouble_of
from plugin.mirror.lookup.browse import courses
from plugin.mirror.lookup.search import fold
from plugin.population.area import acting_units, area_scope_of
from plugin.web.frame import lists
from plugin.web.frame.course_words import offered
from plugin.web.frame.kit import PREFIX, editor, field, go, host_id, page, page_number, query, runtime, who
from plugin.web.frame.lists import Heading

blueprint = Blueprint("certifications", __name__, url_prefix=f"{PREFIX}/certifications")

_PAGE = 25
DEFAULT_NOTIFICATIONS: tuple[dict[str, Any], ...] = (
    {"when": "assigned", "to": ["learner"]},
    {"when": "withdrawn", "to": ["learner"]},
)
"""What a certification made on this page sends, until somebody changes it."""


def headings() -> tuple[Heading, ...]:
    """The columns of the list."""
    return (
        Heading("name", _("Name"), "name", fixed=True),
        Heading("code", _("Code"), "code"),
        Heading("state", _("State"), "state"),
        Heading("assignments", _("Assignments"), number=True),
        Heading("learners", _("Learners"), number=True),
    )


def _state_names() -> dict[str, str]:
    return {"live": _("Available to learners"), "draft": _("Draft"), "archived": _("Archived")}


@blueprint.get("")
@rule("staff", area=True)
def listing() -> Response:
    """All certifications and programs, searched and paged."""
    start = (page_number() - 1) * _PAGE
    state = request.args.get("state", "") if request.args.get("state") in _state_names() else ""
    found = lists.listing("certifications", "certifications.listing", headings(), args={
        "q": query() or None, "state": state or None,
    })  # fmt: skip
    chips = [found.chip(lists.searched(query()), "q")] if query() else []
    chips += [found.chip(_state_names()[state], "state")] if state else []
    with runtime().db.read() as session:
        rights = g.launch.rights
        total, rows = listed(
            session, host_id(), query(), limit=_PAGE, offset=start, only=rights.seen(), state=state, order=found.sort
        )
        unsaved = unsaved_in(session, host_id(), editor())
        trouble = None if acting_units() is not None else trouble_of(session, host_id())
        zone = zone_of_host(session, host_id())
        ailing = with_unreachable(
            session, host_id(), [one.certification.id for one in rows if one.certification.state != "archived"]
        )
        learners = {one.certification.id: _learners(session, one.certification.id) for one in rows}
    return page(
        "certifications/certifications.html", rows=rows, learners=learners, unsaved=unsaved,
        ailing=ailing, trouble=trouble, zone=zone, list=found, chips=chips, state=state, states=_state_names(),
        total=total, query=query(), page_number=page_number(), page_size=_PAGE,
    )  # fmt: skip


def _learners(session: Session, certification: int) -> int:
    """How many there are; of a certification in which she looks after an area, how many of her people."""
    if in_area(SEE, g.launch, certification):
        with narrow(session, area_scope_of(g.launch.rights.units)):
            return active_count(session, host_id(), certification)
    return active_count(session, host_id(), certification)


@blueprint.get("/new")
@rule("create")
def new() -> Response:
    """The form to make one."""
    return _new("")


def _new(problem: str) -> Response:
    with runtime().db.read() as session:
        choices = offered(courses(session, host_id()))
    form = request.form
    return page(
        "certifications/certification_new.html", problem=problem, form=form, chosen=form.getlist("course"), courses=choices,
        status=400 if problem else 200,
    )  # fmt: skip


@blueprint.post("/new")
@rule("create")
def create() -> Response:
    """Make a certification; its Assignments tab is next."""
    try:
        number = _create()
    except Invalid as error:
        return _new(error.sentence)
    created_by(number)
    return go(url_for("assignments.tab", certification=number))


def created_by(number: int) -> None:
    """Whoever administers some certifications administers the one she has made."""
    if not g.launch.rights.changes(number):
        made, launch = runtime(), g.launch
        made.db.transact(lambda session: reach_too(session, host_id(), launch.person, launch.subject, number))


def _create() -> int:
    name = field("name")
    if not name:
        raise Invalid(_("Enter a name."))
    kind = "program" if request.form.get("kind") == "program" else "certification"
    state = "live" if request.form.get("state", "live") == "live" else "draft"
    with runtime().db.read() as session:
        known = {course.ext for course in courses(session, host_id())}
        code = field("code", 100) or free_code(session, name)
        if by_code(session, host_id(), code) is not None:
            raise Invalid(_("The code '%(code)s' is taken. Choose another.", code=code))
    chosen = list(dict.fromkeys(request.form.getlist("course")))
    if not known.issuperset(chosen):
        raise Invalid(_("The learning site no longer has one of these courses. Choose again."))
    path = [{"name": _("Courses"), "courses": chosen, "needs": "all"}] if chosen else []
    content = dump_content(parse_content({"certification": path, "recertification": []}))
    definition = Definition(
        code=code, name=name, kind=kind, state=state, content=content,
        period={} if kind == "program" else dict(DEFAULT_PERIOD), notifications=DEFAULT_NOTIFICATIONS,
    )  # fmt: skip
    saved = save(runtime(), host_id(), [Proposal(definition, 0, None)], who=who(), choices=Choices())
    return saved[0].certification


def free_code(session: Any, name: str) -> str:
    """A short code from the name's initials and numbers, with a number behind it where it is taken."""
    words = re.findall(r"[a-z0-9]+", fold(name))
    stem = "".join(word if word.isdigit() else word[0] for word in words)[:12].upper() or "C"
    code, n = stem, 1
    while by_code(session, host_id(), code) is not None:
        n += 1
        code = f"{stem}-{n}"
    return code
