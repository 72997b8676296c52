"""Courses that begin anew with a new cycle, where the host can reset completions."""

from __future__ import annotations

from plugin.certifications.rules.content import courses_of
from plugin.delivery.resets.resets import owe_resets
from plugin.enrolment.codes import STATES
from plugin.enrolment.rules.lifecycle import course_ids
from plugin.enrolment.settling.write import Writing


def restart_courses(writing: Writing) -> None:
    """The courses she is to complete once more begin anew: with the window, and once expired the others (rules 7.4).

    What she did since the window opened counts, and stays.
    """
    facts, terms = writing.step.facts, writing.terms
    paths = {"window_open": terms.content.recertification_path, "expired": terms.content.certification}
    again: list[tuple[int, str, int]] = []
    for state, path in paths.items():
        courses = courses_of(path)
        for at in writing.moved.entered.get(state, ()):
            person, before = int(facts.person[at]), int(facts.window_opens[at])
            if STATES[int(facts.state[at])] != state:
                continue  # she went on at once
            done = writing.done.get(person, {})
            again += [(person, course, before) for course in courses & done.keys() if done[course][0] < before]
    if again:
        ids = course_ids(writing.session, terms.host_id, frozenset(course for _person, course, _before in again))
        wanted = [(person, ids[course], before) for person, course, before in again if course in ids]
        owe_resets(writing.session, terms.host_id, terms.id, wanted, writing.cause.otherwise)
