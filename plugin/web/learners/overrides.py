"""What is decided for one learner alone: her date moved later, or the certification not applying to her (rules 7.5)."""

from __future__ import annotations

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.days import end_of_day
from plugin.core.errors import Invalid
from plugin.core.stamps import calendar_day
from plugin.delivery.messages.message_list import send_anew
from plugin.enrolment.answers import overrides
from plugin.enrolment.settling.few_people import settle_few
from plugin.enrolment.views.show import person_id
from plugin.web.frame import shell
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.kit import PREFIX, back_to, field, go, host_id, nudge, runtime, who

blueprint = Blueprint(
    "overrides", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>/learners/<person>"
)


@blueprint.post("/extend")
@rule("change", area=True)
def extend(certification: int, person: str) -> Response:
    """Move her date later, to the end of a day; never her next cycle."""
    number, to = _about(certification, person, "to")
    if to is None:
        raise Invalid(_("Enter the date."))
    overrides.extend(runtime(), host_id(), certification, number, to, who=who())
    settle_few(runtime(), host_id(), [number])
    nudge()
    return go(back_to(url_for("learners.one", certification=certification, person=person), person))


@blueprint.post("/exempt")
@rule("change", area=True)
def exempt(certification: int, person: str) -> Response:
    """The certification does not apply to her, until the end of a day or for good."""
    number, until = _about(certification, person, "until")
    overrides.exempt(
        runtime(), host_id(), certification, number, until=until, reason=field("reason", 1000), who=who()
    )  # fmt: skip
    settle_few(runtime(), host_id(), [number])
    nudge()
    return go(back_to(url_for("learners.one", certification=certification, person=person), person))


@blueprint.post("/message")
@rule("change", area=True)
def message(certification: int, person: str) -> Response:
    """Send a message about this certification to her once more."""
    made, text = runtime(), field("message", 15)
    if not (text.isascii() and text.isdigit()):
        raise Invalid(_("Choose the message."))
    with made.db.read() as session:
        number = person_id(session, host_id(), person)
    at, by = made.clock.now(), who()
    made.db.transact(
        lambda session: send_anew(session, host_id(), int(text), certification, number, at=at, who=by)
    )  # fmt: skip
    settle_few(runtime(), host_id(), [number])
    nudge()
    return go(back_to(url_for("learners.one", certification=certification, person=person), person))


def _about(certification: int, person: str, name: str) -> tuple[int, int | None]:
    """Our id of the learner, and the end of the day in a field, in the host's zone; ``None`` where it is empty."""
    with runtime().db.read() as session:
        zone = shell.of_certification(session, certification, "learners")["zone"]
        number = person_id(session, host_id(), person)
    day = day_from(field(name, 20))
    return number, end_of_day(calendar_day(day), zone) if day else None
