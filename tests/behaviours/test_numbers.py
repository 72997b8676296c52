"""The list of behaviours is whole: every number is a test or a reason, and every starred test notices a wrong rule."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.behaviours.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "docs" / "decisions" / "0011-behaviours-we-do-not-keep.md"
NUMBERS = frozenset(range(1, 99))
"""The anchor's behaviours, by the numbers of our list: 98 of them."""
STARRED = frozenset(
    (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 25, 29, 34, 35, 38, 39, 40, 41, 42, 44, 48, 50, 58, 60, 61, 63, 66,
     68, 69, 70, 72, 73, 74, 75, 78, 79, 80, 81, 83, 89, 90, 92, 95)
)  # fmt: skip
"""Those at the core of assigning."""
MAY_BE_LEFT = frozenset((2, 6, 12, 13, 14, 21, 38, 43, 45, 46, 47, 49, 62, 64, 67, 76, 92, 98))
"""Those that a decision may leave out, with its reason."""
SEED = 20_271
A_FEW = 5
LONG = os.environ.get("MUSTER_LONG") == "1"

_TEST = re.compile(r"^(?:async )?def (test_\w*behaviour_\d+\w*)\(", re.MULTILINE)
_NUMBER = re.compile(r"behaviour_(\d+)(?![0-9])")
_LEFT = re.compile(r"^- \*\*(\d+)\*\* .{20,}", re.MULTILINE)


def carried() -> dict[int, list[Path]]:
    """By number the files with a test that carries it."""
    found: dict[int, list[Path]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in _TEST.findall(path.read_text(encoding="utf-8")):
            for number in _NUMBER.findall(name):
                found.setdefault(int(number), []).append(path)
    return found


def left_out() -> set[int]:
    return {int(number) for number in _LEFT.findall(RECORD.read_text(encoding="utf-8"))}


def test_every_number_is_a_test_or_stands_in_the_record_with_its_reason() -> None:
    assert (len(NUMBERS), len(STARRED), len(MAY_BE_LEFT)) == (98, 48, 18)
    tested, left = set(carried()), left_out()
    assert left <= MAY_BE_LEFT
    assert sorted(NUMBERS - tested - left) == []
    assert tested <= NUMBERS


def test_every_starred_number_has_a_wrong_rule_or_stands_in_the_record() -> None:
    numbers = [one.number for one in MUTATIONS]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= STARRED
    assert sorted(STARRED - set(numbers) - left_out()) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: f"{one.number}")
def test_the_line_that_is_made_wrong_is_still_there_once(mutation: Mutation) -> None:
    text = (ROOT / "plugin" / mutation.file).read_text(encoding="utf-8")
    assert [line.strip() for line in text.splitlines()].count(mutation.old) == 1
    assert mutation.new != mutation.old


def chosen() -> list[Mutation]:
    """All of them in a long run; else a few, by a seed that is the same everywhere."""
    if LONG:
        return list(MUTATIONS)
    return sorted(random.Random(SEED).sample(MUTATIONS, A_FEW), key=lambda one: one.number)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that a behaviour's test needs, to be spoilt."""
    folder = tmp_path_factory.mktemp("mutants")
    for name in ("plugin", "config", "templates"):  # with what is compiled: only the line that is spoilt is read anew
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("peers", "journeys", "bench"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def run(folder: Path, number: int) -> subprocess.CompletedProcess[str]:
    """The tests that carry a number, on SQLite, with the copied product."""
    files = sorted({str(path.relative_to(ROOT)) for path in carried()[number]})
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    chosen_tests = f"behaviour_{number}_ and not postgres"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", chosen_tests, *files]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.parametrize("mutation", chosen(), ids=lambda one: f"{one.number} {one.name}")
def test_a_wrong_rule_makes_its_behaviour_fail(copied: Path, mutation: Mutation) -> None:
    path = copied / "plugin" / mutation.file
    right = path.read_text(encoding="utf-8")
    wrong = [
        line.replace(mutation.old, mutation.new) if line.strip() == mutation.old else line
        for line in right.splitlines()
    ]
    try:
        path.write_text("\n".join(wrong) + "\n", encoding="utf-8")
        failed = run(copied, mutation.number)
    finally:
        path.write_text(right, encoding="utf-8")
    assert failed.returncode == 1, failed.stdout[-2000:] + failed.stderr[-2000:]
    assert "1 failed" in failed.stdout


def test_the_copy_itself_is_right(copied: Path) -> None:
    for number in {one.number for one in (chosen() if LONG else chosen()[:1])}:
        passed = run(copied, number)
        assert passed.returncode == 0, passed.stdout[-2000:] + passed.stderr[-2000:]
