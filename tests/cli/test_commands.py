"""The table of commands: every entry leads to a function that takes its parameters, and help imports nothing heavy."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from plugin.cli import main
from plugin.cli.commands import MUSTER
from plugin.cli.shape import AS, Command, argument, flag, option
from plugin.enrolment.answers.exceptions import ACTIONS

HEAVY = ("flask", "sqlalchemy", "numpy", "cryptography", "requests", "psycopg", "marshmallow", "yaml", "structlog",
         "alembic", "pylti1p3", "huey", "redis", "pyroaring")  # fmt: skip


def every(group: click.Group = MUSTER, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every(command, (*path, name))
        else:
            assert isinstance(command, Command)
            yield (*path, name), command


COMMANDS = dict(every())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_work_of_a_command_takes_what_the_command_declares(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    taken = inspect.signature(command.load()).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in taken):
        return
    assert {one.name for one in taken} == {one.name for one in command.params} - {AS}


def test_the_actions_of_resolve_are_those_there_are() -> None:
    (action,) = (one for one in COMMANDS[("resolve",)].params if one.name == "action")
    assert isinstance(action.type, click.Choice)
    assert tuple(action.type.choices) == tuple(ACTIONS)


@pytest.fixture(scope="module")
def imported_by_help() -> set[str]:
    """The modules that the help of every command imports, all in one process."""
    asked = [["--help"], ["--version"], ["host", "--help"], ["token", "--help"], [], ["nonsense"]]
    asked += [[*path, "--help"] for path in COMMANDS]
    program = f"import sys\nfrom plugin.cli import main\nfor one in {asked!r}: main(one)\nprint(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines())


def test_help_imports_the_table_and_nothing_heavy(imported_by_help: set[str]) -> None:
    assert {one.partition(".")[0] for one in imported_by_help} & set(HEAVY) == set()
    ours = {one for one in imported_by_help if one.partition(".")[0] in ("plugin", "config")}
    assert ours == {
        "plugin",
        "plugin.cli",
        "plugin.cli.access_commands",
        "plugin.cli.commands",
        "plugin.cli.shape",
        "plugin.cli.source_commands",
        "plugin.core",
        "plugin.core.errors",
    }


def test_help_imports_few_modules_beyond_those_of_python_itself(imported_by_help: set[str]) -> None:
    beyond = {one.partition(".")[0] for one in imported_by_help} - set(sys.stdlib_module_names)
    named = {one for one in beyond if one.isidentifier() and not one.startswith(("_", "a1_"))}
    assert named <= {"plugin", "click", "coverage", "sitecustomize", "usercustomize"}, named


def given(*words: str) -> dict[str, object]:
    """The parameters a made-up command gets from these words."""
    command = Command(
        "try", "nowhere:nothing", "try it", argument("first", "FIRST"), argument("more", "MORE", many=True),
        option("reason", "TEXT", default=""), option("real", "N", type=int), flag("yes"), flag("year"),
    )  # fmt: skip
    with command.make_context("try", list(words)) as context:
        return context.params


def test_options_stand_anywhere_and_are_shortened_where_only_one_begins_so() -> None:
    assert given("--yes", "a", "--reas", "why", "b")["more"] == ("b",)
    assert given("a", "--reason=on leave")["reason"] == "on leave"
    assert given("a", "--reason", "on leave", "--yea")["year"] is True
    for words in (("a", "--rea", "x"), ("a", "--y"), ("a", "--yes=1"), ("a", "--nothing"), ("a", "-x"), ()):
        with pytest.raises(click.UsageError):
            given(*words)


def test_a_forgotten_value_does_not_swallow_the_next_option() -> None:
    for words in (("a", "--reason", "--yes"), ("a", "--reason"), ("a", "--real", "--", "b")):
        with pytest.raises(click.UsageError):
            given(*words)
    assert given("a", "--reason=--yes")["reason"] == "--yes"


def test_numbers_below_zero_and_what_follows_two_dashes_are_arguments() -> None:
    assert given("-5", "--real", "-3") | {} == given("--real=-3", "--", "-5")
    assert given("--", "--yes", "--reason")["first"] == "--yes"
    assert given("-", "- a note")["more"] == ("- a note",)


def test_wrong_use_names_the_command_and_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["group", "wander", "FS2", "Volunteers", "--person", "U-1"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("usage: muster group ")
    assert printed.err.splitlines()[-1].startswith("muster group: error: ")
    assert "wander" in printed.err


def test_the_version_is_said_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    from plugin import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"muster {__version__}\n"


QUICK = (("setup-link",), ("host", "list"), ("host", "list", "--json"), ("db", "upgrade"))


@pytest.mark.parametrize("command", QUICK, ids=" ".join)
def test_what_an_operator_waits_for_imports_the_database_and_little_else(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    environment = os.environ | {
        "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": f"sqlite:///{tmp_path}/muster.sqlite3",
    }  # fmt: skip
    program = (
        "import sys\nfrom plugin.cli import main\n"
        f"for one in (['db', 'upgrade'], {list(command)!r}): assert main(one) == 0, one\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    imported = {one.partition(".")[0] for one in done.stderr.splitlines()}
    assert "sqlalchemy" in imported
    assert imported & {"flask", "flask_babel", "numpy", "cryptography", "requests", "pylti1p3", "jwt", "yaml"} == set()
