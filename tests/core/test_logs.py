"""Log lines tell what went wrong and where, and nothing of whom it was about."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from plugin.app import create_app
from plugin.cli.failures import explained
from plugin.core.database.bulk import run
from plugin.core.db import Database
from plugin.core.logs import configure_logs, log
from plugin.core.runtime import Runtime

SECRET = "ann.example@bank.example"


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    configure_logs(as_json=True)
    logging.getLogger("gunicorn.error").propagate = True
    yield
    configure_logs(as_json=False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    said = capsys.readouterr().err
    assert SECRET not in said
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def fail(reason: str) -> None:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ValueError(f"{reason} {SECRET}") from error


def test_a_traceback_is_told_in_fields_without_what_was_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        fail("cannot read")
    except ValueError:
        log("test").exception("it failed", host=1)
    [line] = lines(capsys)
    assert line["event"] == "it failed"
    chain = line["exception"]
    assert isinstance(chain, list)
    assert [one["type"] for one in chain] == ["builtins.ValueError", "builtins.KeyError"]
    assert any(frame.endswith(" fail") and "test_logs.py:" in frame for frame in chain[0]["frames"])
    assert "exc_info" not in line


def test_what_a_database_refused_shows_the_statement_and_no_values(
    db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    for way in ("sqlalchemy", "driver"):
        try:
            with db.write() as session:
                if way == "driver":
                    run(session, "INSERT INTO nowhere (name) VALUES (?)", SECRET)
                else:
                    session.execute(text("INSERT INTO nowhere (name) VALUES (:name)"), {"name": SECRET})
        except Exception:
            log("test").exception("refused")
    told = [line["exception"] for line in lines(capsys)]
    assert "INSERT INTO nowhere" in json.dumps(told[0])
    assert len(told) == 2


def test_a_page_that_fails_is_logged_by_its_pattern_and_not_its_address(
    runtime: Runtime, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(runtime)
    monkeypatch.setattr("plugin.web.launch.hooks.store", lambda *_all: fail("stored"))
    answer = app.test_client().post(f"/hooks/{SECRET}", data="x")
    assert answer.status_code == 500
    assert SECRET not in answer.text
    [line] = [one for one in lines(capsys) if one["event"] == "unexpected"]
    assert line["route"] == "POST /hooks/<name>"


def test_lines_of_libraries_and_what_nobody_caught_are_told_in_fields_too(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        fail("in a library")
    except ValueError as error:
        logging.getLogger("gunicorn.error").exception(
            "Error handling request %s", f"/t/{'x' * 43}/people/{SECRET}?q={SECRET}"
        )
        logging.getLogger("some.library").warning(f"cannot reach 'Ann Example' at https://x.test/?q={SECRET}")
        sys.excepthook(type(error), error, error.__traceback__)
    thread = threading.Thread(target=fail, args=("in a thread",))
    thread.start()
    thread.join()
    said = lines(capsys)
    assert [line["event"] for line in said] == [
        "Error handling request %s", "cannot reach … at https://x.test/…", "uncaught", "uncaught in a thread",
    ]  # fmt: skip
    assert [line["room"] for line in said] == ["gunicorn.error", "some.library", "process", "process"]
    for one in (said[0], said[2], said[3]):
        assert [each["type"] for each in one["exception"]] == ["builtins.ValueError", "builtins.KeyError"]  # type: ignore[attr-defined]  # a list


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"The server said: 550 5.1.1 <{SECRET}> no such user.", "The server said: 550 5.1.1 … no such user."),
        (f"Moodle says: invalid user “Ann Example” ({SECRET})", "Moodle says: invalid user … (…)"),
        ("GET https://lms.test/users?ids=17,18 failed", "GET https://lms.test/users… failed"),
        ("Connection refused.", "Connection refused."), ("the host's answer isn't JSON", "the host's answer isn't JSON"),
    ],
)  # fmt: skip
def test_what_the_other_side_says_is_logged_without_whom_it_names(
    capsys: pytest.CaptureFixture[str], said: str, kept: str
) -> None:
    log("test").warning("host in trouble", why=said)
    [line] = lines(capsys)
    assert line["why"] == kept


def test_a_command_says_which_constraint_broke_and_no_value(db: Database) -> None:
    with pytest.raises(IntegrityError) as broken, db.write() as session:
        for _twice in range(2):
            session.execute(text("INSERT INTO counter (host_id, name, value) VALUES (1, :name, 1)"), {"name": SECRET})
    found = explained(broken.value)
    assert found is not None
    assert found[1] == 3
    assert SECRET not in found[0]
