"""Who need not be looked at: whoever is left out would be decided as she stands, in histories drawn at random."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.enrolment.checking.learners import CheckedLearners
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.reading.needs_look import NeedsLook
from plugin.enrolment.reading.needs_look_people import WhereToLook, completed_by
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.reading.some_people import SomePeople, some_people
from plugin.enrolment.settling import everyone, plan
from plugin.enrolment.settling import people as settling_people
from plugin.enrolment.settling.chunk import decide, prepare
from plugin.enrolment.settling.owed_looks import owed_people
from plugin.enrolment.terms import Terms, terms_of_many
from plugin.population.sets import Population
from tests.histories.player import Player

LONG = bool(os.environ.get("MUSTER_LONG"))
SEEDS = range(int(os.environ.get("MUSTER_EXAMPLES", "200" if LONG else "4")))


class Watch:
    """Decides whoever is left out, whenever somebody asks whom to look at."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked = self.left_out = 0
        self._certification, self._people = plan.who_needs_look, settling_people.where_to_look
        self.passed_over = 0
        patch.setattr(plan, "who_needs_look", self.certification)
        patch.setattr(everyone, "some_people", self.some)
        patch.setattr(settling_people, "where_to_look", self.people)

    def certification(
        self, snapshot: Snapshot, people: Population, terms: Terms, rows: Any, cause: Cause, **more: Any
    ) -> NeedsLook:
        found = self._certification(snapshot, people, terms, rows, cause, **more)
        owed = BitMap(owed_people(snapshot.session, people.host_id, 10_000))  # looked at by themselves
        self._decide(
            snapshot.session, people, terms.id, people.existing - BitMap(found.people.astype(np.uint32)) - owed, cause
        )
        return found

    def people(self, session: Session, people: Population, who: Sequence[int]) -> WhereToLook:
        found = self._people(session, people, who)
        for number in terms_of_many(session, people.host_id, None):
            left_out = BitMap(who) - BitMap(found.concerned.get(number, ()))
            self._decide(session, people, number, left_out, Cause(otherwise=people.as_of))
        return found

    def some(
        self, snapshot: Snapshot, people: Population, certifications: Sequence[int], who: BitMap, *more: Any
    ) -> list[SomePeople]:
        """Certifications that are passed over for some people or for all of them."""
        found = some_people(snapshot, people, certifications, who, *more)
        for number in certifications:
            theirs = next((one for one in found if number in one.certifications), None)
            looked = theirs is not None and number in theirs.worth_a_look({})
            left_out = who - (theirs.everyone if looked and theirs else BitMap())
            completed = completed_by(snapshot.session, people.host_id, list(left_out)).get(number, BitMap())
            self.passed_over += len(left_out - completed)
            self._decide(snapshot.session, people, number, left_out - completed, Cause(otherwise=people.as_of))
        return found

    def _decide(self, session: Session, people: Population, certification: int, left_out: BitMap, cause: Cause) -> None:
        self.asked += 1
        self.left_out += len(left_out)
        work = prepare(session, people, certification, np.array(left_out, np.int64), cause)
        outcome, _writing = decide(work, cause, BitMap())
        changed = CheckedLearners(work, outcome)
        said = {one: changed.stored_and_would(one) for one in changed.people()}
        assert said == {}, f"certification {certification} would change"


def test_nobody_is_missed_whom_step_would_change(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = left_out = passed_over = 0
    for seed in SEEDS:
        with monkeypatch.context() as patch:
            watch, player = Watch(patch), Player(runtime, patch, seed)
            try:
                player.play(20)
            except BaseException as error:
                raise AssertionError(f"seed {seed}: {error}") from error
        asked, left_out = asked + watch.asked, left_out + watch.left_out
        passed_over += watch.passed_over
    assert asked > 10 * len(SEEDS)
    assert left_out > 20 * len(SEEDS)
    assert passed_over > 0
