"""The interleavings that the design names, made to happen (docs/design.md, "What makes it true under load and faults")."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.enrolment.settling import batch, saves
from plugin.enrolment.settling.everyone import settle_everything
from plugin.enrolment.settling.saves import progress, settle_certifications
from plugin.population import sets
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row

pytestmark = pytest.mark.long
LONG = bool(os.environ.get("MUSTER_LONG"))
NAMES = [f"u{n}" for n in range(8)]
EVERYBODY = Row("audience", "all")


def small(runtime: Runtime) -> Lab:
    lab = Lab(runtime)
    lab.courses("c1", "c2", "c3")
    lab.unit("o1", "organisation", None)
    lab.unit("o2", "organisation", "o1")
    for n, name in enumerate(NAMES):
        lab.person(name)
        lab.job(f"j{n}", Job(name, "o2" if n % 2 else "o1", None, "j0" if n else None))
    lab.audience("all", set(NAMES))
    return lab


def terms(*courses: str, leaving: str = "suspend", **more: Any) -> Certification:
    return Certification(courses=courses, leaving=leaving, answers={"duplicate_course": "assign"}, **more)


# --- two certifications leaving one course at once (point 5)


_POLICIES = [("suspend", "remove"), ("keep", "remove"), ("remove", "remove")]


@pytest.mark.parametrize(("one", "other"), _POLICIES if LONG else _POLICIES[:1])
def test_two_certifications_that_leave_one_course_at_once_agree_on_its_seats(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, one: str, other: str
) -> None:
    lab = small(runtime)
    lab.save("A", {"audience:all": EVERYBODY}, terms("c1", "c2", leaving=one))
    lab.save("B", {"audience:all": EVERYBODY}, terms("c2", "c3", leaving=other))
    lab.settle()
    lab.check()
    lab.save("A", {}, terms("c1", "c2", leaving=one))
    lab.at(lab.model.now + 60)  # saves of one instant would be settled together, by one of the two
    lab.save("B", {}, terms("c2", "c3", leaving=other))
    both_wrote = threading.Barrier(2)
    claim = batch.claim_seats

    def wait_for_the_other(*arguments: Any, **named: Any) -> int:
        with suppress(threading.BrokenBarrierError):
            both_wrote.wait(timeout=1)  # on SQLite the other cannot write before we commit
        return claim(*arguments, **named)

    monkeypatch.setattr(batch, "claim_seats", wait_for_the_other)
    troubles: list[BaseException] = []

    def settle() -> None:
        try:
            settle_certifications(lab.runtime, lab.host)
        except BaseException as trouble:
            troubles.append(trouble)

    threads = [threading.Thread(target=settle) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    monkeypatch.undo()
    lab.settle()
    lab.check()
    lab.check_whole()


# --- a whole settle overtaken by a person's change (point 4)


def move(lab: Lab) -> None:
    lab.audience("all", set(NAMES[:5]))


def suspend(lab: Lab) -> None:
    lab.person("u6", state="suspended")


def delete(lab: Lab) -> None:
    lab.person("u6", state="deleted")


def dissolve(lab: Lab) -> None:
    lab.drop_audience("all")


def nothing_reports(lab: Lab) -> None:
    lab.jobs({f"j{n}": replace(lab.model.jobs[f"j{n}"], boss_job=None) for n in range(1, 8)})


def save_again(lab: Lab) -> None:
    lab.save("A", {"organisation:o2": Row("organisation", "o2")}, terms("c1", grace=2 * DAY))


_CHANGES = [move, suspend, delete, dissolve, nothing_reports, save_again]
_EACH = [(change, instant) for change in _CHANGES for instant in range(7)]


@pytest.mark.parametrize(("change", "instant"), _EACH if LONG else _EACH[1::8])
def test_a_settle_overtaken_at_any_transaction_ends_where_the_rules_do(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, instant: int, change: Callable[[Lab], None]
) -> None:
    """The change is made just before the settle's own transaction of that number, and settled person by person.

    Then either the save came first, or both came together: one of the two histories must be what is found.
    """
    lab = small(runtime)
    rows = {"audience:all": EVERYBODY, "manager:j0": Row("manager", "j0", "direct")}
    lab.save("A", {"organisation:o2": Row("organisation", "o2")}, terms("c1"))
    lab.settle()
    lab.save("A", rows, terms("c1"))
    save_first = deepcopy(lab.model)
    save_first.settle(lab.saves)
    count = iter(range(1000))
    plain = Database.transact

    def transact(self: Database, work: Callable[[Session], Any]) -> Any:
        if next(count) == instant:
            monkeypatch.setattr(Database, "transact", plain)
            change(lab)
            lab.work()
        return plain(self, work)

    monkeypatch.setattr(Database, "transact", transact)
    settle_certifications(lab.runtime, lab.host)
    monkeypatch.setattr(Database, "transact", plain)
    for kind in ("people", "jobs", "audiences"):
        setattr(save_first, kind, deepcopy(getattr(lab.model, kind)))
    if change is save_again:
        save_first.certifications = deepcopy(lab.model.certifications)
    save_first.settle(lab.saves)
    lab.settle()
    found, together = lab.product(), lab.expected()
    lab.model = save_first
    if found != together:
        lab.check()
    settle_everything(lab.runtime, lab.host)
    assert lab.product() == found


def test_a_target_that_comes_back_empty_lets_go_of_whom_it_kept_though_the_host_stamped_nobody(
    runtime: Runtime,
) -> None:
    lab = small(runtime)
    lab.save("A", {"audience:all": EVERYBODY}, terms("c1"))
    lab.settle()
    lab.drop_audience("all")
    lab.settle()
    lab.check()
    lab.audience("all", set())
    lab.settle()
    lab.check()


@pytest.mark.parametrize("instant", range(6) if LONG else (1, 4))
def test_of_saves_settled_together_one_saved_again_meanwhile_is_left_to_its_later_save(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, instant: int
) -> None:
    lab = small(runtime)
    codes = ("A", "B", "C")
    for code in codes:
        lab.save(code, {"organisation:o2": Row("organisation", "o2")}, terms())
    count, plain = iter(range(1000)), Database.transact

    def transact(self: Database, work: Callable[[Session], Any]) -> Any:
        if next(count) == instant:
            monkeypatch.setattr(Database, "transact", plain)
            lab.save("B", {"audience:all": EVERYBODY}, terms())
        return plain(self, work)

    monkeypatch.setattr(Database, "transact", transact)
    finished = settle_certifications(lab.runtime, lab.host)
    monkeypatch.setattr(Database, "transact", plain)
    assert finished >= len(codes)
    with lab.runtime.db.read() as session:
        assert [progress(session, lab.host, lab.number(code)).state for code in codes] == ["done"] * 3  # type: ignore[union-attr]
    lab.settle()
    lab.check()
    lab.check_whole()


def test_of_saves_settled_together_one_that_fails_holds_up_no_other(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = small(runtime)
    codes = ("A", "B", "C")
    for code in codes:
        lab.save(code, {"organisation:o2": Row("organisation", "o2")}, terms())
    plain = saves.settle_pieces

    def fails_for_b(session: Session, people: Any, part: Any, *rest: Any) -> int:
        if any(made.certification == lab.number("B") for made, _start, _stop in part):
            raise LookupError("B cannot be settled")
        return plain(session, people, part, *rest)

    def states() -> list[str]:
        with lab.runtime.db.read() as session:
            return [progress(session, lab.host, lab.number(code)).state for code in codes]  # type: ignore[union-attr]

    monkeypatch.setattr(saves, "settle_pieces", fails_for_b)
    with pytest.raises(LookupError, match="B cannot be settled"):
        settle_certifications(lab.runtime, lab.host)
    assert states() == ["done", "owed", "done"], "tried again in the next round"


# --- a base set behind its changes (point 2)


_SIZES = [(0, 4), (2, 0), (0, 0), (2, 4), (2000, 4)]


@pytest.mark.parametrize(("rebuild_above", "read_all_above"), _SIZES if LONG else _SIZES[:2])
def test_a_process_whose_sets_are_old_sees_what_another_wrote(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, rebuild_above: int, read_all_above: int
) -> None:
    """Two processes: one writes the mirror, the other settles from sets it kept; then the other way round."""
    monkeypatch.setattr(sets, "REBUILD_ABOVE", rebuild_above)
    monkeypatch.setattr(sets, "READ_ALL_ABOVE", read_all_above)
    lab = small(runtime)
    second = Database(runtime.db.url)
    try:
        lab.save("A", {"organisation:o1": Row("organisation", "o1", "below")}, terms("c1"))
        lab.save("B", {"manager:j0": Row("manager", "j0", "below"), "audience:all": EVERYBODY}, terms("c2"))
        lab.settle()
        lab.check()
        databases = [runtime.db, second]
        steps: list[Callable[[], None]] = [
            lambda: lab.person("new"),
            lambda: lab.job("j8", Job("new", "o2", None, "j3")),
            lambda: lab.audience("all", {"u1", "u2", "new"}),
            lambda: lab.unit("o2", "organisation", None),
            lambda: lab.job("j3", Job("u3", None, None, None)),
            lambda: lab.person("u1", state="suspended"),
            lambda: lab.unit("o2", "organisation", "o1"),
            lambda: lab.person("u1", state="active"),
            lambda: lab.job("j2", Job("u2", "o1", None, "j0", starts=lab.model.now + DAY)),
            lambda: lab.at(lab.model.now + 2 * DAY),
            lambda: lab.person("u5", state="deleted"),
        ]
        for n, step in enumerate(steps):
            lab.runtime = replace(lab.runtime, db=databases[n % 2])
            step()
            lab.runtime = replace(lab.runtime, db=databases[1 - n % 2])
            lab.settle()
            lab.check()
            lab.check_whole()
            lab.runtime = replace(lab.runtime, db=databases[n % 2])
            lab.check_whole()
    finally:
        second.close()
