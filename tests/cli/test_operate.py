"""Commands for whoever runs Muster: registering, checking, keys, the setup link, and clear refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from plugin.app import create_app
from plugin.cli import main
from plugin.cli.opening import runtime as open_runtime
from plugin.core.db import Database
from tests.conftest import KEYS
from tests.live import free_port, serve_sandbox

HOST = [
    "--issuer=https://lms.test", "--client-id=c", "--deployment=1", "--auth-url=https://lms.test/auth",
    "--token-url=https://lms.test/token", "--jwks-url=https://lms.test/jwks",
]  # fmt: skip


@pytest.fixture
def muster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command on an empty, migrated SQLite file; gives its status and what it printed."""
    monkeypatch.setenv("MUSTER_ENV", "development")
    monkeypatch.setenv("MUSTER_SECRET_KEYS", KEYS)
    monkeypatch.setenv("MUSTER_DATABASE_URL", f"sqlite:///{tmp_path}/muster.sqlite3")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(list(arguments))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    assert run("db", "upgrade")[0] == 0
    return run


COMMANDS = [
    "run", "work", "db", "setup-link", "host add", "host list", "host check", "sync", "reconcile", "keys", "doctor", "demo",
    "plan", "apply", "export", "show", "exceptions", "resolve", "group", "extend", "exempt", "history", "undo", "held",
    "release", "refuse", "retarget", "import-records", "token add", "token list", "token remove", "grant add", "grant list", "grant remove", "grant confirm",
    "sessions end", "backup", "restore",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert "usage: muster" in capsys.readouterr().out


def test_a_host_is_registered_without_network_and_warned_about(muster: Any) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/api"
    status, out, err = muster("host", "add", "acme", *HOST, f"--api-url={nowhere}", "--api-token=t")
    assert (status, out) == (0, "hooks: http://localhost:8000/hooks/acme\n")
    assert err.startswith("warning: the host does not answer yet: ")
    listed = json.loads(muster("host", "list", "--json")[1])
    assert [one["name"] for one in listed] == ["acme"]
    status, _out, err = muster("host", "add", "acme", *HOST)
    assert status == 2
    assert "acme" in err
    for command in (("host", "check"), ("sync",), ("reconcile",)):
        status, out, err = muster(*command, "acme")
        assert (status, out) == (3, ""), command
        assert err.strip().splitlines()[-1].endswith("Connection refused.")
        assert "Traceback" not in err
    assert muster("work", "--once")[0] == 0
    down = json.loads(muster("host", "list", "--json")[1])[0]
    assert down["connection"] == "down"
    assert "Connection refused" in down["reason"]
    assert down["reason"] in muster("host", "list")[1]


def test_what_cannot_be_is_refused_in_a_sentence(muster: Any) -> None:
    assert muster("sync", "nobody")[0] in (1, 2)
    assert muster("host", "add", "Bad Name!", *HOST)[0] == 2
    assert muster("host", "add", "acme", *HOST, "--kind=unheard-of")[0] == 2
    assert muster("host", "add", "acme", *HOST[1:])[0] == 2
    assert muster("demo", "--check", "--lie", "white")[0] == 2
    assert muster("nonsense")[0] == 2


def test_a_host_that_answers_is_checked_pulled_and_reconciled(muster: Any, tmp_path: Path) -> None:
    with serve_sandbox(tmp_path / "sandbox", people=30, units=12) as sandbox:
        given = {name: value for name, value in sandbox.connection.items() if name not in ("name", "muster")}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        assert muster("host", "add", "sandbox", *options)[2] == ""
        assert muster("host", "check", "sandbox") == (0, "The host answers as it should.\n", "")
        printed = muster("sync", "sandbox")[1]
        assert re.fullmatch(
            r"\d+ records changed\.\n(  [a-z]+: \d+ calls, \d+ bytes\n)+\d+ calls and \d+ bytes in all\.\n", printed
        )
        assert re.search(r"people: [1-9]\d* calls, [1-9]\d* bytes", printed)
        assert muster("sync", "sandbox", "--full")[0] == 0
        assert muster("reconcile", "sandbox")[0] == 0
        assert muster("work", "--once")[0] == 0
        assert muster("doctor", "--deep") == (0, "Everything is as it should be.\n", "")
        assert json.loads(muster("doctor", "--json")[1]) == []


def test_keys_are_rotated_and_the_old_one_stays_published(muster: Any) -> None:
    def published() -> set[str]:
        made = open_runtime()
        return {one["kid"] for one in create_app(made).test_client().get("/lti/jwks").get_json()["keys"]}

    before = published()
    assert muster("keys", "rotate")[0] == 0
    assert before < published()


def test_a_setup_link_opens_hosts_once(muster: Any) -> None:
    link = muster("setup-link")[1].strip()
    path = link.removeprefix("http://localhost:8000")
    made = open_runtime()
    client = create_app(made).test_client()
    assert client.get(path).status_code == 200
    opened = client.post(path)
    assert opened.status_code == 303
    hosts = client.get(opened.headers["Location"])
    assert hosts.status_code == 200
    handle = opened.headers["Location"].split("/t/")[1].split("/")[0]
    assert client.get(f"/t/{handle}/certifications").status_code == 403
    assert client.get(path).status_code == 303  # whoever opened it finds her tab again
    again = create_app(made).test_client().get(path)
    assert again.status_code == 401
    assert "used already" in again.text


def test_a_database_without_tables_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUSTER_ENV", "development")
    monkeypatch.setenv("MUSTER_DATABASE_URL", f"sqlite:///{tmp_path}/empty.sqlite3")
    assert main(["host", "list"]) == 3
    assert "muster db upgrade" in capsys.readouterr().err
    monkeypatch.setenv("MUSTER_DATABASE_URL", "postgresql://u:p@127.0.0.1:9/none")
    assert main(["host", "list"]) == 3
    assert "cannot be reached" in capsys.readouterr().err
    monkeypatch.setenv("MUSTER_ENV", "elsewhere")
    assert main(["host", "list"]) == 2


def test_signs_of_life_say_what_is_missing(db: Database) -> None:
    """Here nothing was migrated and nobody works."""
    from config.settings import read_settings
    from plugin.core.clock import Clock
    from plugin.core.runtime import Runtime

    settings = read_settings({"MUSTER_ENV": "production", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_BASE_URL": "https://m.test",
                              "MUSTER_METRICS_TOKEN": "tell-me"})  # fmt: skip
    client = create_app(Runtime(settings, db, Clock())).test_client()
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()) == (503, {"database": True, "migrations": False, "worker": False})
    assert client.get("/metrics").status_code == 401
    given = client.get("/metrics", headers={"Authorization": "Bearer tell-me"})
    assert (given.status_code, "muster_seats_owed" in given.text) == (200, True)
    assert client.get("/nowhere").status_code == 404
    assert client.delete("/healthz").status_code == 405


