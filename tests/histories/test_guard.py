"""The withdrawal guard at the sizes that matter, in one batch and sliced into single hints (rules 5.6)."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from sqlalchemy import select

from plugin.core.errors import RefusedByRule
from plugin.core.runtime import Runtime
from plugin.enrolment.tables import Enrolment, Held
from tests.histories.lab import Lab
from tests.histories.naive import Certification, Row

HOURS = 3600
pytestmark = pytest.mark.long
LONG = bool(os.environ.get("MUSTER_LONG"))
COUNT = 500 if LONG else 50
"""The guard's absolute number. In CI it is a tenth of what it is by itself, so that a tenth of the people show it."""
LIMITS = {9: 9, 11: 9, 300: 30, 480: 48, 6000: 500} if LONG else {9: 9, 130: 13, 600: 50}
"""How many of so many may leave within 24 hours, unconfirmed: at least 10 and above 10 %, or above the number."""
ROWS = {"audience:all": Row("audience", "all")}


class Company:
    """So many learners, all by one audience."""

    def __init__(self, runtime: Runtime, size: int) -> None:
        self.lab = Lab(replace(runtime, settings=replace(runtime.settings, guard_count=COUNT)))
        self.names = [f"p{n:04}" for n in range(size)]
        for start in range(0, size, 1000):
            part = self.names[start : start + 1000]
            self.lab.tell("people", {name: {"name": name} for name in part})
        self.lab.tell("audiences", {"all": {"name": "all"}})
        self.lab.model.audiences["all"] = set()
        for start in range(0, size, 1000):
            part = self.names[start : start + 1000]
            self.lab.tell("members", {name: {"audience": "all", "person": name} for name in part})
        self.lab.save("A", ROWS, Certification())
        self.lab.work()
        assert self.active() == size

    def active(self) -> int:
        with self.lab.runtime.db.read() as session:
            rows = session.scalars(
                select(Enrolment.person).where(Enrolment.host_id == self.lab.host, Enrolment.state > 0)
            )
            return len(rows.all())

    def held(self) -> list[int]:
        with self.lab.runtime.db.read() as session:
            rows = session.scalars(select(Held.n).where(Held.host_id == self.lab.host, Held.n > 0).order_by(Held.id))
            return list(rows)

    def lose(self, count: int, at_once: bool = True) -> None:
        """So many leave the audience, in one batch or hint by hint."""
        gone = [self.names.pop() for _ in range(count)]
        for batch in [gone] if at_once else [[name] for name in gone]:
            self.lab.tell("members", gone=tuple(batch))
            self.lab.work()


@pytest.mark.parametrize("size", LIMITS)
def test_a_loss_up_to_the_limit_passes_and_one_more_is_held(runtime: Runtime, size: int) -> None:
    company = Company(runtime, size)
    company.lose(LIMITS[size])
    assert (company.active(), company.held()) == (size - LIMITS[size], [])
    if company.names:
        company.lose(1)
        assert (company.active(), company.held()) == (size - LIMITS[size], [1])


@pytest.mark.parametrize("size", [size for size in LIMITS if size > LIMITS[size]])
def test_a_batch_over_the_limit_is_held_whole(runtime: Runtime, size: int) -> None:
    company = Company(runtime, size)
    company.lose(LIMITS[size] + 1)
    assert (company.active(), company.held()) == (size, [LIMITS[size] + 1])


def test_the_guards_number_is_500_by_itself(runtime: Runtime) -> None:
    assert runtime.settings.guard_count == 500


@pytest.mark.parametrize("size", [size for size in LIMITS if LIMITS[size] < COUNT])
def test_single_hints_do_not_slip_past_the_guard(runtime: Runtime, size: int) -> None:
    company = Company(runtime, size)
    more = min(3, size - LIMITS[size])
    company.lose(LIMITS[size] + more, at_once=False)
    assert company.active() == size - LIMITS[size]
    assert company.held() == [1] * more


def test_slices_of_a_large_loss_do_not_slip_past_the_guard(runtime: Runtime) -> None:
    company = Company(runtime, 12 * COUNT)
    for _slice in range(6):
        company.lose(COUNT // 5)
    assert (company.active(), company.held()) == (11 * COUNT, [COUNT // 5])


def test_after_a_day_others_may_leave(runtime: Runtime) -> None:
    company = Company(runtime, 300)
    company.lose(30)
    company.lab._clock(company.lab.model.now + 24 * HOURS - 1)
    company.lose(1)
    assert (company.active(), company.held()) == (270, [1])
    company.lab._clock(company.lab.model.now + 1)
    company.lose(27)
    assert (company.active(), company.held()) == (243, [1])


@pytest.mark.parametrize("size", LIMITS)
def test_a_save_asks_for_the_number_only_above_the_limit(runtime: Runtime, size: int) -> None:
    company = Company(runtime, size)
    if size == 9:
        company.lab.save("A", {}, Certification())
    else:
        with pytest.raises(RefusedByRule, match=f"{size} learners"):
            company.lab.save("A", {}, Certification())
        company.lab.save("A", {}, Certification(), allow=size)
    company.lab.work()
    assert (company.active(), company.held()) == (0, [])


def test_confirmed_withdrawals_and_deleted_people_do_not_count(runtime: Runtime) -> None:
    company = Company(runtime, 300)
    gone = [company.names.pop() for _ in range(60)]
    company.lab.tell("people", gone=tuple(gone))
    company.lab.work()
    assert (company.active(), company.held()) == (240, [])
    company.lab.tell("audiences", {"few": {"name": "few"}})
    few = [company.names.pop() for _ in range(40)]
    company.lab.tell("members", {f"f{name}": {"audience": "few", "person": name} for name in few})
    company.lab.tell("members", gone=tuple(few))
    company.lab.model.audiences["few"] = set()
    company.lab.save("A", {**ROWS, "audience:few": Row("audience", "few")}, Certification())
    company.lab.work()
    company.lab.save("A", ROWS, Certification(), allow=40)
    company.lab.work()
    assert (company.active(), company.held()) == (200, [])
    company.lose(20)
    assert (company.active(), company.held()) == (180, [])
