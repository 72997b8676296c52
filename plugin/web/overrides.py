"""What is decided for one learner alone: her date moved later, or the certification not applying to her (DOMAIN 7.5)."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.days import end_of_day
from plugin.core.errors import Invalid
from plugin.enrolment import overrides
from plugin.enrolment.show import person_id
from plugin.web import shell
from plugin.web.day_fields import day_from
from plugin.web.kit import PREFIX, field, go, host_id, nudge, runtime, who

blueprint = Blueprint(
    "overrides", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>/learners/<person>"
)


@blueprint.post("/extend")
@rule("administrator")
def extend(certification: int, person: str) -> Response:
    """Move her date later, to the end of a day; never her next cycle."""
    number, to = _about(certification, person, "to")
    if to is None:
        raise Invalid(_("Enter the date."))
    overrides.extend(runtime(), host_id(), certification, number, to, who=who())
    nudge()
    return go(url_for("learners.one", certification=certification, person=person))


@blueprint.post("/exempt")
@rule("administrator")
def exempt(certification: int, person: str) -> Response:
    """The certification does not apply to her, until the end of a day or for good."""
    number, until = _about(certification, person, "until")
    overrides.exempt(
        runtime(), host_id(), certification, number, until=until, reason=field("reason", 1000), who=who()
    )  # fmt: skip
    nudge()
    return go(url_for("learners.one", certification=certification, person=person))


def _about(certification: int, person: str, name: str) -> tuple[int, int | None]:
    """Our id of the learner, and the end of the day in a field, in the host's zone; ``None`` where it is empty."""
    with runtime().db.read() as session:
        zone = shell.of_certification(session, certification, "learners")["zone"]
        number = person_id(session, host_id(), person)
    day = day_from(field(name, 20))
    return number, end_of_day(date.fromisoformat(day), zone) if day else None
