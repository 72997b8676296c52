"""Members of a self-enrolment group, added and removed by an administrator: at once, outside drafts (rules 2.5)."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.listing import assignment_named
from plugin.certifications.tables import Assignment
from plugin.certifications.targets import target_ids
from plugin.core.errors import Invalid, NotFound
from plugin.enrolment.answers.groups import join, leave
from plugin.enrolment.saving.review import Adding
from plugin.enrolment.saving.warnings import member_warning, members_warning
from plugin.mirror.lookup.find_people import NamedIdentity, identities_named
from plugin.web.assignments.many import MEMBERS, members_named
from plugin.web.assignments.picker import offer
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, field, go, host_id, nudge, page, runtime, who
from plugin.web.frame.words import adding_parts, ngettext, removing_parts

blueprint = Blueprint("members", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.post("/groups/<int:group>/members")
@rule("change", area=True)
def change(certification: int, group: int) -> Response:
    """Add or remove one member, named by username, e-mail address or ID number; after its own warning."""
    named = field("member")
    with runtime().db.read() as session:
        shell.of_certification(session, certification, "learners")
        row = assignment_named(session, host_id(), certification, group)
        if row is None or row.type != "group":
            raise NotFound(_("There is no such group."))
        found = identities_named(session, host_id(), [named]).get(named, []) if named else []
    if not found:
        raise Invalid(
            _("Nobody is called “%(name)s”: enter a username, an e-mail address or an ID number.", name=named)
        )
    if len(found) > 1:
        raise Invalid(_("More than one person is called “%(name)s”. Enter the ID number.", name=named))
    joins = request.form.get("action") != "remove"
    if "confirmed" not in request.form:
        return _warn(certification, row.target, group, found[0], joins=joins)
    act = join if joins else leave
    act(runtime(), host_id(), certification, row.target, found[0].person, by=who())
    nudge()
    return go(url_for("learners.tab", certification=certification, assignment=group))


def _warn(certification: int, name: str, group: int, person: NamedIdentity, *, joins: bool) -> Response:
    """What it comes to for this learner, before it is done."""
    now = runtime().clock.now()
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        numbers, messages = member_warning(session, host_id(), certification, name, person.person, joins=joins, now=now)
    context |= {
        "group": name, "number": group, "learner": person, "joins": joins, "messages": messages,
        "parts": adding_parts(numbers) if isinstance(numbers, Adding) else removing_parts(numbers),
    }  # fmt: skip
    return page("assignments/dialogs/member.html", **context)


def _group(session: Session, certification: int, group: int) -> Assignment:
    row = assignment_named(session, host_id(), certification, group)
    if row is None or row.type != "group":
        raise NotFound(_("There is no such group."))
    return row


@blueprint.get("/groups/<int:group>/members/add")
@rule("change")
def choose(certification: int, group: int) -> Response:
    """The dialog that chooses new members: the picker of individuals; whoever is a member cannot be chosen again."""
    return _choose(certification, group, "")


def _choose(certification: int, group: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        row = _group(session, certification, group)
        of = f"{MEMBERS}{group}"
        context |= {
            "kind": "individual", "problem": problem, "filters": {}, "except_of": of,
            "title": _("Add members to %(name)s", name=row.target),
            "browse_url": url_for(".choose", certification=certification, group=group),
            "confirm_url": url_for(".confirm", certification=certification, group=group),
            "estimate_url": url_for(".estimate", certification=certification, group=group),
            **offer(session, certification, "individual", of),
        }  # fmt: skip
    return page("assignments/dialogs/picker.html", status=400 if problem else 200, **context)


def _chosen(session: Session, certification: int, group: int) -> dict[str, int]:
    """Whom the form names, without those who are members already: our ids by the host's.

    :raises Invalid: where that is nobody, or somebody the host does not know.
    """
    exts = list(dict.fromkeys(request.form.getlist("target")))
    present = members_named(session, certification, str(group))
    wanted = [ext for ext in exts if ext not in present]
    if not wanted:
        raise Invalid(_("Nothing is selected. Select at least one item from the list."))
    known = target_ids(session, host_id(), [("individual", ext) for ext in wanted])
    if missing := [ext for ext in wanted if ("individual", ext) not in known]:
        raise Invalid(_("The learning site no longer has '%(target)s'. Choose again.", target=missing[0]))
    return {ext: int(known["individual", ext] or 0) for ext in wanted}


@blueprint.post("/groups/<int:group>/members/estimate")
@rule("change")
def estimate(certification: int, group: int) -> str:
    """One line under *Selected items*: how many members that adds."""
    with runtime().db.read() as session:
        _group(session, certification, group)
        size = len(_chosen(session, certification, group))
    sentence = ngettext("%(num)s new member.", "%(num)s new members.", size)
    return render_template("assignments/review/_sentence.html", sentence=sentence)


@blueprint.post("/groups/<int:group>/members/confirm")
@rule("change")
def confirm(certification: int, group: int) -> Response:
    """What adding them comes to, before it is done (rules 2.5)."""
    now = runtime().clock.now()
    try:
        with runtime().db.read() as session:
            context = shell.of_certification(session, certification, "learners")
            row = _group(session, certification, group)
            chosen = _chosen(session, certification, group)
            numbers, messages = members_warning(
                session, host_id(), certification, row.target, BitMap(chosen.values()), joins=True, now=now
            )
    except Invalid as error:
        return _choose(certification, group, error.sentence)
    assert isinstance(numbers, Adding)
    context |= {"group": row.target, "number": group, "targets": list(chosen), "adding": numbers, "messages": messages}
    return page("assignments/dialogs/members_add.html", **context)


@blueprint.post("/groups/<int:group>/members/add")
@rule("change")
def add(certification: int, group: int) -> Response:
    """They are members from now on."""
    with runtime().db.read() as session:
        shell.of_certification(session, certification, "learners")
        row = _group(session, certification, group)
        chosen = _chosen(session, certification, group)
    for person in chosen.values():
        join(runtime(), host_id(), certification, row.target, person, by=who())
    nudge()
    return go(url_for("learners.tab", certification=certification, assignment=group))
