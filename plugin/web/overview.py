"""Overview of a certification: how many learners stand where, and what comes due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response

from plugin.access.rules import rule
from plugin.delivery.counts import places
from plugin.enrolment.guard import active_count
from plugin.enrolment.outlook import WEEK, outlook
from plugin.enrolment.roster import state_counts
from plugin.web import shell
from plugin.web.kit import PREFIX, host_id, page, runtime
from plugin.web.words import short_day

blueprint = Blueprint("overview", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

_WIDTH, _HEIGHT = 560, 150
"""Of the plot of weeks, in the units of its drawing."""


@dataclass(frozen=True)
class Bar:
    """A week of the chart: where its bar stands, how high, and what it says."""

    x: float
    height: float
    size: int
    label: str


@blueprint.get("/overview")
@rule("administrator")
def show(certification: int) -> Response:
    """Numbers, and charts with the same numbers as tables."""
    now = runtime().clock.now()
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "overview")
        states = state_counts(session, host_id(), certification)
        ahead = outlook(session, host_id(), certification, now)
        context |= {
            "active": active_count(session, host_id(), certification),
            "states": states,
            "most": max(states.values(), default=0) or 1,
            "places": places(session, host_id(), certification),
            "ahead": ahead,
            "bars": bars(
                ahead.weeks, [short_day(now + number * WEEK, context["zone"]) for number in range(len(ahead.weeks))]
            ),
        }
    return page("overview.html", **context)


def bars(sizes: Sequence[int], labels: Sequence[str]) -> list[Bar]:
    """One bar a week, the largest as high as the plot; a week that has any is never flat."""
    step, most = _WIDTH / max(len(sizes), 1), max([*sizes, 1])
    return [
        Bar(round(at * step, 1), max(round(size / most * _HEIGHT, 1), 2.0 if size else 0.0), size, label)
        for at, (size, label) in enumerate(zip(sizes, labels, strict=True))
    ]
