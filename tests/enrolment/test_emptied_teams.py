"""A team that goes from two or more to none is kept and held, whoever settles first; a single learner leaves (rules 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from plugin.certifications.tables import Certification as CertificationRow
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.gone_targets import TEAM_GONE
from plugin.enrolment.answers.on_hold import answer_held
from plugin.enrolment.checking.daily import check_daily
from plugin.enrolment.settling.changed_date_settings import follow_meanings
from plugin.enrolment.settling.everyone import settle_everything
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.tables import Held
from plugin.mirror.connections.date_settings import move_zone
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row

TEAM = Row("manager", "j0", "direct")
OTHER = Row("individual", "eve")


def company(runtime: Runtime, team: int = 2, row: Row = TEAM) -> Lab:
    """Ann is a manager, and the row of her job gives A to her team; somebody of the team may end tomorrow."""
    lab = Lab(runtime)
    for name in ("ann", "bob", "cat", "dan", "eve"):
        lab.person(name)
    lab.unit("u1", "organisation", None)
    jobs = {f"j{n}": Job(name, "u1", boss_job="j0") for n, name in enumerate(("bob", "cat", "dan")[:team], start=1)}
    lab.jobs({"j0": Job("ann", "u1"), **jobs})
    lab.save("A", {row.name: row}, Certification())
    lab.settle()
    return lab


def dissolve(lab: Lab, *jobs: str) -> None:
    """Nobody reports to Ann any more, by one hint batch."""
    lab.jobs({name: replace(lab.model.jobs[name], boss_job=None) for name in jobs or lab.model.jobs if name != "j0"})


def open_holds(lab: Lab) -> list[tuple[str, int]]:
    with lab.runtime.db.read() as session:
        rows = session.execute(
            select(Held.cause, Held.n).where(Held.host_id == lab.host, Held.state == "open", Held.n > 0)
        )
        return [(cause, n) for cause, n in rows]


def save_another_row(lab: Lab) -> None:
    lab.save("A", {TEAM.name: TEAM, OTHER.name: OTHER}, Certification())
    settle_certifications(lab.runtime, lab.host)


def change_the_zone(lab: Lab) -> None:
    lab.runtime.db.transact(lambda session: move_zone(session, lab.host, "Asia/Tokyo", at=lab.model.now, who="test"))
    follow_meanings(lab.runtime, lab.host)
    settle_certifications(lab.runtime, lab.host)


WAYS: dict[str, Callable[[Lab], object]] = {
    "the people who changed": lambda lab: settle_people(lab.runtime, lab.host),
    "so many that everything is settled": lambda lab: settle_people(lab.runtime, lab.host, limit=1),
    "everything": lambda lab: settle_everything(lab.runtime, lab.host),
    "a save of another row": save_another_row,
    "a change of the zone": change_the_zone,
}


@pytest.mark.parametrize("way", WAYS)
def test_an_emptied_team_is_kept_and_held_whoever_settles_first(runtime: Runtime, way: str) -> None:
    lab = company(runtime)
    dissolve(lab)
    WAYS[way](lab)
    for _again in range(2):
        assert open_holds(lab) == [(TEAM_GONE, 2)]
        rows = lab.product()
        assert [(rows[f"A {name}"]["held"], rows[f"A {name}"]["state"]) for name in ("bob", "cat")] == [
            ("gone", "assigned")
        ] * 2
        lab.work()
        settle_everything(lab.runtime, lab.host)
    lab.check_nothing_left()


@pytest.mark.plants_drift
def test_a_team_that_somebody_emptied_in_the_database_is_kept_by_the_daily_check(runtime: Runtime) -> None:
    lab = company(runtime)
    assert check_daily(lab.runtime, lab.host) == 0
    with lab.runtime.db.write() as session:
        session.execute(
            text("UPDATE job SET manager_job = NULL, manager_job_ext = '' WHERE host_id = :host"), {"host": lab.host}
        )
    lab._clock(lab.model.now + DAY)
    lab.work()
    assert check_daily(lab.runtime, lab.host) == 2
    assert open_holds(lab) == [(TEAM_GONE, 2)]
    assert {"A bob", "A cat"} <= lab.product().keys()


def test_a_team_whose_jobs_end_in_one_night_is_kept(runtime: Runtime) -> None:
    lab = company(runtime)
    night = lab.model.now + DAY
    lab.jobs({name: replace(lab.model.jobs[name], ends=night) for name in ("j1", "j2")})
    lab.work()
    lab._clock(night + 60)
    save_another_row(lab)
    lab.work()
    assert open_holds(lab) == [(TEAM_GONE, 2)]


@pytest.mark.parametrize("way", WAYS)
def test_a_single_last_learner_leaves_like_anyone(runtime: Runtime, way: str) -> None:
    lab = company(runtime)
    dissolve(lab, "j1")
    lab.settle()
    dissolve(lab, "j2")
    WAYS[way](lab)
    lab.work()
    assert open_holds(lab) == []
    assert "A cat" not in lab.product()


def test_an_edit_of_the_row_holds_nobody(runtime: Runtime) -> None:
    lab = company(runtime, team=3, row=Row("manager", "j0", "below"))
    lab.jobs({"j2": replace(lab.model.jobs["j2"], boss_job="j1"), "j3": replace(lab.model.jobs["j3"], boss_job="j1")})
    lab.settle()
    lab.save("A", {TEAM.name: TEAM}, Certification())
    dissolve(lab, "j1")
    lab.settle()
    lab.check()
    assert open_holds(lab) == []
    assert not [key for key in lab.product() if key.startswith("A ")]


def test_who_is_released_leaves_and_is_kept_again_when_a_new_team_vanishes(runtime: Runtime) -> None:
    lab = company(runtime)
    dissolve(lab)
    lab.work()
    answer_held(lab.runtime, lab.host, None, release=True, who="admin")
    lab.work()
    assert (open_holds(lab), [key for key in lab.product() if key.startswith("A ")]) == ([], [])
    lab.jobs({name: replace(lab.model.jobs[name], boss_job="j0") for name in ("j1", "j2")})
    lab.work()
    dissolve(lab)
    lab.work()
    assert open_holds(lab) == [(TEAM_GONE, 2)]


def test_who_was_released_and_came_back_before_anybody_looked_is_kept_again(runtime: Runtime) -> None:
    lab = company(runtime)
    dissolve(lab)
    lab.work()
    answer_held(lab.runtime, lab.host, None, release=True, who="admin")
    lab.jobs({name: replace(lab.model.jobs[name], boss_job="j0") for name in ("j1", "j2")})
    lab.work()
    dissolve(lab)
    lab.work()
    assert open_holds(lab) == [(TEAM_GONE, 2)]


def test_what_a_zone_settles_anew_counts_as_settled(runtime: Runtime) -> None:
    lab = company(runtime)
    change_the_zone(lab)
    with lab.runtime.db.read() as session:
        row = session.get_one(CertificationRow, (lab.host, lab.number("A")))
        assert row.settled_version == row.version
