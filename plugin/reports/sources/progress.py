"""How far a learner is on the path she is on, as "1 of 2" courses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from plugin.certifications.rules.content import AND, OPTIONAL, OR, CourseSet, Path, courses_of
from plugin.enrolment.codes import CERTIFIED, COMPLETE, EXPIRED, WINDOW_OPEN, WITHDRAWN
from plugin.enrolment.rules.lifecycle import completions_of
from plugin.enrolment.terms import Terms, terms_of_many
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import Row


def terms(asker: Asker, certifications: set[int]) -> dict[int, Terms]:
    """What these certifications say now."""
    known: dict[int, Terms] = asker.memo.setdefault("terms", {})
    if missing := certifications - known.keys():
        known.update(terms_of_many(asker.session, asker.host_id, sorted(missing)))
    return known


def late(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
    """The column ``progress``."""
    said = terms(asker, {row["_certification"] for row in rows})
    found: list[str | None] = [None] * len(rows)
    for number in {row["_certification"] for row in rows}:
        places = [at for at, row in enumerate(rows) if row["_certification"] == number]
        people = np.array(sorted({rows[at]["_person"] for at in places}), np.int64)
        one = said.get(number)
        done = completions_of(asker.session, one, people) if one is not None else {}
        nothing: dict[int, str | None] = {}  # by state, of those who completed nothing: very many
        for at in places if one is not None else ():
            assert one is not None
            row, hers = rows[at], done.get(rows[at]["_person"])
            if hers is None and row["_state"] not in nothing:
                nothing[row["_state"]] = _words(one, row, {}, asker.now)
            found[at] = nothing[row["_state"]] if hers is None else _words(one, row, hers, asker.now)
    return found


def _words(one: Terms, row: Row, done: object, now: int) -> str | None:
    state, opens = row["_state"], row["_window_opens"]
    if state == WITHDRAWN:
        return None
    path = one.content.recertification_path if state == WINDOW_OPEN else one.content.certification
    since = opens if state in (WINDOW_OPEN, EXPIRED) else None  # what she did before the window counts no longer
    assert hasattr(done, "items")
    counted = {
        course for course, times in done.items() if any(at <= now and (since is None or at > since) for at in times)
    }
    had, needed = _reached(path, frozenset(counted))
    if state in (CERTIFIED, COMPLETE):
        had = needed
    return f"{had} of {needed}" if needed else None


@lru_cache(maxsize=10_000)
def _reached(path: Path, done: frozenset[str]) -> tuple[int, int]:
    return progress_on(path, done)


def progress_on(path: Path, done: frozenset[str]) -> tuple[int, int]:
    """How many courses of those a path asks for are done, and how many it asks for.

    Of sets joined by OR the part that is furthest counts.
    """
    had = needed = 0
    for group in _groups(path):
        best: tuple[int, int] | None = None
        for part in _parts(group):
            one = tuple(map(sum, zip(*[_of_set(each, done) for each in part], strict=True)))
            here = (int(one[0]), int(one[1]))
            if best is None or here[0] * best[1] > best[0] * here[1]:
                best = here
        if best is not None:
            had, needed = had + best[0], needed + best[1]
    return had, needed


def _of_set(one: CourseSet, done: frozenset[str]) -> tuple[int, int]:
    words = {"all": len(one.courses), "any": 1}
    needed = words[one.needs] if isinstance(one.needs, str) else one.needs
    return min(needed, len(courses_of((one,)) & done)), needed


def _groups(path: Path) -> list[list[CourseSet]]:
    groups: list[list[CourseSet]] = []
    joined = False
    for one in path:
        if joined:
            groups[-1].append(one)
        else:
            groups.append([one])
        joined = one.next in (OR, AND)
    return groups


def _parts(group: list[CourseSet]) -> list[list[CourseSet]]:
    parts: list[list[CourseSet]] = [[]]
    for one in group:
        if one.needs != OPTIONAL:
            parts[-1].append(one)
        if one.next == OR:
            parts.append([])
    return [part for part in parts if part]
