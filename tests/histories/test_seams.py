"""Whoever moves the clock, and whenever, the product and the naive rules agree (DOMAIN 2.8).

What the histories of ``test_histories`` never varied, and these do:

* who moves the clock: a tick, a read of the host (whole, since a mark, by id), a save, a preview, a group, an exemption
  or an answer; there, only a tick did, and everything owed was settled before the next instant;
* when: days pass between any two things that happen, several boundaries at once; the clock stands, or steps back and
  comes again; there, it stopped at each boundary;
* how long a thing takes: the clock goes on between two pages of a read, and between two transactions of a settle;
* who works: one worker or three, each with sets of its own; one comes between two transactions of another;
* how much is done: a tick alone, people alone, saves alone, everybody; there, always all of it;
* whether it ends: a process is killed before a transaction, or within one, and its lease runs out or does not;
* what the mirror knows: the host changes, and is read later, in part, or never;
* what a job's time is: a day of the host, an instant at its midnight, a second beside it, or some hour; beginning and
  ending on the days that the clock comes to;
* where the host is: seven zones on either side of UTC, one of them three quarters of an hour off; before clocks go back,
  before they go forward, at the end of a February and of a year;
* first and last days of a certification, which the naive model did not know at all, and first days of a row;
* what times mean: the host's zone, told by the host or typed by somebody, also while it is read or a save waits; the
  format of a date in a profile field;
* who is told: enrolled, withdrawn, another date, three days before it, overdue; sent meanwhile or not;
* what a report says, at the end of the history, of an instant at which all was settled;
* whether many changed people are settled one by one or whole; whether statements name them, or read all between them;
* that a spell settled late begins with what gives it, neither before nor when it was noticed;
* that an answer or a whole settle comes between a change and its settling;
* a second host whose people and certifications have the same numbers, changing at the same time.

What they leave to others: withdrawals that the guard holds (``test_guard``), targets that go, and waves (``test_histories``),
calls to the host (``tests/long``, ``tests/delivery``), and processes that are really killed (``tests/long``).
"""

from __future__ import annotations

import os

import pytest

from plugin.core.db import Database
from plugin.core.runtime import Runtime
from tests.histories.player import Player

LONG = bool(os.environ.get("MUSTER_LONG"))
HISTORIES = {"sqlite": 500, "postgresql": 500} if LONG else {"sqlite": 25, "postgresql": 25}
"""For each database, with one worker and with three: 2,000 in all, of which CI plays 100."""
FIRST = int(os.environ.get("MUSTER_SEED", "0"))
STEPS = 18 if LONG else 12


FOUND = {1: (182, 198, 331, 340, 424, 445, 2014), 3: (298, 426, 470, 496, 2029, 2031)}
"""By number of workers, histories of 18 steps that once ended otherwise: by a fault of the product, or of the rules here."""


@pytest.mark.one_database
@pytest.mark.parametrize("workers", FOUND)
def test_histories_that_once_ended_otherwise_end_as_the_rules_say(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    others = [Database(runtime.db.url) for _worker in range(workers - 1)]
    try:
        for seed in FOUND[workers]:
            with monkeypatch.context() as patch:
                Player(runtime, patch, seed, others).play(18)
    finally:
        for one in others:
            one.close()


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 3])
def test_no_instant_is_skipped_whoever_moves_the_clock(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    others = [Database(runtime.db.url) for _worker in range(workers - 1)]  # made once: each learns all statements anew
    try:
        many = int(os.environ.get("MUSTER_EXAMPLES", HISTORIES[runtime.db.engine.dialect.name]))
        for seed in range(FIRST, FIRST + many):
            with monkeypatch.context() as patch:
                try:
                    Player(runtime, patch, seed, others).play(STEPS)
                except BaseException as error:
                    raise AssertionError(f"seed {seed}, {workers} workers: {error}") from error
    finally:
        for one in others:
            one.close()
