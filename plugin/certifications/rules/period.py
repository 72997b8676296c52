"""How long a certification holds (rules 7.3): its settings, and the dates that one completion gives.

All arithmetic is calendar arithmetic in the host's zone, keeps the time of day and clamps to the month's end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from plugin.core.days import CALENDAR_UNITS, Period, parse_period, shift
from plugin.core.errors import WrongParts

COMPLETION, EXPIRY, FIXED = "completion", "expiry", "fixed"
BASES = (COMPLETION, EXPIRY, FIXED)


@dataclass(frozen=True)
class PeriodSettings:
    """``active``: how long it holds. ``window``: how long before the expiry recertification opens.

    ``minimum_active``: what a fixed expiry date must leave at least. ``expiry_from``: completion, expiry, fixed.
    """

    active: Period
    window: Period
    minimum_active: Period | None = None
    expiry_from: str = COMPLETION


@dataclass(frozen=True)
class Certified:
    """The dates of one cycle; ``expires`` before any extension."""

    completed_at: int
    expires: int
    window_opens: int


def parse_period_settings(
    value: object, before: PeriodSettings | None = None, recertification_minimum: int = 0
) -> PeriodSettings:
    """Settings from the ``period`` value of AS-CODE; a key left out stays as in ``before``.

    :param recertification_minimum: seconds the recertification path takes at least.
    :raises ValueError: with every reason, one sentence each.
    """
    if not isinstance(value, Mapping):
        raise ValueError("A period has active, window, minimum_active and expiry_from.")
    unknown = [str(key) for key in value if key not in ("active", "window", "minimum_active", "expiry_from")]
    if unknown:
        said = "does not belong to a period; use active, window, minimum_active, expiry_from."
        raise WrongParts(*(((one,), f"'{one}' {said}") for one in unknown))
    given = {**({} if before is None else dump_period_settings(before)), **value}
    expiry_from = given.get("expiry_from", COMPLETION)
    if expiry_from not in BASES:
        raise WrongParts((("expiry_from",), f"'{expiry_from}': expiry_from is completion, expiry or fixed."))
    active, window = _required(given, "active"), _required(given, "window")
    minimum = given.get("minimum_active")
    settings = PeriodSettings(
        active, window, None if minimum is None else _period("minimum_active", minimum), expiry_from
    )
    reasons = contradictions(settings, recertification_minimum)
    if reasons:
        raise ValueError(" ".join(reasons))
    return settings


def dump_period_settings(settings: PeriodSettings) -> dict[str, str]:
    """The AS-CODE form; :func:`parse_period_settings` gives the same settings back."""
    dumped = {"active": str(settings.active), "window": str(settings.window)}
    if settings.minimum_active is not None:
        dumped["minimum_active"] = str(settings.minimum_active)
    return dumped | {"expiry_from": settings.expiry_from}


def contradictions(settings: PeriodSettings, recertification_minimum: int = 0) -> list[str]:
    """What is wrong with the settings, one sentence a reason; empty when nothing is.

    Periods are compared so that they fit on whatever day they start: 30 days do not fit into 1 month.
    """
    active, window, minimum = settings.active, settings.window, settings.minimum_active
    fixed, words = settings.expiry_from == FIXED, {"active": active, "window": window, "minimum": minimum}
    checks: list[tuple[bool, Callable[[], str]]] = [
        (active.amount < 1, lambda: _("The active period must be longer than nothing.")),
        (
            window.amount < 1,
            lambda: _("The window period must be longer than nothing, or nobody could recertify in time."),
        ),
        (
            active.amount > 0 and not window.fits_in(active),
            lambda: _("The window period (%(window)s) can be longer than the active period (%(active)s).", **words),
        ),
        (
            window.amount > 0 and window.shortest < recertification_minimum,
            lambda: _("The window period (%(window)s) can be shorter than the minimum time of the recertification path.",
                      **words),
        ),
        (fixed and minimum is None, lambda: _("A fixed expiry date needs a minimum active period.")),
        (
            fixed and minimum is not None and not window.fits_in(minimum),
            lambda: _("The window period (%(window)s) can be longer than the minimum active period (%(minimum)s).",
                      **words),
        ),
        (
            fixed and minimum is not None and not minimum.fits_in(active),
            lambda: _("The minimum active period (%(minimum)s) can be longer than the active period (%(active)s).",
                      **words),
        ),
    ]  # fmt: skip
    return [str(reason()) for wrong, reason in checks if wrong]


def certify(
    settings: PeriodSettings,
    completed_at: int,
    due: int | None,
    previous_expiry: int | None,
    zone: str,
    *,
    baseline: int | None = None,
    window_opened: int | None = None,
) -> Certified:
    """The dates that a completion gives (rules 7.3).

    :param due: her due date, which counts where no expiry is known. :param previous_expiry: the present expiry.
    :param zone: the host's.
    :param baseline: that date (expiry, else due) before extensions: whether she was late goes by the extended
        one, the next cycle counts from this one (rules 7.5).
    :param window_opened: when the present window opened, if it is known; else expiry − window.

    *Completion*: completion + active. *Expiry*: late, or nothing to count from: completion + active; finished
    before the window even opened (imported records): the present expiry stands; else expiry (or due date)
    + active. *Fixed*: the rhythm of the expiry (else due date, else completion), moved by whole active periods
    so that the minimum active period is kept.
    """
    limit = due if previous_expiry is None else previous_expiry
    anchor = limit if baseline is None else baseline
    active = settings.active
    if settings.expiry_from == FIXED:
        expires = _fixed_expiry(settings, completed_at, completed_at if anchor is None else anchor, zone)
    elif settings.expiry_from == COMPLETION or limit is None or anchor is None or completed_at > limit:
        expires = shift(completed_at, active, zone)
    else:
        opened = shift(anchor, settings.window, zone, -1) if window_opened is None else window_opened
        ahead = 0 if previous_expiry is not None and completed_at < opened else 1
        while (expires := shift(anchor, active, zone, ahead)) <= completed_at and ahead < 1000:
            ahead += 1  # only after an extension longer than a whole cycle
    return Certified(completed_at, expires, window_before(settings, completed_at, expires, zone))


def window_before(settings: PeriodSettings, completed_at: int, expires: int, zone: str) -> int:
    """When the window before ``expires`` opens: expiry − window (rules 7.4), never before the completion."""
    return min(max(shift(expires, settings.window, zone, -1), completed_at), expires)


def _fixed_expiry(settings: PeriodSettings, completed_at: int, anchor: int, zone: str) -> int:
    """Back by whole active periods while the minimum is kept, forward while it is not, then one period on.

    Each date is reckoned from the anchor itself, so that a month's end does not wear down step by step.
    """
    active = settings.active
    minimum = settings.minimum_active or settings.window

    def kept_at(step: int) -> bool:
        return shift(shift(anchor, active, zone, step), minimum, zone, -1) >= completed_at

    def short_after(step: int) -> bool:
        return shift(anchor, active, zone, step + 1) < shift(completed_at, minimum, zone)

    step = 0
    if kept_at(step):
        step = -max((anchor - completed_at - minimum.longest) // active.longest - 1, 0)
        while kept_at(step):
            step -= 1
    else:
        step = max((completed_at - anchor) // active.longest - 2, 0)
        while short_after(step):
            step += 1
    return max(shift(anchor, active, zone, step + 1), completed_at)


def _required(given: Mapping[str, object], key: str) -> Period:
    if given.get(key) is None:
        raise ValueError(_("A certification needs %(key)s, such as '1 year'.", key=key))
    return _period(key, given[key])


def _period(key: str, value: object) -> Period:
    try:
        return parse_period(value, CALENDAR_UNITS)
    except ValueError as error:
        raise WrongParts(((key,), f"{key}: {error}")) from None
