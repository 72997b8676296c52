"""Whom of some people each of many targets matches, all of them at once.

The same question as :meth:`plugin.population.base.View.people` answers target by target: a look at the jobs of these
people costs the same for one target and for thousands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from plugin.core.database.columns import Ints
from plugin.population.base import Grouped, PopulationBase, View, edges, spread
from plugin.population.columns import Mask, are_in
from plugin.population.matching_keys import Key

Pairs = tuple[Ints, Ints]
"""Positions of targets in their list, and people; a place for each pair."""
_NONE: Ints = np.zeros(0, np.int64)
_NEVER = 2**62


def distinct(pairs: Sequence[Pairs]) -> Pairs:
    """Each pair once, in the order of the targets and then of the people."""
    target, person = (
        np.concatenate([_NONE, *columns]) for columns in (zip(*pairs, strict=True) if pairs else ((), ()))
    )
    top = int(person.max(initial=0)) + 1
    codes = sorted_once(target * top + person)
    return codes // top, codes % top


def sorted_once(values: Ints) -> Ints:
    """Each value once, in order."""
    values = np.sort(values)
    return values[np.concatenate(([True], values[1:] != values[:-1]))] if len(values) else values


def pairs_of(view: View, keys: Sequence[Key], people: Ints) -> Pairs:
    """Which of these people (sorted ids) each target matches, suspended people included.

    :param keys: of any kind but groups.
    """
    marks = np.zeros(max(view.base.top_of_all, int(people.max(initial=0))) + 1, bool)
    marks[people] = True
    jobs = np.flatnonzero(view.current & marks[view.base.job_person])
    found: list[Pairs] = []
    for kind, where, theirs in _by_kind(keys):
        if kind in _BY_JOB:
            found += _BY_JOB[kind](view.base, where, theirs, jobs)
        elif kind == "audience":
            found.append(_of_audiences(view.base, where, theirs, marks))
        else:
            target = _targets(theirs)
            here = marks[np.minimum(target, len(marks) - 1)] & (target < len(marks))
            here[here] = are_in(target[here], view.base.existing)
            found.append((where[here], target[here]))
    return distinct(found)


def turned_jobs(base: PopulationBase, since: Mapping[int, int], as_of: int) -> Ints:
    """Rows of the jobs of these people that began or ended from their instant on, up to ``as_of``."""
    people = np.array(sorted(since), np.int64)
    first = np.full(max(base.top_of_all, int(people.max(initial=0))) + 1, _NEVER, np.int64)
    first[people] = [since[person] for person in people.tolist()]
    jobs = np.flatnonzero(first[base.job_person] != _NEVER)
    least = first[base.job_person[jobs]]
    turned = np.zeros(len(jobs), bool)
    for bounds in (base.starts[jobs], base.ends[jobs]):
        turned |= (bounds >= least) & (bounds <= as_of)
    return jobs[turned]


def touched_by(base: PopulationBase, keys: Sequence[Key], jobs: Ints) -> Ints:
    """Positions of the targets that name where one of these jobs is, or whom it reports to; whether it is current or not."""
    found = [part for kind, where, theirs in _by_kind(keys) if kind in _BY_JOB
             for part, _people in _BY_JOB[kind](base, where, theirs, jobs)]  # fmt: skip
    return sorted_once(np.concatenate([_NONE, *found]))


def _by_kind(keys: Sequence[Key]) -> Iterator[tuple[str, Ints, list[Key]]]:
    by_kind: dict[str, list[int]] = {}
    for position, (kind, _target, _include) in enumerate(keys):
        by_kind.setdefault(kind, []).append(position)
    for kind, positions in by_kind.items():
        yield kind, np.array(positions, np.int64), [keys[position] for position in positions]


def _targets(keys: Sequence[Key]) -> Ints:
    return np.array([target for _kind, target, _include in keys], np.int64)


def _of_units(base: PopulationBase, where: Ints, keys: Sequence[Key], jobs: Ints) -> Iterator[Pairs]:
    units = (base.organisation if keys[0][0] == "organisation" else base.position)[jobs]
    works = Grouped.of(base.preorder(units), base.job_person[jobs])
    known = [position for position, key in enumerate(keys) if key[1] in base.unit_interval]
    bounds = [base.unit_interval[keys[position][1]] for position in known]
    low = np.array([first for first, _last in bounds], np.int64)
    below = np.array([keys[position][2] == "below" for position in known], bool)
    high = np.where(below, np.array([last for _first, last in bounds], np.int64), low)
    yield _between(works, where[np.array(known, np.int64)], low, high)


def _of_audiences(base: PopulationBase, where: Ints, keys: Sequence[Key], marks: Mask) -> Pairs:
    members = marks[base.member_person]
    target = _targets(keys)
    return _between(Grouped.of(base.member_audience[members], base.member_person[members]), where, target, target)


def _between(grouped: Grouped, where: Ints, low: Ints, high: Ints) -> Pairs:
    """For each place the values whose key lies between its bounds."""
    first = grouped.keys.searchsorted(low, "left")
    many = grouped.keys.searchsorted(high, "right") - first
    return np.repeat(where, many), grouped.values[spread(first, many)]


def _of_managers(base: PopulationBase, where: Ints, keys: Sequence[Key], jobs: Ints) -> Iterator[Pairs]:
    """Up the reporting lines of these jobs, a level at a time; loops are cut, and nobody is in her own team."""
    target = _targets(keys)
    below = np.array([include == "below" for _kind, _target, include in keys], bool)
    asked, at = edges(base.row_of_job, target)  # rows of the managers' jobs, and which targets name them
    for chosen, lines in ((~below[at], _first(base, jobs)), (below[at], _all_above(base, jobs))):
        if not chosen.any():
            continue
        boss, worker = lines
        row, line = edges(Grouped.of(asked[chosen], at[chosen]), boss)
        person = base.job_person[worker[line]]
        other = person != base.job_person[boss[line]]
        yield where[row[other]], person[other]


def _first(base: PopulationBase, jobs: Ints) -> Pairs:
    """Rows of the jobs that these report to, each with the row that reports."""
    by_job = edges(base.row_of_job, base.boss_job[jobs])
    by_person = edges(base.row_of_person, base.boss_person[jobs]) if (base.boss_person[jobs] >= 0).any() else by_job
    parts = (by_job,) if by_person is by_job else (by_job, by_person)
    return np.concatenate([part[0] for part in parts]), jobs[np.concatenate([part[1] for part in parts])]


def _all_above(base: PopulationBase, jobs: Ints) -> Pairs:
    """The same all the way up."""
    many = len(base.job)
    boss, worker = _first(base, jobs)
    level = sorted_once(boss * many + worker)
    known = level
    while len(level):
        above, at = _first(base, sorted_once(level // many))
        who, line = edges(Grouped.of(level // many, level % many), at)  # each stands for all who report to it
        level = np.setdiff1d(sorted_once(above[line] * many + who), known, assume_unique=True)
        known = np.union1d(known, level)
    return known // many, known % many


def known_teams(view: View, jobs: Ints, but: Mask) -> Mask:
    """Which of these managers' jobs have current direct reports: of the others it takes a look at the whole tree.

    :param jobs: ids. :param but: marks of people who do not count, as long as the largest id.
    """
    base, found = view.base, np.zeros(len(jobs), bool)
    rows, at = edges(base.row_of_job, jobs)
    for named, bosses, ids in ((base.boss_job, rows, base.job), (base.boss_person, rows, base.job_person)):
        theirs = ids[bosses]
        marks = np.zeros(max(int(named.max(initial=0)), int(theirs.max(initial=0))) + 1, bool)
        marks[theirs] = True
        reports = np.flatnonzero(view.current & (named >= 0) & marks[named])
        reports = reports[~but[base.job_person[reports]]]
        place, line = edges(Grouped.of(theirs, np.arange(len(theirs))), named[reports])
        other = base.job_person[reports[line]] != base.job_person[bosses[place]]
        found[at[place[other]]] = True
    return found


_BY_JOB = {"organisation": _of_units, "position": _of_units, "manager": _of_managers}
"""Kinds of targets that jobs decide."""
