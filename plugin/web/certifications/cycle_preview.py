"""Details › Renewal: what the choices do to one learner over three cycles, by the arithmetic of the real ones (7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.certifications.drafts import drafts
from plugin.certifications.rules.content import minimum_time
from plugin.certifications.rules.cycle_example import Example, preview_cycles
from plugin.certifications.rules.period import BASES, FIXED, PeriodSettings, contradictions, parse_period_settings
from plugin.certifications.rules.written_content import parse_content
from plugin.core.days import LATEST, end_of_day, local_day
from plugin.core.errors import Invalid
from plugin.core.stamps import calendar_day
from plugin.enrolment.terms import zone_of_host
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, editor, host_id, runtime
from plugin.web.frame.reader import reader_language

blueprint = Blueprint("cycle_preview", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

_FIELDS = ("active", "window", "minimum_active", "expiry_from")
_MOST_DAYS = 999


@dataclass(frozen=True)
class CycleSpan:
    """One cycle. Instants are epoch seconds; ``start``, ``held`` and ``renew`` are thousandths of the whole time."""

    completed: int
    opens: int
    expires: int
    start: float
    held: float
    renew: float
    late: bool


@dataclass
class CyclePreview:
    """What is shown: the example as entered, and its cycles, or why there are none."""

    example: dict[str, str]
    spans: list[CycleSpan] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    """By what the next period counts from, when the last certificate would expire."""
    chosen: str = ""
    problem: str = ""


@blueprint.get("/details/renewal")
@rule("see")
def show(certification: int) -> Response:
    """The inside of the preview, for settings as they are being entered."""
    period = {name: value for name in _FIELDS if (value := request.args.get(f"period-{name}", "").strip()[:20])}
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "details")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        content = drafts.proposal(session, draft).definition.content
    found = preview(period, request.args, context["zone"], runtime().clock.now(), content)
    return Response(render_template("certifications/_cycle_preview_result.html", renewal=found, **context))


@blueprint.app_template_global("renewal_preview")
def renewal_preview(period: Mapping[str, str], content: Mapping[str, Any]) -> CyclePreview:
    """The preview of what is saved, or entered and refused."""
    with runtime().db.read() as session:
        zone = zone_of_host(session, host_id())
    return preview(period, {}, zone, runtime().clock.now(), content)


def preview(
    period: Mapping[str, str], entered: Mapping[str, str], zone: str, now: int, content: Mapping[str, Any]
) -> CyclePreview:
    """Three cycles of an example learner.

    :param period: as AS-CODE writes it. :param entered: fields ``example-…`` of the form.
    """
    today = local_day(now, zone)
    found = CyclePreview({
        "completed": entered.get("example-completed", today.isoformat()).strip()[:20],
        "due": entered.get("example-due", f"{today.year}-12-31").strip()[:20],
        "early": entered.get("example-early", "14").strip()[:5],
    })  # fmt: skip
    if not period.get("active") and not period.get("window"):
        found.problem = _("Enter how long it holds and when renewal opens to see what they mean.")
        return found
    try:
        settings = parse_period_settings(dict(period), recertification_minimum=_minimum(content))
        example = _example(found.example, zone)
    except (Invalid, ValueError) as error:
        found.problem = getattr(error, "sentence", str(error))
        return found
    cycles = preview_cycles(settings, example, zone)
    begins, whole = cycles[0].completed_at, max(cycles[-1].expires - cycles[0].completed_at, 1)
    found.spans = [
        CycleSpan(
            one.completed_at, one.window_opens, one.expires,
            start=round((one.completed_at - begins) * 1000 / whole, 1),
            held=round((one.window_opens - one.completed_at) * 1000 / whole, 1),
            renew=round((one.expires - one.window_opens) * 1000 / whole, 1),
            late=bool(number) and one.completed_at > cycles[number - 1].expires,
        )
        for number, one in enumerate(cycles)
    ]  # fmt: skip
    found.chosen = settings.expiry_from
    found.others = _others(settings, example, zone)
    return found


def _minimum(content: Mapping[str, Any]) -> int:
    try:
        return minimum_time(parse_content(dict(content)).recertification_path)
    except ValueError:
        return 0


def _others(settings: PeriodSettings, example: Example, zone: str) -> dict[str, int]:
    """When the third certificate would expire, by each of the choices that these settings allow."""
    found = {}
    for base in BASES:
        other = replace(settings, expiry_from=base)
        if base == FIXED and other.minimum_active is None:
            other = replace(other, minimum_active=other.window)
        if not contradictions(other):
            found[base] = preview_cycles(other, example, zone)[-1].expires
    return found


def _example(entered: Mapping[str, str], zone: str) -> Example:
    completed = _day(entered["completed"], zone)
    if completed is None:
        raise Invalid(_("Enter the day on which the learner completes."))
    early = entered["early"] or "0"
    if not early.removeprefix("-").isascii() or not early.removeprefix("-").isdigit() or abs(int(early)) > _MOST_DAYS:
        raise Invalid(_("Enter how many days before each expiry it is renewed, from -999 to 999."))
    return Example(completed, _day(entered["due"], zone), int(early))


def _day(text: str, zone: str) -> int | None:
    if not text:
        return None
    try:
        day = calendar_day(text)
    except ValueError:
        raise Invalid(_("'%(text)s' is no day such as 2027-03-31.", text=text)) from None
    if not 1970 <= day.year <= 2200:
        raise Invalid(_("Choose a day between 1970 and 2200 for the example."))
    return min(end_of_day(day, zone), LATEST)


@blueprint.app_template_global("day_words")
def day_words(instant: int, zone: str) -> str:
    """The calendar day of an instant, in words."""
    return reader_language().day(local_day(instant, zone), "medium")
