"""A stranger's requests, thousands of them: no fault, no trace of one, and nothing changed by what was refused."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from flask import Flask

from plugin.access.rules import SCOPES
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.core.ids import take_ids
from tests.access.test_other_tenants import foreign
from tests.walls.fuzzing import Fuzzer
from tests.web.conftest import Visit, app, settle, visit, world
from tests.world import HOST, World

__all__ = ["app", "foreign", "settle", "visit", "world"]

COUNT, SHARE = 40_000, 250
"""Requests on each database in the long run, and in every other."""
TAKEN = (
    "connection",
    "identity",
    "people_list",
    "report_schedule",
    "report_sending",
    "saved_report",
    "source_load",
    "source_rename",
)
"""Numbers that the rows of the fixture have without having taken them."""
SEEDS = 20
"""Each seed begins with an honest state again."""


@pytest.mark.long
@pytest.mark.one_database
@pytest.mark.parametrize("seed", range(1, SEEDS + 1) if os.environ.get("MUSTER_LONG") else [1])
def test_no_request_is_a_fault_and_what_is_refused_changes_nothing(
    app: Flask, foreign: World, visit: Visit, settle: Callable[[], None], seed: int
) -> None:
    app.testing, entered = False, list[int]()
    with foreign.runtime.db.write() as session:  # the rows of the fixture took their numbers themselves
        for name in TAKEN:
            take_ids(session, HOST, name, 10)

    def enter() -> tuple[str, str, tuple[str, ...]]:
        entered.append(1)
        with foreign.runtime.db.write() as session:
            asked = RequestedToken(f"fuzz {len(entered)}", SCOPES)
            token = make_token(session, HOST, asked, owner=TokenOwner(), at=foreign.now, who="sam")
        others = [visit(who, administrator=False, person=number).handle for who, number in (("bea", 2), ("cid", 3))]
        return visit("sam").handle, token, tuple(others)

    fuzzer = Fuzzer(app, foreign.runtime.db, enter, seed=seed)
    try:
        fuzzer.run(COUNT // SEEDS if os.environ.get("MUSTER_LONG") else SHARE)
    finally:
        fuzzer.close()
    assert fuzzer.statuses[200] > fuzzer.statuses.total() / 20
    assert fuzzer.statuses[401] < fuzzer.statuses.total() / 3
