"""What the period settings do to an example learner over some cycles, for the settings page (rules 7.3)."""

from __future__ import annotations

from dataclasses import dataclass

from plugin.certifications.rules.period import Certified, PeriodSettings, certify
from plugin.core.days import Period, shift


@dataclass(frozen=True)
class Example:
    """She first completes at ``completed_at``, and again ``days_early`` days before each expiry (negative: late)."""

    completed_at: int
    due: int | None = None
    days_early: int = 14


def preview_cycles(settings: PeriodSettings, example: Example, zone: str, cycles: int = 3) -> list[Certified]:
    """The dates of each cycle in order, by the same arithmetic as the real ones.

    Where ``days_early`` is longer than the window she completes one second after it opens: earlier would not
    count.
    """
    dates = certify(settings, example.completed_at, example.due, None, zone)
    result = [dates]
    while len(result) < cycles:
        planned = shift(dates.expires, Period(1, "days"), zone, -example.days_early)
        completed_at = max(planned, dates.window_opens + 1)
        dates = certify(settings, completed_at, None, dates.expires, zone, window_opened=dates.window_opens)
        result.append(dates)
    return result
