"""Members of self-enrolment groups, put in and taken out by hand as an administrator does (rules 2.5)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from plugin.access.rules import CHANGE, SEE, rule
from plugin.api.kit import PREFIX, AnswerPart, Blueprint, host_id, nudge, runtime, who
from plugin.certifications.file.certification_file import members_of
from plugin.certifications.store import get
from plugin.core.errors import NotFound
from plugin.enrolment.answers import groups
from plugin.enrolment.views.show import person_id

blueprint = Blueprint(
    "api_groups", __name__, url_prefix=f"{PREFIX}/certifications/<code>/groups/<group>/members",
    description="Members of self-enrolment groups.",
)  # fmt: skip


class MembersSchema(AnswerPart):
    """The host's ids of a group's members."""

    items = fields.List(fields.String(), required=True)


@blueprint.get("")
@blueprint.response(200, MembersSchema)
@rule(SEE, scope="read", area=True)
def listing(code: str, group: str) -> dict[str, Any]:
    """All members."""
    with runtime().db.read() as session:
        found = members_of(session, host_id(), get(session, host_id(), code).id, group)
    if found is None:
        raise NotFound(f"There is no group '{group}'.")
    return {"items": found}


@blueprint.put("/<path:person>")
@blueprint.response(204)
@rule(CHANGE, scope="write", area=True)
def join(code: str, group: str, person: str) -> None:
    """Put somebody in."""
    groups.join(runtime(), host_id(), *_named(code, group, person), by=who())
    nudge()


@blueprint.delete("/<path:person>")
@blueprint.response(204)
@rule(CHANGE, scope="write", area=True)
def leave(code: str, group: str, person: str) -> None:
    """Take somebody out."""
    groups.leave(runtime(), host_id(), *_named(code, group, person), by=who())
    nudge()


def _named(code: str, group: str, person: str) -> tuple[int, str, int]:
    with runtime().db.read() as session:
        return get(session, host_id(), code).id, group, person_id(session, host_id(), person)