def test_a_token_is_printed_once_and_taken_back(muster: Any) -> None:
    assert muster("host", "add", "acme", *HOST)[0] == 0
    status, out, err = muster("token", "add", "payroll", "--write")
    assert (status, err) == (0, "")
    assert re.fullmatch(r"muster_1_[\w-]{43}\n", out)
    assert muster("token", "add", "payroll")[::2] == (1, "There is a token 'payroll' already.\n")
    listed = json.loads(muster("token", "list", "--json")[1])
    assert [(one["name"], one["may"], one["used"]) for one in listed] == [("payroll", "write", None)]
    assert out.strip() not in muster("token", "list")[1]
    assert muster("token", "remove", "payroll") == (0, "Taken back.\n", "")
    assert muster("token", "remove", "payroll")[::2] == (1, "There is no token 'payroll'.\n")


def test_a_database_that_is_none_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUSTER_ENV", "development")
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 200)
    for url, status, words in (
        (f"sqlite:///{tmp_path}/letter.txt", 3, "The database cannot be used"),
        (f"sqlite:///{tmp_path}/letter.txt/below/m.sqlite3", 3, "folder"),
        ("postgresql://nobody@127.0.0.1:1/muster", 3, "The database cannot be reached."),
        ("mysql://127.0.0.1/muster", 2, "MUSTER_DATABASE_URL is"),
    ):
        monkeypatch.setenv("MUSTER_DATABASE_URL", url)
        assert main(["host", "list"]) == status
        said = capsys.readouterr().err
        assert words in said
        assert "Traceback" not in said
