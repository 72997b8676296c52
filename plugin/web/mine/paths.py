"""How far somebody is in her certifications, course by course: done since when, open, or later; and the next step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from sqlalchemy.orm import Session

from plugin.core.days import local_day
from plugin.enrolment.answers.course_opening import open_to
from plugin.enrolment.rules.lifecycle import completions_of
from plugin.enrolment.terms import terms_of
from plugin.mirror.lookup.browse import courses_named
from plugin.mirror.tables import Course
from plugin.reports.columns import Row
from plugin.reports.sources.progress import progress_on
from plugin.web.frame.course_words import learner_problem

TO_DO = ("assigned", "in_progress", "window_open", "expired")
"""States in which there is something to complete."""


@dataclass(frozen=True)
class PathStep:
    """A course on the path she is on. ``done``: since when; ``problem``: why nobody can complete it."""

    course: Course
    done: int | None
    open: bool
    problem: str
    leads: bool
    """Whether she can be sent there."""


@dataclass(frozen=True)
class LearnerCertification:
    """One certification of somebody: a row of the report on learners, and the courses behind it.

    :ivar had: courses done of those ``needed``.
    """

    number: int
    row: Row
    steps: tuple[PathStep, ...]
    had: int
    needed: int

    @property
    def to_do(self) -> bool:
        """Whether there is something to complete."""
        return self.row["state"] in TO_DO

    @property
    def next(self) -> PathStep | None:
        """The course to go on with."""
        if not self.to_do:
            return None
        return next((one for one in self.steps if one.open and one.done is None and one.leads), None)

    @property
    def date(self) -> int | None:
        """What comes next: the due date, else the day it expires."""
        found: int | None = self.row["due"] if self.to_do and self.row["due"] else self.row["expires"]
        return found

    @property
    def may_ask(self) -> bool:
        """Whether more time can be asked for."""
        return self.date is not None and self.row["state"] not in ("expired", "complete", "certified")


def standing(session: Session, host_id: int, row: Row, now: int) -> LearnerCertification:
    """The courses behind a row of the report on learners."""
    number, person, state = int(row["_certification"]), int(row["_person"]), str(row["state"])
    terms = terms_of(session, host_id, number)
    path = terms.content.recertification_path if state == "window_open" else terms.content.certification
    since = row["window_opens"] if state in ("window_open", "expired") else None
    told = completions_of(session, terms, np.array([person], np.int64)).get(person, {})
    done = {
        course: min(counted)
        for course, times in told.items()
        if (counted := [at for at in times if at <= now and (since is None or at > since)])
    }
    now_open = open_to(session, host_id, number, person)
    listed = list(dict.fromkeys(ext for one in path for ext in one.courses))
    known = courses_named(session, host_id, listed)
    steps = tuple(
        PathStep(
            known[ext], done.get(ext), ext in now_open, learner_problem(known[ext]),
            not learner_problem(known[ext]) and (terms.enrol == "on_open" or known[ext].url.startswith("http")),
        )
        for ext in listed
        if ext in known
    )  # fmt: skip
    had, needed = progress_on(path, frozenset(done))
    return LearnerCertification(number, row, steps, needed if state in ("certified", "complete") else had, needed)


def days_between(now: int, then: int, zone: str) -> int:
    """Calendar days from now until then; negative where it has passed."""
    return (local_day(then, zone) - local_day(now, zone)) // timedelta(days=1)
