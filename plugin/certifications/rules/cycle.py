"""The certification cycle (rules 7.3 to 7.6): a pure state machine over what is known about a learner.

assigned → in progress → certified → window open → certified again, or expired → certified; a program goes
assigned → in progress → complete. :func:`advance` replays what happened up to an instant, boundary by boundary,
so it does not matter how often it is asked: once a minute and once a year end in the same state wherever the
host still tells when things were completed. What was awarded stays, even if the host later deletes the progress.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from flask_babel import gettext as _

from plugin.certifications.rules.content import Completions, Content, courses_of, progress
from plugin.certifications.rules.period import PeriodSettings, certify, window_before

ASSIGNED, IN_PROGRESS, CERTIFIED = "assigned", "in_progress", "certified"
WINDOW_OPEN, EXPIRED, COMPLETE = "window_open", "expired", "complete"
STATES = (ASSIGNED, IN_PROGRESS, CERTIFIED, WINDOW_OPEN, EXPIRED, COMPLETE)
NOT_YET = (ASSIGNED, IN_PROGRESS)
AWARDED = (CERTIFIED, WINDOW_OPEN, EXPIRED)


@dataclass(frozen=True)
class CycleState:
    """Where a learner is. Instants are epoch seconds.

    :ivar expires: with extensions; an expired learner keeps the expiry that passed: it is her due date.
    :ivar baseline: the expiry before extensions, from which the next cycle counts (rules 7.5).
    :ivar cycle: how often she was certified.
    :raises ValueError: when the fields contradict each other (rules 7.7).
    """

    state: str = ASSIGNED
    certified_at: int | None = None
    expires: int | None = None
    window_opens: int | None = None
    baseline: int | None = None
    cycle: int = 0

    def __post_init__(self) -> None:
        problems = state_problems(self)
        if problems:
            raise ValueError(" ".join(problems))

    @property
    def frozen(self) -> bool:
        """Whether the cycle sets her due date, so that assignments do not (rules 3.6)."""
        return self.state not in NOT_YET

    @property
    def due(self) -> int | None:
        """The due date that the cycle sets: her expiry; ``None`` before the first certification."""
        return self.expires

    @property
    def wakes(self) -> int | None:
        """The next instant at which time alone changes the state."""
        return {CERTIFIED: self.window_opens, WINDOW_OPEN: self.expires}.get(self.state)


@dataclass(frozen=True)
class CycleFacts:
    """What is known about her apart from the state.

    :ivar begun: courses begun. :ivar due: her due date, with extensions.
    :ivar baseline_due: it without extensions, where there was one.
    """

    completions: Completions = field(default_factory=dict)
    begun: frozenset[str] = frozenset()
    due: int | None = None
    baseline_due: int | None = None


def state_problems(state: CycleState) -> list[str]:
    """One sentence for each rule that the fields break; empty for a state that can be."""
    dates = {
        "certified_at": state.certified_at,
        "expires": state.expires,
        "window_opens": state.window_opens,
        "baseline": state.baseline,
    }
    if state.state not in STATES:
        return [f"'{state.state}' is not a state."]
    needed = set(dates) if state.state in AWARDED else {"certified_at"} if state.state == COMPLETE else set()
    problems = [f"A learner who is {state.state} has {key}." for key in dates if key in needed and dates[key] is None]
    problems += [
        f"A learner who is {state.state} has no {key}." for key in dates if key not in needed and dates[key] is not None
    ]
    if (state.cycle > 0) != bool(needed):
        problems.append(f"A learner who is {state.state} cannot be in cycle {state.cycle}.")
    order = ("certified_at", "window_opens", "baseline", "expires")
    for earlier, later in pairwise(order):
        first, second = dates[earlier], dates[later]
        if first is not None and second is not None and second < first:
            problems.append(f"{later} is before {earlier}.")
    return problems


def advance(
    state: CycleState, facts: CycleFacts, settings: PeriodSettings | None, content: Content, as_of: int, zone: str
) -> CycleState:
    """The state at ``as_of``. Asking again changes nothing; see :func:`steps`."""
    for following in steps(state, facts, settings, content, as_of, zone):
        state = following
    return state


def steps(
    state: CycleState, facts: CycleFacts, settings: PeriodSettings | None, content: Content, as_of: int, zone: str
) -> Iterator[CycleState]:
    """Every state she passed through up to ``as_of``, in order, without the one she starts in.

    Boundaries are reached *at* their instant. A completion counts for recertification when it is after the
    window opened and not after the expiry; once expired, the certification path counts, with everything done
    since the window opened. A completion that is told late still counts at its own time.

    :param settings: ``None`` for a program. :param zone: the host's.
    :raises ValueError: for a program in a state that only a certification has.
    """
    if settings is None and state.state in AWARDED:
        raise ValueError(f"A program cannot be {state.state}.")
    while (following := _next(state, facts, settings, content, as_of, zone)) is not None:
        state = following
        yield state


def _next(
    state: CycleState, facts: CycleFacts, settings: PeriodSettings | None, content: Content, as_of: int, zone: str
) -> CycleState | None:
    """The state that follows at once, or ``None`` when she stays where she is."""
    if state.state in NOT_YET:
        return _first_time(state, facts, settings, content, as_of, zone)
    opens, expires = state.window_opens, state.expires
    if settings is None or opens is None or expires is None:
        return None  # complete: nothing follows
    if state.state == CERTIFIED:
        return replace(state, state=WINDOW_OPEN) if opens <= as_of else None
    again = progress(content.recertification_path, facts.completions, opens, min(as_of, expires))
    if not again.complete and state.state == EXPIRED:
        again = progress(content.certification, facts.completions, opens, as_of)
    if again.completed_at is not None:
        return _award(state, facts, settings, again.completed_at, zone)
    return replace(state, state=EXPIRED) if state.state == WINDOW_OPEN and expires <= as_of else None


def _first_time(
    state: CycleState, facts: CycleFacts, settings: PeriodSettings | None, content: Content, as_of: int, zone: str
) -> CycleState | None:
    reached = progress(content.certification, facts.completions, None, as_of, facts.begun)
    if reached.completed_at is not None:
        if settings is None:
            return CycleState(COMPLETE, certified_at=reached.completed_at, cycle=1)
        return _award(state, facts, settings, reached.completed_at, zone)
    word = IN_PROGRESS if reached.started else ASSIGNED
    return None if word == state.state else replace(state, state=word)


def _award(state: CycleState, facts: CycleFacts, settings: PeriodSettings, completed_at: int, zone: str) -> CycleState:
    dates = certify(
        settings,
        completed_at,
        facts.due,
        state.expires,
        zone,
        baseline=state.baseline if state.expires is not None else facts.baseline_due,
        window_opened=state.window_opens,
    )
    return CycleState(CERTIFIED, dates.completed_at, dates.expires, dates.window_opens, dates.expires, state.cycle + 1)


def open_courses(state: CycleState, facts: CycleFacts, content: Content, as_of: int) -> frozenset[str]:
    """The courses whose seats are wanted (rules 7.2).

    Before the first certification the sets open so far. Afterwards the certification path stays; the
    recertification path opens set by set with the window, not before, and stays once it was done.
    """
    if state.state in NOT_YET:
        return progress(content.certification, facts.completions, None, as_of).open_courses
    courses = courses_of(content.certification)
    path = content.recertification_path
    if state.cycle > 1 and progress(path, facts.completions, None, state.certified_at).complete:
        courses |= courses_of(path)
    if state.state == WINDOW_OPEN:
        courses |= progress(path, facts.completions, state.window_opens, as_of).open_courses
    return courses


def begin(kept: CycleState | None) -> CycleState:
    """The state a spell begins with (rules 6.3): what was awarded comes back, merely assigned starts anew.

    Calling :func:`advance` on it brings it up to date.
    """
    return CycleState() if kept is None or kept.state in NOT_YET else kept


def recalled(
    certified_at: int | None,
    expires: int | None,
    window_opens: int | None,
    baseline: int | None,
    cycle: int,
    as_of: int,
) -> CycleState:
    """The state at ``as_of`` that the dates kept of a withdrawn learner mean, before any newer completion."""
    if certified_at is None:
        return CycleState()
    if expires is None or window_opens is None:
        return CycleState(COMPLETE, certified_at=certified_at, cycle=cycle)
    word = EXPIRED if expires <= as_of else WINDOW_OPEN if window_opens <= as_of else CERTIFIED
    return CycleState(word, certified_at, expires, window_opens, baseline, cycle)


def extend(state: CycleState, to: int, due: int | None = None) -> CycleState:
    """Move the expiry, never the next cycle (rules 7.5).

    Before the first certification there is no expiry to move: the state stays, and the caller moves the due
    date to ``to``, keeping the old one as :attr:`Facts.baseline_due`.

    :param due: her due date, before the first certification.
    :raises ValueError: when there is nothing to extend, or ``to`` is not later.
    """
    if state.state in (EXPIRED, COMPLETE):
        raise ValueError(_("There is nothing to extend: the learner has already expired or completed."))
    present = due if state.expires is None else state.expires
    if present is None:
        raise ValueError(_("There is nothing to extend: the learner has no due date."))
    if to <= present:
        raise ValueError(_("An extension must end after the present date."))
    return state if state.expires is None else replace(state, expires=to)


def imported(
    settings: PeriodSettings | None,
    certified_at: int,
    expires: int | None,
    zone: str,
    as_of: int,
    present: CycleState | None = None,
) -> CycleState:
    """The state from an imported record (rules 7.6); pass it to :func:`advance` to bring it up to date.

    Without ``expires`` the settings reckon it. A record older than what is already known changes nothing, one
    of the same day of certification corrects the expiry; so the order of importing and assigning is the same.

    :raises ValueError: for a certification in the future, or an expiry that is not after it.
    """
    if certified_at > as_of:
        raise ValueError(_("The certification date is in the future."))
    known = present if present is not None and present.certified_at is not None else None
    if known is not None and (known.certified_at or 0) > certified_at:
        return known
    if settings is None:
        if expires is not None:
            raise ValueError(_("A program has no expiry date."))
        return CycleState(COMPLETE, certified_at=certified_at, cycle=1)
    if expires is None:
        expires = certify(settings, certified_at, None, None, zone).expires
    if expires <= certified_at:
        raise ValueError(_("The expiry date is not after the certification date."))
    same = known is not None and known.certified_at == certified_at
    if known is not None and same and known.baseline == expires:
        return known
    cycle = 1 if known is None else known.cycle + (not same)
    opens = window_before(settings, certified_at, expires, zone)
    return CycleState(CERTIFIED, certified_at, expires, opens, expires, cycle)
