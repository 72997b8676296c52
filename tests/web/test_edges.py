"""What stands around the pages: too many tries, a database that is away, settings that cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from plugin.core.db import Database
from plugin.lti.tables import LaunchSession
from plugin.web.frame.limits import REGISTRATIONS
from tests.web.conftest import Visit
from tests.world import World

ROOT = Path(__file__).parents[2]


def test_one_address_may_register_so_often_and_others_still_may(app: Flask) -> None:
    client = app.test_client()
    answers = [client.get("/lti/register").status_code for _ in range(REGISTRATIONS + 1)]
    assert answers == [400] * REGISTRATIONS + [429]
    refused = client.get("/lti/register")
    assert "too often from one address" in refused.text
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert client.get("/lti/register", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 400


def test_a_class_behind_one_address_may_launch_at_once(app: Flask) -> None:
    client = app.test_client()
    assert {client.get("/lti/login").status_code for _ in range(REGISTRATIONS * 3)} == {400}


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused")),
        psycopg.OperationalError("terminating connection"),
    ],
)
def test_a_database_that_is_away_is_said_and_may_be_asked_again(
    app: Flask, visit: Visit, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    one = visit()

    def away(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(Database, "read", away)
    monkeypatch.setattr(Database, "write", away)
    monkeypatch.setattr(Database, "transact", away)
    app.testing = False
    page = one.get("/certifications")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert "does not answer" in page.text
    answer = app.test_client().get("/api/v1/certifications", headers={"Authorization": f"Bearer muster_1_{'x' * 43}"})
    assert answer.status_code == 503
    assert "does not answer" in answer.json["detail"]  # type: ignore[index]


def test_gunicorn_says_which_setting_is_wrong_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "--bind", "127.0.0.1:0", "plugin.wsgi:app"],
        cwd=ROOT, env={"MUSTER_ENV": "production", "HOME": "/nonexistent"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Set MUSTER_SECRET_KEYS" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_does_not_wait_for_a_long_write_to_note_that_the_session_is_in_use(visit: Visit, world: World) -> None:
    sam = visit()
    with world.runtime.db.write() as session:
        session.execute(update(LaunchSession).values(used=LaunchSession.used - 100))
    with world.runtime.db.write() as session:  # somebody writes, and goes on writing
        session.execute(update(LaunchSession).values(name="Sam"))
        assert sam.get("/certifications").status_code == 200
    with world.runtime.db.read() as session:
        before = session.scalars(select(LaunchSession.used)).one()
    assert sam.get("/certifications").status_code == 200
    with world.runtime.db.read() as session:
        assert session.scalars(select(LaunchSession.used)).one() > before  # the next page notes it
