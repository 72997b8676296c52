"""The list of certifications, and making one."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.certifications.asfile import DEFAULT_PERIOD
from plugin.certifications.content import dump_content, parse_content
from plugin.certifications.definition import Definition, Proposal
from plugin.certifications.drafts import unsaved_in
from plugin.certifications.listing import listed
from plugin.certifications.store import by_code
from plugin.core.errors import Invalid
from plugin.delivery.endpoint_log import disabled_count
from plugin.enrolment.guard import active_count
from plugin.enrolment.held import held_items
from plugin.enrolment.save import Choices, save
from plugin.mirror.browse import courses
from plugin.mirror.search import fold
from plugin.web.kit import PREFIX, editor, field, go, host_id, page, page_number, query, runtime, who

blueprint = Blueprint("certifications", __name__, url_prefix=f"{PREFIX}/certifications")

_PAGE = 25
DEFAULT_NOTIFICATIONS: tuple[dict[str, Any], ...] = (
    {"when": "assigned", "to": ["learner"]},
    {"when": "withdrawn", "to": ["learner"]},
)
"""What a certification made on this page sends, until somebody changes it."""


@blueprint.get("")
@rule("administrator")
def listing() -> Response:
    """All certifications and programs, searched and paged."""
    start = (page_number() - 1) * _PAGE
    with runtime().db.read() as session:
        total, rows = listed(session, host_id(), query(), limit=_PAGE, offset=start)
        on_hold = len(held_items(session, host_id()))
        disabled = disabled_count(session, host_id())
        unsaved = unsaved_in(session, host_id(), editor())
        learners = {one.certification.id: active_count(session, host_id(), one.certification.id) for one in rows}
    return page(
        "certifications.html", rows=rows, learners=learners, on_hold=on_hold, disabled=disabled, unsaved=unsaved,
        total=total, query=query(), page_number=page_number(), page_size=_PAGE,
    )  # fmt: skip


@blueprint.get("/new")
@rule("administrator")
def new() -> Response:
    """The form to make one."""
    return _new("")


def _new(problem: str) -> Response:
    with runtime().db.read() as session:
        offered = [(course.ext, course.name) for course in courses(session, host_id())]
    form = request.form
    return page(
        "certification_new.html", problem=problem, form=form, chosen=form.getlist("course"), courses=offered,
        status=400 if problem else 200,
    )  # fmt: skip


@blueprint.post("/new")
@rule("administrator")
def create() -> Response:
    """Make a certification; its Assignments tab is next."""
    try:
        number = _create()
    except Invalid as error:
        return _new(error.sentence)
    return go(url_for("assignments.tab", certification=number))


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
