"""Log lines tell what went wrong and where, and nothing of whom it was about."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from plugin.app import create_app
from plugin.core.database.bulk import run
from plugin.core.db import Database
from plugin.core.logs import configure_logs, log
from plugin.core.runtime import Runtime

SECRET = "ann.example@bank.example"


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    configure_logs(as_json=True)
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
