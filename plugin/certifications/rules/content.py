"""Content (rules 7.1, 7.2): course sets, what they ask for, how far a learner is, what is open to her.

A path is a row of course sets; ``next`` joins a set to the one after it. THEN cuts the path into groups that are
done one after another; inside a group AND binds tighter than OR, read from left to right: ``A or B and C`` is
``A or (B and C)``.

An *optional* set never holds anybody up and never completes anything: it is left out of the reckoning, and a
group of optional sets alone is passed at once. A path that asks for nothing (no sets, or optional ones only) is
never complete, because nothing was done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from plugin.core.days import Period

ALL, ANY, OPTIONAL = "all", "any", "optional"
THEN, OR, AND = "then", "or", "and"
SAME = "same"
"""As the recertification path: the certification path once more."""

Completions = Mapping[str, int | Sequence[int]]
"""Course id to the instant it was completed, or to the instants of every attempt, in any order."""


@dataclass(frozen=True)
class CourseSet:
    """Courses with a rule: ``needs`` is ``all``, ``any``, ``optional`` or at least that many.

    ``minimum`` is the time it takes at least (elapsed); ``next`` joins it to the following set.
    """

    name: str
    courses: tuple[str, ...]
    needs: str | int = ALL
    minimum: Period | None = None
    next: str = THEN


Path = tuple[CourseSet, ...]


@dataclass(frozen=True)
class Content:
    """Both paths of a certification; a program has the first alone."""

    certification: Path = ()
    recertification: Path | str = ()

    @property
    def recertification_path(self) -> Path:
        """The sets to do in the window."""
        return self.certification if isinstance(self.recertification, str) else self.recertification


EMPTY = Content()


@dataclass(frozen=True)
class PathProgress:
    """How far a learner is on a path.

    :ivar completed_at: the earliest instant at which the path was complete.
    :ivar open_courses: ids of the courses open to her: groups done, and the first that is not.
    :ivar done_sets: positions of the sets done (an optional one when all its courses are).
    :ivar started: she has completed or begun any course of the path.
    """

    complete: bool
    completed_at: int | None
    open_courses: frozenset[str]
    done_sets: frozenset[int]
    started: bool


def check_same(content: Content, host_can_reset: bool) -> None:
    """Refuse ``same`` where the host cannot reset completions (rules 7.4).

    :raises ValueError: with the reason.
    """
    if content.recertification == SAME and not host_can_reset:
        raise ValueError(
            _(
                "The recertification path cannot be the same as the certification path: this host does not "
                "reset completions, so a course completed once could never be completed again. Choose other courses."
            )
        )


def courses_of(path: Path) -> frozenset[str]:
    """Every course of a path."""
    return frozenset(course for one in path for course in one.courses)


def minimum_time(path: Path) -> int:
    """Seconds the path takes at least: groups joined by THEN add up, inside one the largest counts (rules 4)."""
    return sum(
        max((one.minimum.seconds for _, one in group if one.minimum is not None), default=0) for group in _groups(path)
    )


def progress(
    path: Path,
    done: Completions,
    since: int | None = None,
    until: int | None = None,
    begun: frozenset[str] = frozenset(),
) -> PathProgress:
    """How far a learner is.

    :param done: what she completed, and when; courses outside the path are ignored.
    :param since: only completions strictly after this instant count (recertification, rules 7.4).
    :param until: only completions up to and including this instant count.
    :param begun: courses she has begun, completed or not.
    """
    counted = {course: at for course in courses_of(path) if (at := _first(done.get(course), since, until))}
    instants = {course: at[0] for course, at in counted.items()}
    reached: list[int] = []
    open_courses: set[str] = set()
    passed = True
    for group in _groups(path):
        if not passed:
            break
        open_courses |= {course for _, one in group for course in one.courses}
        if any(one.needs != OPTIONAL for _, one in group):
            done_at = _group_done_at([one for _, one in group], instants)
            passed = done_at is not None
            reached += [] if done_at is None else [done_at]
    complete = passed and bool(reached)
    return PathProgress(
        complete=complete,
        completed_at=max(reached) if complete else None,
        open_courses=frozenset(open_courses),
        done_sets=frozenset(n for n, one in enumerate(path) if _set_done_at(one, instants) is not None),
        started=bool(instants) or not begun.isdisjoint(courses_of(path)),
    )


def _first(at: int | Sequence[int] | None, since: int | None, until: int | None) -> tuple[int, ...]:
    """The earliest attempt that counts, as a tuple of one, or an empty one."""
    attempts = () if at is None else (at,) if isinstance(at, int) else at
    counting = [one for one in attempts if (since is None or one > since) and (until is None or one <= until)]
    return (min(counting),) if counting else ()


def _groups(path: Path) -> list[list[tuple[int, CourseSet]]]:
    """The runs of sets joined by OR and AND, each set with its position."""
    groups: list[list[tuple[int, CourseSet]]] = []
    joined = False
    for position, one in enumerate(path):
        if joined:
            groups[-1].append((position, one))
        else:
            groups.append([(position, one)])
        joined = one.next != THEN
    return groups


def _group_done_at(group: list[CourseSet], instants: Mapping[str, int]) -> int | None:
    """When the group was done: the earliest of its OR parts, each the latest of the sets it joins by AND."""
    parts: list[list[CourseSet]] = [[]]
    for one in group:
        parts[-1].append(one)
        if one.next == OR:
            parts.append([])
    needed = [part for sets in parts if (part := [one for one in sets if one.needs != OPTIONAL])]
    reached = [[_set_done_at(one, instants) for one in part] for part in needed]
    times = [max(at for at in part if at is not None) for part in reached if None not in part]
    return min(times, default=None)


def _set_done_at(one: CourseSet, instants: Mapping[str, int]) -> int | None:
    """When as many of its courses as it needs were done."""
    at = sorted(instants[course] for course in one.courses if course in instants)
    counted = {ALL: len(one.courses), OPTIONAL: len(one.courses), ANY: 1}
    needed = counted[one.needs] if isinstance(one.needs, str) else one.needs
    return at[needed - 1] if 0 < needed <= len(at) else None
