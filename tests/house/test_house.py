"""The house rules that can be counted: sizes of rooms, modules and functions, and who asks which database it is."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path
    for path in (ROOT / "plugin").rglob("*.py")
    if "migrations" not in path.parts and "__pycache__" not in path.parts
)
SIDE_BY_SIDE = 15
LINES = 300
LONG_MODULES: dict[str, str] = {
    "certifications/file/certification_file.py": "reading, merging and writing one document are one table of keys",
    "core/database/bulk.py": "one way in and one way out for many rows, on both databases",
    "core/network/http.py": "one guarded session, with every check beside the others",
    "delivery/messages/smtp.py": "one state machine of RFC 5321",
    "delivery/drift/reconcile.py": "one read of a host, compared seat by seat",
    "delivery/results/scores.py": "one life of a score",
    "enrolment/rules/step.py": "one pure decision, read from top to bottom",
    "enrolment/tables.py": "tables of one room",
    "enrolment/settling/saves.py": "one life of a claimed save",
    "hosts/webhook.py": "one wire contract",
    "lti/launch.py": "one verification, step by step",
    "mirror/pulling/pull.py": "one state machine of a read",
    "mirror/pulling/rows.py": "one way from records to rows",
    "mirror/tables.py": "tables of one room",
    "sandbox/control.py": "the make-believe host's own pages, outside the product",
    "web/frame/words.py": "one list of words",
}
LOCKED_WITHOUT_CORE = {"delivery/seats/wanted_seats.py"}
"""Statements for PostgreSQL alone, in their own branch, measured as they stand."""
ASKING: dict[str, str] = {
    "cli/server/owner.py": "whose the file is",
    "delivery/seats/wanted_seats.py": "pairs are looked up and locked by unnest or by lists",
    "enrolment/facts.py": "pairs are looked up by json_each or unnest",
    "enrolment/settling/everyone.py": "people in one transaction",
    "enrolment/settling/people.py": "people in one transaction",
    "enrolment/settling/plan.py": "writers at once",
    "enrolment/settling/saves.py": "people in one transaction",
    "jobs/queue.py": "where the queue is",
    "jobs/single_machine.py": "a file is of one machine",
    "reports/asking/membership_rows.py": "which way round a join goes",
    "reports/asking/statement.py": "which way round a join goes",
    "reports/asking/reader.py": "how a temporary table is made",
    "reports/compiled_question.py": "which way round a join goes",
    "reports/history_learners.py": "how a temporary table is made",
    "reports/as_of.py": "statistics of a temporary table",
}
"""Who asks which database it is outside of ``core``, and for what: each a statement or a size measured apart."""


def _name(path: Path) -> str:
    return path.relative_to(ROOT / "plugin").as_posix()


def test_no_room_has_more_than_fifteen_files_side_by_side() -> None:
    tests = (path for path in (ROOT / "tests").rglob("*.py") if "__pycache__" not in path.parts)
    pages = (ROOT / "templates").rglob("*.html")
    counted = Counter(path.parent for path in [*MODULES, *tests, *pages] if path.name != "__init__.py")
    assert {str(room): count for room, count in counted.items() if count > SIDE_BY_SIDE} == {}


def test_each_class_has_a_name_of_its_own() -> None:
    named = Counter(
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, times in named.items() if times > 1] == []


def test_a_check_that_is_switched_off_says_why_beside_it() -> None:
    off = re.compile(r"#\s*(?:type: ignore\[[^\]]+\]|noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*)(?P<why>.*)$")
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*MODULES, *(ROOT / "config").glob("*.py")]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := off.search(line)) and not re.match(r"\s*[-#] *\S", found["why"])
    ]
    assert silent == []


def test_a_module_over_three_hundred_lines_has_a_reason() -> None:
    long = {_name(path) for path in MODULES if path.read_text(encoding="utf-8").count("\n") > LINES}
    assert long - set(LONG_MODULES) == set()
    assert set(LONG_MODULES) - long == set()  # a reason that is not needed any more goes


def test_a_function_fits_a_screen() -> None:
    long = [
        f"{node.name} in {_name(path)}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert long == []


def test_only_core_asks_which_database_it_is() -> None:
    branching = {
        _name(path)
        for path in MODULES
        if re.search(r"\bis_sqlite\(|\.sqlite\b(?!3)", path.read_text(encoding="utf-8"))
        and not _name(path).startswith(("core/", "sandbox/"))
    }
    assert branching == set(ASKING)
    asking = {
        _name(path)
        for path in MODULES
        if "dialect.name" in path.read_text(encoding="utf-8") and not _name(path).startswith("core/")
    }
    assert asking <= {"schema.py"}
    locking = {
        _name(path)
        for path in MODULES
        if re.search(r"FOR (UPDATE|SHARE)", path.read_text(encoding="utf-8")) and not _name(path).startswith("core/")
    }
    assert locking <= LOCKED_WITHOUT_CORE
