"""Many changed people, settled whole: everybody between them stays as she is, and whoever only had a job begin or end is
looked at wherever that matters."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.core.database import bulk
from plugin.core.runtime import Runtime
from plugin.enrolment.settling import everyone
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.tick import tick
from plugin.population import sets
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


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changed is settled whole, however few they are, and nobody is looked up beside an older base."""
    monkeypatch.setattr(everyone, "_ROWS_AT_ONCE", 0)
    monkeypatch.setattr(sets, "REBUILD_ABOVE", 0)


def company(runtime: Runtime) -> Lab:
    """Ann and Bob, one unit, one audience."""
    lab = Lab(runtime)
    lab.unit("u1", "organisation", None)
    for name in ("ann", "bob"):
        lab.person(name)
    lab.audience("a1", {"bob"})
    return lab


def settled(lab: Lab) -> dict[str, Any]:
    while settle_people(lab.runtime, lab.host, 0):
        pass
    return lab.product()


def test_who_was_owed_a_look_before_his_job_began_is_looked_at_everywhere(runtime: Runtime, whole: None) -> None:
    lab = company(runtime)
    for code, row in (("A", Row("organisation", "u1")), ("B", Row("audience", "a1"))):
        lab.save(code, {row.name: row}, Certification())
    lab.job("j1", Job("bob", "u1", starts=lab.model.now + DAY))
    lab.settle()
    lab.exempt("B", "bob", lab.model.now + 9 * DAY)  # he is owed a look, and not by the host
    lab._clock(lab.model.now + DAY)
    tick(lab.runtime, lab.host)
    found = settled(lab)
    assert "A bob" in found
    assert "B bob" not in found
    lab.check_nothing_left()


def test_who_is_no_longer_left_out_comes_when_his_job_ends(runtime: Runtime, whole: None) -> None:
    lab = company(runtime)
    row = Row("audience", "a1", but=(("organisation", "u1", ""),))
    lab.save("A", {row.name: row}, Certification())
    lab.job("j1", Job("bob", "u1", ends=lab.model.now + DAY))
    lab.settle()
    assert "A bob" not in lab.product()
    lab._clock(lab.model.now + DAY)
    tick(lab.runtime, lab.host)
    assert "A bob" in settled(lab)
    lab.check_nothing_left()
