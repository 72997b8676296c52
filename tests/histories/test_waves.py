"""The forecast of a review is what settling then does, person by person, and no period has more than its wave (rules 11.3)."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import pytest
from pyroaring import BitMap

from plugin.core.runtime import Runtime
from plugin.enrolment.saving.review import review
from tests.histories.lab import Lab
from tests.histories.test_preview import changed_rows, some_world

WORLDS = 30 if os.environ.get("MUSTER_LONG") else 1
STEPS = 12 if os.environ.get("MUSTER_LONG") else 3


def began_at(lab: Lab, code: str, instant: int) -> set[str]:
    return {name for (other, name), one in lab.model.enrolments.items()
            if other == code and one.live and one.began == instant}  # fmt: skip


@pytest.mark.parametrize("seed", range(WORLDS))
def test_who_begins_is_who_was_foreseen(runtime: Runtime, seed: int) -> None:
    chance = Random(7000 + seed)
    lab = some_world(runtime, chance)
    terms = lab.model.certifications["A"]
    rows = {
        name: replace(row, starts=None, wave=(chance.choice([1, 2, 4]), chance.choice(["day", "week"])))
        if row.type in ("organisation", "audience", "manager")
        else replace(row, starts=None)
        for name, row in changed_rows(chance, lab, "A").items()
    }
    rows["organisation:o0"] = replace(
        next(iter(rows.values())), type="organisation", target="o0", include="below", starts=None, wave=(3, "day")
    )
    proposal = lab.proposal("A", rows, terms)
    with lab.runtime.db.read() as session:
        found = review(session, lab.host, [proposal], now=lab.model.now)[0]
    queue = found.queue
    assert queue is not None
    names = {number: name for name, number in lab.model.numbers.items()}

    def named(people: BitMap) -> set[str]:
        return {names[one] for one in people}

    lab.save("A", rows, terms, allow=found.removing.withdrawn)
    before = set(lab.model.live_in("A"))
    lab.settle()
    lab.check()
    assert named(queue.now) <= lab.model.live_in("A") - before
    foreseen: dict[int, set[str]] = {}
    for step in queue.steps:
        foreseen.setdefault(step.at, set()).update(named(step.people))
    for at, wanted in list(foreseen.items())[:STEPS]:
        lab.at(at)
        lab.settle()
        lab.check()
        assert began_at(lab, "A", at) == wanted
    lab.check_whole()
