"""Of some people, what certifications want of them beside what their rows say, found at once.

Thousands of assignments cost no more than the pairs they make with these people; certifications in which nothing
differs are left out before anybody goes through them one by one (:mod:`plugin.enrolment.reading.needs_look`). Of people
for whom only jobs began or ended, certifications are left out whose assignments these jobs do not touch: in those she
stands as she was decided last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from pyroaring import BitMap

from plugin.certifications.resolve import Rule
from plugin.enrolment.facts import Ints, Mask
from plugin.enrolment.reading.live_rows import NOBODY, Enrolled, read_enrolled_of
from plugin.enrolment.reading.needs_look import always_looked_at, differs, is_personal
from plugin.enrolment.reading.reach import has_not_begun
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.waves.decide_draws import has_waves
from plugin.population.columns import are_in, ids_of
from plugin.population.matching_keys import Key
from plugin.population.sets import Population


class SomePeople:
    """Rows and memberships of some people in some certifications.

    :ivar certifications: their ids. :ivar everyone: the people.
    """

    def __init__(self, snapshot: Snapshot, people: Population, certifications: Sequence[int], everyone: BitMap) -> None:
        self.certifications, self.everyone = certifications, everyone
        self._around, self._people = snapshot, people
        rules = [rule for number in certifications for rule in snapshot.rules[number] if is_plain(rule, people.as_of)]
        at, self._person = people.pairs([rule.key for rule in rules if rule.key is not None], everyone)
        cuts = np.searchsorted(at, np.arange(len(rules) + 1)).tolist()
        self._members = {rule.id: (low, high) for rule, low, high in zip(rules, cuts, cuts[1:], strict=False)}
        self._wanted = np.array([rule.certification for rule in rules], np.int64)[at] if rules else at
        self._why_key = np.array([rule.why_key for rule in rules], np.int64)[at] if rules else at
        self._certification, self._rows = self._read(dates=False)

    def _read(self, *, dates: bool) -> tuple[Ints, Enrolled]:
        ids = ids_of(self.everyone)
        return read_enrolled_of(self._around.session, self._people.host_id, ids, self.certifications, dates=dates)

    @cached_property
    def _dated(self) -> tuple[Ints, Enrolled]:
        """The rows with their dates."""
        return self._read(dates=True)

    def members(self, rule: Rule) -> Ints | None:
        """Which of the people a rule matches; ``None`` of one whose target does not tell by itself."""
        cut = self._members.get(rule.id)
        return None if cut is None else self._person[cut[0] : cut[1]]

    def rows(self, certification: int, *, dates: bool) -> Enrolled:
        """Their live rows in a certification.

        :param dates: with ``due`` and ``began``.
        """
        numbers, rows = self._dated if dates else (self._certification, self._rows)
        kind = numbers.dtype.type
        low = int(numbers.searchsorted(kind(certification), "left"))
        high = int(numbers.searchsorted(kind(certification), "right"))
        return rows.part(low, high) if high > low else NOBODY

    def worth_a_look(self, also: Mapping[int, BitMap]) -> Iterator[int]:
        """The certifications in which somebody of these may need a look.

        :param also: by certification, whom to look at whatever the rows say.
        """
        differing = self._where_rows_differ()
        for number in self.certifications:
            if number in differing or number in also or self._hangs_on_more(number):
                yield number

    def _hangs_on_more(self, number: int) -> bool:
        """Whether something besides rows and memberships decides."""
        snapshot, rules = self._around, self._around.rules[number]
        if snapshot.settled(number) != snapshot.version(number) or has_waves(rules):
            return True
        if any((rule.key is not None and rule.id not in self._members) or is_personal(rule.due) for rule in rules):
            return True
        always = always_looked_at(snapshot, number, self._people.as_of)
        return bool(len(always)) and bool(are_in(np.unique(always), self.everyone).any())

    def _where_rows_differ(self) -> set[int]:
        """Certifications where a row says something else than the assignments, or says of itself that it wants a look."""
        rows = self._rows
        span = max(int(self._person.max(initial=0)), int(rows.person.max(initial=0))) + 1
        pairs = self._wanted * span + self._person
        order = pairs.argsort(kind="stable")
        pairs = pairs[order]
        starts = np.flatnonzero(np.concatenate(([True], pairs[1:] != pairs[:-1]))) if len(pairs) else order
        codes = pairs[starts]
        expected = np.bitwise_xor.reduceat(self._why_key[order], starts) if len(starts) else starts
        stored = self._certification * span + rows.person
        at = np.searchsorted(codes, stored)
        known = at < len(codes)
        known[known] = codes[at[known]] == stored[known]
        wanted = np.zeros(len(stored), np.int64)
        wanted[known] = expected[at[known]]
        look = differs(rows.why, wanted, rows.frozen, self._are_suspended(rows.person), rows.waiting) | (wanted == 0)
        fresh = expected != 0
        fresh[at[known]] = False
        return {*np.unique(self._certification[look]).tolist(), *np.unique(codes[fresh] // span).tolist()}

    def _are_suspended(self, person: Ints) -> Mask:
        suspended = ids_of(self._people.suspended & self.everyone)
        return np.isin(person, suspended) if len(suspended) else np.zeros(len(person), bool)


def some_people(
    snapshot: Snapshot, people: Population, certifications: Sequence[int], everyone: BitMap, turned: BitMap,
    at: Mapping[int, int],
) -> list[SomePeople]:  # fmt: skip
    """These people in these certifications, each certification once.

    :param turned: those of them for whom nothing happened but that jobs began or ended, from the instant ``at`` on.
    """
    touched = _touched(snapshot, people, certifications, turned, at) if turned else None
    if touched is None:
        return [SomePeople(snapshot, people, certifications, everyone)]
    others = everyone - turned
    with_all = SomePeople(snapshot, people, [number for number in certifications if number in touched], everyone)
    rest = [number for number in certifications if number not in touched]
    return [with_all, SomePeople(snapshot, people, rest, others)] if others else [with_all]


def _touched(
    snapshot: Snapshot, people: Population, certifications: Sequence[int], turned: BitMap, at: Mapping[int, int]
) -> set[int] | None:
    """Certifications of which an assignment, or what it leaves out, names where somebody's job began or ended."""
    keys: list[Key] = []
    numbers: list[int] = []
    for number in certifications:
        for rule in snapshot.rules[number]:
            named = [*rule.exclusions, rule.key] if rule.key is not None else rule.exclusions
            keys += named
            numbers += [number] * len(named)
    found = people.touched(keys, {person: at[person] for person in turned})
    return None if found is None else {numbers[position] for position in found}


def is_plain(rule: Rule, as_of: int) -> bool:
    """Whether a rule's target alone tells whom it matches."""
    return rule.key is not None and rule.key[0] != "group" and not rule.exclusions and not has_not_begun(rule, as_of)
