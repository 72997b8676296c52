"""Commands run in this process, against a sandbox host on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin.cli import main
from plugin.core.db import Database
from tests.conftest import KEYS
from tests.live import Sandbox, serve_sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with serve_sandbox(tmp_path / "sandbox") as served:
        yield served


@pytest.fixture
def muster(db: Database, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command and returns its status and what it printed."""
    monkeypatch.setenv("MUSTER_ENV", "development")
    monkeypatch.setenv("MUSTER_SECRET_KEYS", KEYS)
    monkeypatch.setenv("MUSTER_DATABASE_URL", db.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MUSTER_ROW_SECURITY", str(db.row_security))

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(list(arguments))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    given = {name: value for name, value in sandbox.connection.items() if name not in ("name", "muster")}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    status, out, err = run("host", "add", "sandbox", *options)
    assert (status, err) == (0, "")
    assert out == "hooks: http://localhost:8000/hooks/sandbox\n"
    assert run("sync", "sandbox")[0] == 0
    return run
