"""House rules for the text of SQL: it imports as code does, and names codes instead of writing their numbers."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import plugin.schema
from plugin.core.db import Base

ROOT = Path(__file__).parents[2]
LAYERS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][0][
    "layers"
]
HEIGHT = {room.strip(): -depth for depth, line in enumerate(LAYERS) for room in line.split(":")}
"""How high a room is: a statement may name tables of rooms that are no higher."""
ROOM_OF_TABLE = {str(one.local_table.name): one.class_.__module__.split(".")[1] for one in Base.registry.mappers}  # type: ignore[attr-defined]
_TABLE = r"\"?\w+\"?(?:\s+(?:AS\s+)?[a-z]\w*)?"
_NAMED = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE)\s+({_TABLE}(?:\s*,\s*{_TABLE})*)")
_HOLE = "␣"
_FROM_A_HOLE = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE) {_HOLE}")


def texts(source: str) -> Iterator[tuple[int, str]]:
    """The strings of a module with their lines; what an f-string fills in is a hole."""
    nodes = list(ast.walk(ast.parse(source)))
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else _HOLE for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def tables_in(sql: str) -> set[str]:
    """The tables that a text names where SQL names tables."""
    found = {part.split()[0].strip('"') for match in _NAMED.finditer(sql) for part in match[1].split(",")}
    return found & ROOM_OF_TABLE.keys()


def upward(source: str, room: str) -> Iterator[tuple[int, str]]:
    """Tables of rooms above that a module's SQL names."""
    strings = list(texts(source))
    fills = any(_FROM_A_HOLE.search(text) for _line, text in strings)
    for line, text in strings:
        named = tables_in(text) | ({text} & ROOM_OF_TABLE.keys() if fills else set())
        yield from ((line, table) for table in sorted(named) if HEIGHT[ROOM_OF_TABLE[table]] > HEIGHT[room])


@cache
def modules() -> list[tuple[str, str, str]]:
    """Name, room and text of each module; migrations name tables as they were, the sandbox has its own."""
    found = [path.relative_to(ROOT / "plugin") for path in sorted((ROOT / "plugin").rglob("*.py"))]
    return [
        (
            one.as_posix(),
            one.parts[0] if len(one.parts) > 1 else "app",
            (ROOT / "plugin" / one).read_text(encoding="utf-8"),
        )
        for one in found
        if one.parts[0] not in ("migrations", "sandbox")
    ]


def test_no_statement_names_a_table_of_a_room_above() -> None:
    assert plugin.schema.metadata.tables.keys() == ROOM_OF_TABLE.keys()
    assert {
        f"{name}:{line} names {ROOM_OF_TABLE[table]}'s {table}"
        for name, room, source in modules()
        for line, table in upward(source, room)
    } == set()


@pytest.mark.parametrize(
    ("source", "room", "tables"),
    [
        ('"SELECT 1 FROM enrolment"', "delivery", ["enrolment"]),
        ('"SELECT 1 FROM seat s, enrolment e"', "mirror", ["enrolment", "seat"]),
        ('f"SELECT {x} FROM person p LEFT JOIN enrolment AS e ON {y}"', "population", ["enrolment"]),
        ('table = "seat"\nf"DELETE FROM {table}"', "mirror", ["seat"]),
        ('"INSERT INTO seat"\n"UPDATE message"', "core", ["message", "seat"]),
        ('"SELECT 1 FROM seat, person"', "enrolment", []),
        ('table = "seat"', "mirror", []),
    ],
)
def test_a_table_of_a_room_above_is_noticed(source: str, room: str, tables: list[str]) -> None:
    assert sorted(table for _line, table in upward(source, room)) == tables


_BARE = re.compile(r"\b(?:state|hold|wanted|confirmed|origin)\s*(?:=|<>|!=|<=?|>=?|(?:NOT )?IN)\s*\(?-?\d")
"""A code compared with a number: ``state > 0``, ``hold IN (1, 2)``."""


def test_states_and_holds_are_named_in_statements() -> None:
    assert {
        f"{name}:{line} {found[0]}"
        for name, _room, source in modules()
        for line, text in texts(source)
        if (found := _BARE.search(text))
    } == set()


@pytest.mark.parametrize("sql", ["e.state > 0", "hold NOT IN (1, 2)", "p.state <> 2", "s.confirmed IN (3)", "state=-1"])
def test_a_bare_code_is_noticed(sql: str) -> None:
    assert _BARE.search(sql)


def test_lists_are_cut_in_one_way() -> None:
    """Not by hand: a part as long as a statement takes is what ``core/database/slices.py`` gives."""
    by_hand = {
        name
        for name, _room, source in modules()
        if re.search(r"\bfor \w+ in range\(0, len\(.+\), ", source) and name != "core/database/slices.py"
    }
    assert by_hand == CUT_OTHERWISE


CUT_OTHERWISE = {
    "hosts/csv/decoding.py",  # bytes of a file
    "hosts/moodle/groups.py",  # must know which part is the last
    "reports/record/proofs.py",  # letters of a number
}
