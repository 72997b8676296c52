"""The base of a host's sets is stored once and believed by every process that starts, unless there is any doubt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.jobs.work import work_host
from plugin.population import base_reader, sets, stored_base
from plugin.population.base import PopulationBase
from plugin.population.sets import forget_bases, population
from plugin.population.stored_base import LEASE, keep_base
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row

NAMES = [f"u{n}" for n in range(8)]


@pytest.fixture
def lab(runtime: Runtime) -> Iterator[Lab]:
    made = Lab(runtime)
    made.unit("o1", "organisation", None)
    made.unit("o2", "organisation", "o1")
    for n, name in enumerate(NAMES):
        made.person(name)
        made.job(f"j{n}", Job(name, "o2" if n % 2 else "o1", None, "j0" if n else None, starts=None if n < 6 else DAY))
    made.audience("all", set(NAMES))
    made.person("u3", state="suspended")
    rows = {"organisation:o1": Row("organisation", "o1", "below"), "manager:j0": Row("manager", "j0", "below"),
            "audience:all": Row("audience", "all")}  # fmt: skip
    made.save("A", rows, Certification())
    made.settle()
    forget_bases()
    yield made
    forget_bases()


def tell(lab: Lab, sql: str) -> int:
    with lab.runtime.db.write() as session:
        return session.execute(text(sql), {"host": lab.host}).rowcount  # type: ignore[attr-defined]


def begin_from(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where a process that starts now takes its sets from."""
    forget_bases()
    read: list[str] = []
    with monkeypatch.context() as patched, lab.runtime.db.read() as session:

        def load_base(session: Session, host_id: int, seq: int) -> PopulationBase:
            read.append("rows")
            return base_reader.load_base(session, host_id, seq)

        patched.setattr(sets, "load_base", load_base)
        population(session, lab.host)
    forget_bases()
    return read or ["stored"]


def test_a_process_that_starts_takes_the_stored_base_and_who_changed_since(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert begin_from(lab, monkeypatch) == ["rows"]
    assert keep_base(lab.runtime, lab.host)
    lab.job("j5", Job("u5", None, None, "j6"))
    lab.person("u2", state="deleted")
    lab.unit("o2", "organisation", None)
    lab.audience("all", set(NAMES[4:]))
    assert begin_from(lab, monkeypatch) == ["stored"]
    lab.settle()
    lab.check()
    assert examine(lab.runtime, deep=True) == []


@pytest.mark.parametrize("harm", [
    "UPDATE learner_set SET checksum = checksum + 1 WHERE host_id = :host AND part = 'job'",
    "UPDATE learner_set SET n = n + 1 WHERE host_id = :host AND part = 'existing'",
    "UPDATE learner_set SET seq = seq - 1 WHERE host_id = :host AND part = 'ends'",
    "UPDATE learner_set SET seq = seq + 1000 WHERE host_id = :host",
    "DELETE FROM learner_set WHERE host_id = :host AND part = 'boss_job'",
    "DELETE FROM learner_set WHERE host_id = :host",
])  # fmt: skip
def test_a_base_in_any_doubt_is_read_from_the_rows(lab: Lab, monkeypatch: pytest.MonkeyPatch, harm: str) -> None:
    keep_base(lab.runtime, lab.host)
    assert tell(lab, harm)
    assert begin_from(lab, monkeypatch) == ["rows"]


def test_a_base_of_another_release_is_read_from_the_rows(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_base(lab.runtime, lab.host)
    monkeypatch.setattr(stored_base, "_FORMAT", stored_base._FORMAT + 1)
    assert begin_from(lab, monkeypatch) == ["rows"]


def test_the_worker_stores_a_base_and_a_new_one_when_too_many_changed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_base, "STORE_ABOVE", 2)
    work_host(lab.runtime, lab.host)
    first = _stored_seq(lab)
    lab.person("u1", state="suspended")
    work_host(lab.runtime, lab.host)
    assert _stored_seq(lab) == first
    for name in NAMES[:3]:
        lab.person(name, zone="Asia/Tokyo")
    work_host(lab.runtime, lab.host)
    assert _stored_seq(lab) > first
    assert begin_from(lab, monkeypatch) == ["stored"]
    assert examine(lab.runtime, deep=True) == []


def test_one_process_at_a_time_stores_and_a_dead_ones_turn_lapses(lab: Lab) -> None:
    now = lab.runtime.clock.true()
    tell(lab, f"UPDATE host_clock SET base_until = {now + LEASE} WHERE host_id = :host")
    assert not keep_base(lab.runtime, lab.host)
    later = replace(lab.runtime, clock=_Later(lab.runtime.clock.now()))
    assert keep_base(later, lab.host)
    assert not keep_base(later, lab.host)  # nothing to do
    assert not tell(lab, "UPDATE host_clock SET base_until = 0 WHERE host_id = :host AND base_until > 0")


def test_the_doctor_finds_a_stored_base_that_says_otherwise_than_the_rows(lab: Lab) -> None:
    keep_base(lab.runtime, lab.host)
    tell(lab, "DELETE FROM audience_member WHERE host_id = :host AND person = 1")  # behind the mirror's back
    assert any("the stored sets" in one for one in examine(lab.runtime, deep=True))


class _Later(Clock):
    """After the lease."""

    def true(self) -> int:
        return super().true() + LEASE + 10


def _stored_seq(lab: Lab) -> int:
    with lab.runtime.db.read() as session:
        sql = text("SELECT min(seq) FROM learner_set WHERE host_id = :host")
        return int(session.execute(sql, {"host": lab.host}).scalar_one())
