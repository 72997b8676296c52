"""People and names are found alike on both databases, in short lists and long ones; ids are compared to the letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.runtime import Runtime
from plugin.jobs.work import work_host
from plugin.mirror.hints import receiving
from plugin.mirror.lookup.find_people import FEW, identities_named
from plugin.mirror.lookup.search import find, is_indexed
from plugin.mirror.pulling.pull import pull
from plugin.mirror.tables import DELETED, Person
from tests.hosts.strange import Strange, register, serve
from tests.in_turn import in_turn

PEOPLE: list[dict[str, Any]] = [
    {"id": "abc", "name": "Small"}, {"id": "ABC", "name": "Large"}, {"id": "1,2", "name": "With a comma"},
    {"id": "1", "name": "One"}, {"id": "2", "name": "Two"}, {"id": " b", "name": "With a blank"},
    {"id": "o", "name": "Örjan Åberg", "email": "ÖRJAN@BÜCHER.example", "username": "STRASSE"},
    {"id": "s", "name": "Straße", "username": "Stra\u00dfe2", "email": " 0123 "},
    {"id": "j", "name": "株式会社山田太郎", "given_name": "太郎", "email": "taro@example.jp"},
    {"id": "k", "name": "김철수"}, {"id": "h", "name": "100% Humbug_Hut *star*"}, {"id": "x", "name": "1000 Humbughut"},
    {"id": "g", "name": "Displayed Otherwise", "given_name": "Wilhelmina", "email": "w.von@long.address.example.org"},
]  # fmt: skip


@pytest.fixture
def known(runtime: Runtime) -> Iterator[tuple[Runtime, int, Strange]]:
    host = Strange()
    host.kinds = {**host.kinds, "people": ["full", "ids"]}
    host.add("people", *PEOPLE)
    with serve(host) as base:
        host_id = register(runtime, base)
        pull(runtime, host_id)
        yield runtime, host_id, host


def meant(made: Runtime, host_id: int, name: str, others: int = 0) -> list[str]:
    with made.db.read() as session:
        found = identities_named(session, host_id, [name, *(f"nobody {number}" for number in range(others))])
    return sorted(one.ext for one in found.get(name, []))


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("others", [0, FEW + 1])
def test_a_name_means_the_same_people_in_a_short_list_and_a_long_one(
    known: tuple[Runtime, int, Strange], others: int, indexed: bool
) -> None:
    made, host_id, _host = known
    if indexed:
        work_host(made, host_id)
        with made.db.read() as session:
            assert is_indexed(session, host_id)
    for name, exts in (
        ("abc", ["abc"]), ("ABC", ["ABC"]), ("Abc", []), ("1,2", ["1,2"]), ("örjan@bücher.example", ["o"]),
        ("O\u0308RJAN@bu\u0308cher.example", ["o"]), ("strasse", ["o"]), ("straße", ["o"]), ("STRASSE2", ["s"]),
        ("0123", ["s"]), ("123", []), (" taro@example.jp ", ["j"]), ("%", []), ("tar_@example.jp", []), ("", []),
    ):  # fmt: skip
        assert meant(made, host_id, name, others) == exts, name


@in_turn(
    ("query", "exts"),
    [
        ("山田", ["j"]), ("太郎", ["j"]), ("会社", ["j"]), ("철수", ["k"]), ("Wilhel", ["g"]), ("w.von@long.address.example.org", ["g"]),
        ("@long.addr", ["g"]), ("örjan", ["o"]), ("orjan aberg", ["o"]), ("100%", ["h"]), ("%", ["h"]), ("_", ["h"]),
        ("_hut", ["h"]), ("*", ["h"]), ("*st", ["h"]), ("humbug_hut", ["h"]), ("humbug", ["h", "x"]), ("1_0", []), ("h%t", []),
        ("#!", []),
    ],
)  # fmt: skip
def test_names_are_found_in_their_middle_where_nobody_writes_spaces_and_signs_are_letters(
    known: tuple[Runtime, int, Strange], query: str, exts: list[str]
) -> None:
    made, host_id, _host = known
    with made.db.read() as session:
        assert sorted(row.ext for row in find(session, host_id, "person", query).rows) == sorted(exts)


def test_an_id_that_a_list_cannot_name_is_never_deleted_by_one(known: tuple[Runtime, int, Strange]) -> None:
    made, host_id, host = known

    def alive() -> set[str]:
        with made.db.read() as session:
            return set(session.scalars(select(Person.ext).where(Person.state != DELETED)))

    hint(made, host_id, "1,2", " b", "1")
    work_host(made, host_id)
    assert {"1,2", " b", "1", "2"} <= alive()
    host.add("people", {"id": "1,2", "name": "Renamed"})
    hint(made, host_id, "1,2")
    work_host(made, host_id)
    with made.db.read() as session:
        assert session.scalars(select(Person.name).where(Person.ext == "1,2")).one() == "Renamed"
    del host.rows["people"]["1,2"]
    hint(made, host_id, "1,2")
    work_host(made, host_id)
    assert "1,2" in alive()
    pull(made, host_id, full=True)
    assert "1,2" in alive()
    pull(made, host_id, full=True)
    assert "1,2" not in alive()
    del host.rows["people"]["abc"]
    pull(made, host_id, full=True)
    assert {"ABC"} <= alive()
    assert "abc" not in alive()


def hint(made: Runtime, host_id: int, *ids: str) -> None:
    with made.db.write() as session:
        receiving.look_again(session, host_id, f"test {next(_NUMBERS)}", {"people": ids})


_NUMBERS = iter(range(1000))
