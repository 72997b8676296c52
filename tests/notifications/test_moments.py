"""Moments: told part by part to all they concern, and never afterwards to who was suspended when they came."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.core.runtime import Runtime
from plugin.delivery.tables import Message
from plugin.enrolment import timed_messages
from plugin.enrolment.timed_messages import owe_timed
from tests.behaviours.lab import Lab, individuals
from tests.world import HOST

DUE = ({"when": "due", "before": "7 days", "to": ["learner"]},)


@pytest.fixture
def lab(runtime: Runtime) -> Lab:
    made = Lab(runtime)
    made.people("ann", "bob", "cat", "dov", "eve")
    return made


def test_who_is_suspended_when_a_moment_comes_is_not_told_when_she_returns(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob", due={"fixed": "2026-12-18"}), notifications=DUE)
    lab.state("bob", 1)
    lab.later(24)
    assert owe_timed(lab.runtime, HOST) == 2
    assert lab.told() == [("due", "ann", "ann")]
    lab.state("bob", 0)
    lab.settle()
    assert owe_timed(lab.runtime, HOST) == 0
    assert lab.told() == [("due", "ann", "ann")]
    with lab.runtime.db.read() as session:
        missed = session.scalars(select(Message).where(Message.state == "cancelled")).one()
    assert missed.why == "She was suspended at this moment."


def test_learners_without_a_manager_keep_nobody_else_from_being_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_messages, "PART", 2)
    lab.job("j-ann", "ann")
    lab.job("j-eve", "eve", boss="j-ann")
    told = ({"when": "overdue", "after": "1 day", "to": ["managers"]},)
    lab.save("fs", *individuals("bob", "cat", "dov", "eve", due={"fixed": "2026-12-18"}), notifications=told)
    lab.later(35)
    assert owe_timed(lab.runtime, HOST) == 1
    assert lab.told() == [("overdue", "eve", "ann")]
