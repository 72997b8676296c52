"""Members of a self-enrolment group, added and removed by an administrator: at once, outside drafts (DOMAIN 2.5)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.certifications.listing import assignment_named
from plugin.core.errors import Invalid, NotFound
from plugin.enrolment.groups import join, leave
from plugin.mirror.lookup import identities_named
from plugin.web import shell
from plugin.web.kit import PREFIX, field, go, host_id, nudge, runtime, who

blueprint = Blueprint("members", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.post("/groups/<int:group>/members")
@rule("administrator")
def change(certification: int, group: int) -> Response:
    """Add or remove one member, named by username, e-mail address or ID number."""
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
    act = leave if request.form.get("action") == "remove" else join
    act(runtime(), host_id(), certification, row.target, found[0].person, by=who())
    nudge()
    return go(url_for("learners.tab", certification=certification, assignment=group))
