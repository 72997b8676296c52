"""Time passes between any two things that happen, whoever of them notices it first."""

from __future__ import annotations

from plugin.core.runtime import Runtime
from plugin.enrolment.settling.saves import settle_certifications
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row, day_of, end_of, later


def company(runtime: Runtime) -> Lab:
    """One unit, assigned to one certification with a due date counted from the enrolment."""
    lab = Lab(runtime)
    lab.unit("u1", "organisation", None)
    for name in ("ann", "bob"):
        lab.person(name)
    lab.model.certifications["A"] = Certification()
    rows = {"organisation:u1": Row("organisation", "u1", due=("after", "enrolment", 10, "days", None))}
    lab.save("A", rows, Certification())
    lab.settle()
    return lab


def test_a_job_that_began_before_another_change_was_read_is_seen(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.job("j1", Job("ann", "u1", starts=lab.model.now + DAY))
    lab.settle()
    lab._clock(lab.model.now + DAY + 60)
    lab.person("bob", zone="Asia/Tokyo")  # any other change, read before anybody looks at the time
    lab.work()
    row = lab.product()["A ann"]
    assert row["why"] == ["organisation:u1"]
    assert row["since"] == lab.since(lab.model.now - 60), "the spell began with the job"
    lab.check_nothing_left()


def test_a_job_that_ended_before_another_change_was_read_is_over(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.job("j1", Job("ann", "u1", ends=lab.model.now + DAY))
    lab.settle()
    lab._clock(lab.model.now + DAY)
    lab.person("bob", zone="Asia/Tokyo")
    lab.work()
    assert "A ann" not in lab.product()
    lab.check_nothing_left()


def test_a_job_told_before_it_begins_counts_from_its_beginning(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.job("j1", Job("ann", "u1", starts=lab.model.now + 3 * DAY, ends=lab.model.now + 9 * DAY))
    began, ended = lab.model.now + 3 * DAY, lab.model.now + 9 * DAY
    lab._clock(lab.model.now + 4 * DAY)  # nobody worked meanwhile
    lab.person("bob", zone="Asia/Tokyo")
    lab.work()
    row = lab.product()["A ann"]
    assert row["since"] == lab.since(began)
    assert row["due"] == lab.since(end_of(later(day_of(began), 10, "days")))
    lab.person("ann", zone="Asia/Tokyo")
    lab._clock(lab.model.now + 9 * DAY)
    lab.person("bob")
    lab.work()
    assert "A ann" not in lab.product()
    assert lab.ended("A", "ann") == lab.since(ended)
    lab.check_nothing_left()


def test_an_exemption_that_ended_while_nobody_looked_is_over(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.job("j1", Job("ann", "u1"))
    lab.settle()
    over = lab.model.now + 2 * DAY
    lab.exempt("A", "ann", over)
    lab.work()
    assert "A ann" not in lab.product()
    lab._clock(over + 3600)
    lab.person("ann", zone="Asia/Tokyo")
    lab.work()
    assert lab.product()["A ann"]["since"] == lab.since(over)
    lab.check_nothing_left()


def test_a_clock_that_steps_back_changes_nothing(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.job("j1", Job("ann", "u1", starts=lab.model.now + DAY))
    lab._clock(lab.model.now + 2 * DAY)
    lab.work()
    before = lab.product()
    assert "A ann" in before
    lab._clock(lab.model.now - 2 * DAY)
    lab.person("bob", zone="Asia/Tokyo")
    lab.work()
    assert lab.product() == before
    lab.check_nothing_left()


def test_a_whole_settle_of_a_save_never_overtakes_the_time(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.job("j1", Job("ann", "u1", starts=lab.model.now + DAY))
    began = lab.model.now + DAY
    lab._clock(began + 60)
    rows = {**lab.model.certifications["A"].rows, "individual:bob": Row("individual", "bob")}
    lab.save("A", rows, Certification())
    settle_certifications(lab.runtime, lab.host)  # another worker, which has not looked at the time
    lab.work()
    # What was saved before anybody settled counts as the last version (rules 2.8): both begin with that save.
    assert [lab.product()[f"A {name}"]["since"] for name in ("ann", "bob")] == [lab.since(began + 60)] * 2
    lab.check_nothing_left()


def test_a_completion_of_a_clock_ahead_of_ours_counts_when_its_time_has_come(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.courses("c1")
    terms = Certification(courses=("c1",))
    lab.save("A", lab.model.certifications["A"].rows, terms)
    lab.job("j1", Job("ann", "u1"))
    lab.settle()
    at = lab.model.now + 90
    lab.tell("completions", {"x": {"person": "ann", "course": "c1", "at": lab.since(at), "state": "done"}})
    lab.work()
    assert lab.product()["A ann"]["state"] == "assigned"
    lab._clock(at)
    lab.work()
    assert lab.product()["A ann"]["state"] == "certified"
    lab.check_nothing_left()
