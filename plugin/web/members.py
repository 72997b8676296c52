"""Members of a self-enrolment group, added and removed by an administrator: at once, outside drafts (DOMAIN 2.5)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.certifications.listing import assignment_named
from plugin.core.errors import Invalid, NotFound
from plugin.enrolment.groups import join, leave
from plugin.enrolment.preview import Adding
from plugin.enrolment.warnings import member_warning
from plugin.mirror.lookup import Identity, identities_named
from plugin.web import shell
from plugin.web.kit import PREFIX, field, go, host_id, nudge, page, runtime, who
from plugin.web.words import adding_parts, removing_parts

blueprint = Blueprint("members", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.post("/groups/<int:group>/members")
@rule("administrator")
def change(certification: int, group: int) -> Response:
    """Add or remove one member, named by username, e-mail address or ID number; after its own warning."""
    named = field("member")
    with runtime().db.read() as session:
        shell.of_certification(session, certification, "learners")
        row = assignment_named(session, host_id(), certification, group)
        if row is None or row.type != "group":
            raise NotFound(_("There is no such group."))
        found = identities_named(session, host_id(), [named]).get(named.casefold(), []) if named else []
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


def _warn(certification: int, name: str, group: int, person: Identity, *, joins: bool) -> Response:
    """What it comes to for this learner, before it is done."""
    now = runtime().clock.now()
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        numbers, messages = member_warning(session, host_id(), certification, name, person.person, joins=joins, now=now)
    context |= {
        "group": name, "number": group, "learner": person, "joins": joins, "messages": messages,
        "parts": adding_parts(numbers) if isinstance(numbers, Adding) else removing_parts(numbers),
    }  # fmt: skip
    return page("member.html", **context)
