"""Overview of a certification: how many learners stand where, and what comes due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask import Blueprint, Response, g

from plugin.access.readers import reader_of
from plugin.access.rules import rule
from plugin.delivery.seats.confirmed_counts import places
from plugin.enrolment.codes import STATES
from plugin.enrolment.views.roster import state_counts
from plugin.reports.needs_attention import counted_in
from plugin.reports.outlook import WEEK, due_by_week
from plugin.reports.service import asker_of
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, host_id, page, runtime, who
from plugin.web.frame.words import short_day
from plugin.web.reports.compliance import due_in_week, picture_of
from plugin.web.reports.report_address import ReportPage

blueprint = Blueprint("overview", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

_REPORTS = ReportPage("reports.table", "reports.file")
_WIDTH, _HEIGHT = 560, 150
"""Of the plot of weeks, in the units of its drawing."""


@dataclass(frozen=True)
class WeekBar:
    """A week of the chart: where its bar stands, how high, and what it says."""

    x: float
    height: float
    size: int
    label: str
    address: str = ""


@blueprint.get("/overview")
@rule("see", area=True)
def show(certification: int) -> Response:
    """Numbers, and charts with the same numbers as tables."""
    now = runtime().clock.now()
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "overview")
        asker = asker_of(runtime(), session, host_id(), reader_of(runtime(), host_id(), g.launch.rights, who()))
        sums = counted_in(asker, certification)
        found = {word: sums[f"state.{word}"] for word in STATES if sums.get(f"state.{word}")}
        weeks = due_by_week(asker, context["certification"].code)
        states = found or state_counts(session, host_id(), certification)  # only people who are held back
        context |= {
            "sums": sums,
            "states": found,
            "any": bool(states),
            "most": max(found.values(), default=0) or 1,
            **picture_of(asker, _REPORTS, context["certification"].code),
            "places": places(session, host_id(), certification),
            "bars": [
                replace(bar, address=due_in_week(_REPORTS, context["certification"].code, now, number))
                for number, bar in enumerate(
                    bars(weeks, [short_day(now + number * WEEK, context["zone"]) for number in range(len(weeks))])
                )
            ],
        }
    return page("certifications/overview.html", **context)


def bars(sizes: Sequence[int], labels: Sequence[str]) -> list[WeekBar]:
    """One bar a week, the largest as high as the plot; a week that has any is never flat."""
    step, most = _WIDTH / max(len(sizes), 1), max([*sizes, 1])
    return [
        WeekBar(round(at * step, 1), max(round(size / most * _HEIGHT, 1), 2.0 if size else 0.0), size, label)
        for at, (size, label) in enumerate(zip(sizes, labels, strict=True))
    ]
