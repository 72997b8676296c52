"""Every number of every list of the user's document is followed by some journey: read from the journeys' own text."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.journeys.lists import LISTS, Walk


def followed() -> dict[str, set[int]]:
    """By heading, the numbers that ``walk.step(number, …)`` names in a function that walks that list."""
    found: dict[str, set[int]] = {}
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            headings = [_text(one) for one in calls if isinstance(one.func, ast.Name) and one.func.id == "Walk"]
            for heading in headings:
                numbers = found.setdefault(heading, set())
                numbers |= {
                    one.args[0].value for one in calls
                    if isinstance(one.func, ast.Attribute) and one.func.attr == "step" and one.args
                    and isinstance(one.args[0], ast.Constant)
                }  # fmt: skip
    return found


def _text(call: ast.Call) -> str:
    assert isinstance(call.args[0], ast.Constant)
    return str(call.args[0].value)


@pytest.mark.parametrize("heading", LISTS)
def test_every_step_of_the_list_is_in_a_journey(heading: str) -> None:
    assert followed().get(heading, set()) == set(range(1, LISTS[heading] + 1))


def test_a_walk_that_leaves_a_step_out_fails() -> None:
    walk = Walk("Adding assignments")
    with walk.step(1, "the prompt"):
        pass
    with pytest.raises(AssertionError, match=r"steps \[2\] were not followed"):
        walk.__exit__(None, None, None)
