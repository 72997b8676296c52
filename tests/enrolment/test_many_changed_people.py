"""More changed people than a statement names, none of them next to another: everybody between them stays as she is."""

from __future__ import annotations

import pytest

from plugin.core.database import bulk
from plugin.core.runtime import Runtime
from plugin.enrolment.settling import everyone
from plugin.enrolment.settling.people import settle_people
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row

NAMES = [f"n{number}" for number in range(8)]


@pytest.mark.parametrize("turned", [False, True], ids=["by the host", "by time"])
def test_who_is_between_changed_people_stays_enrolled(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, turned: bool
) -> None:
    monkeypatch.setattr(bulk, "_NAMED", 2)
    monkeypatch.setattr(everyone, "_ROWS_AT_ONCE", 0)
    lab = Lab(runtime)
    for unit in ("u1", "u2"):
        lab.unit(unit, "organisation", None)
    for name in NAMES:
        lab.person(name)
        lab.job(f"j-{name}", Job(name, "u1"))
    rows = {"organisation:u1": Row("organisation", "u1"), "organisation:u2": Row("organisation", "u2")}
    lab.save("A", rows, Certification())
    lab.settle()
    for name in NAMES[::2]:
        lab.job(f"k-{name}", Job(name, "u2", starts=lab.model.now + DAY if turned else None))
    if turned:
        lab.settle()
        lab._clock(lab.model.now + DAY)
    while settle_people(lab.runtime, lab.host, 0):
        pass
    lab.work()
    found = lab.product()
    assert {name: found[f"A {name}"]["why"] for name in NAMES} == {
        name: ["organisation:u1", "organisation:u2"] if name in NAMES[::2] else ["organisation:u1"] for name in NAMES
    }
    lab.check_nothing_left()
