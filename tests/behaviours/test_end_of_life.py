"""The end of a certification: read only, silent, and its seats stay or go as it was said (rules 5.11, 6.2)."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.enrolment.doctor import examine
from plugin.enrolment.settling.tick import tick
from plugin.enrolment.timed_messages import owe_timed
from tests.behaviours.lab import CONTENT, PERIOD, Lab, individuals
from tests.world import HOST

ENDS: tuple[dict[str, Any], ...] = ({"state": "archived"}, {"available": {"until": "2026-11-20"}})
LEAVE = {"seat": "suspend", "grace": "0 days", "at_end": "leave"}


def leave(seat: str) -> dict[str, str]:
    return {**LEAVE, "seat": seat}


@pytest.mark.parametrize("end", ENDS, ids=["archived", "last day over"])
@pytest.mark.parametrize(("leaving", "seat"), [
    ({"seat": "remove", "grace": "0 days"}, "in"), ({"seat": "remove", "grace": "0 days", "at_end": "stay"}, "in"),
    (leave("suspend"), "suspended"), (leave("remove"), "out"), (leave("keep"), "in"),
])  # fmt: skip
def test_seats_stay_or_go_with_a_certification_that_ends(
    lab: Lab, end: dict[str, Any], leaving: dict[str, str], seat: str
) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD)
    lab.save("fs", *individuals("ann", "bob"), leaving=leaving, **end)
    lab.later(3)
    assert lab.seats("c1") == {"ann": seat, "bob": seat}
    assert lab.active() == {"ann", "bob"}  # who was enrolled when it ended can still be read
    assert examine(lab.runtime, deep=True) == []
    lab.save("fs", *individuals("ann", "bob"), state="live", available={})
    assert lab.seats("c1") == {"ann": "in", "bob": "in"}
    assert examine(lab.runtime, deep=True) == []


def test_a_seat_stays_while_another_certification_wants_it(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD)
    lab.save("gs", *individuals("bob"), content=CONTENT, period=PERIOD, exceptions={"duplicate_course": "assign"})
    lab.save("fs", *individuals("ann", "bob"), state="archived", leaving=leave("remove"))
    assert lab.seats("c1") == {"ann": "out", "bob": "in"}
    lab.save("gs")
    assert lab.seats("c1") == {"ann": "out", "bob": "suspended"}
    assert examine(lab.runtime, deep=True) == []


def test_what_becomes_of_the_seats_can_be_said_afterwards_too(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=CONTENT, period=PERIOD)
    lab.save("fs", *individuals("ann"), state="archived")
    assert lab.seats("c1") == {"ann": "in"}
    lab.save("fs", *individuals("ann"), leaving=leave("remove"))
    assert lab.seats("c1") == {"ann": "out"}
    lab.later(1)
    assert examine(lab.runtime, deep=True) == []


def test_a_grace_that_is_over_when_it_has_ended_wakes_nobody_again_and_again(lab: Lab) -> None:
    grace = {"seat": "remove", "grace": "3 days"}
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD, leaving=grace)
    lab.save("fs", *individuals("bob"))
    lab.save("fs", *individuals("bob"), state="archived")
    lab.later(4)
    assert examine(lab.runtime, deep=True) == []
    lab.at(lab.now + 60)
    assert tick(lab.runtime, HOST) == 0
    assert lab.active() == {"ann", "bob"}
    lab.save("fs", *individuals("bob"), state="live")
    assert (lab.active(), examine(lab.runtime, deep=True)) == ({"bob"}, [])


def test_an_ended_certification_tells_nobody_and_does_not_make_up_for_it(lab: Lab) -> None:
    told = ({"when": "overdue", "to": ["learner"]}, {"when": "expired", "to": ["learner"]})
    due = {"fixed": "2026-11-25"}
    lab.save("fs", *individuals("ann", due=due), content=CONTENT, period=PERIOD, notifications=told)
    lab.save("fs", *individuals("ann", due=due), state="archived")
    lab.later(20)
    owe_timed(lab.runtime, HOST)
    assert lab.told() == []
    lab.save("fs", *individuals("ann", due=due), state="live")
    owe_timed(lab.runtime, HOST)
    assert lab.told() == []
