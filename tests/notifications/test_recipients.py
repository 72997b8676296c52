"""Managers of many learners are found in one scan; they are the same as when each learner's are looked up."""

from __future__ import annotations

import random

import pytest
from pyroaring import BitMap

from plugin.core.runtime import Runtime
from plugin.notifications import recipients
from tests.histories.lab import Lab
from tests.histories.naive import Job

NAMES = ("ann", "bob", "cat", "dan", "eve", "fay", "gil")


def test_managers_of_many_learners_are_those_of_each(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    dice, lab, seen = random.Random(3), Lab(runtime), 0
    for name in NAMES:
        lab.person(name, state="suspended" if name == "gil" else "active")
    ids = [lab.id_of(name) for name in NAMES]
    for turn in range(12):
        jobs = {
            f"j{number}": Job(
                dice.choice(NAMES), boss_job=dice.choice([None, *(f"j{other}" for other in range(8))]),
                boss=dice.choice([None, *NAMES]), temporary=dice.random() < 0.2,
            )
            for number in range(8)
        }  # fmt: skip
        lab.jobs(jobs)
        if turn % 3 == 2:
            lab.drop_job(f"j{dice.randrange(8)}")
        learners = BitMap(dice.sample(ids, dice.randint(1, len(ids))))
        found = []
        for many in (0, 100):
            monkeypatch.setattr(recipients, "_MANY", many)
            with runtime.db.read() as session:
                found.append(recipients.managers_of(session, lab.host, learners))
        assert found[0] == found[1], lab.log
        seen += len(found[0])
    assert seen > 10
