"""What docs/reports.md says: each example runs, each source has the columns it lists."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.app import create_app
from plugin.cli import main
from plugin.core.runtime import Runtime
from plugin.reports.asking.reader import Reader
from plugin.reports.catalogue import SOURCES
from plugin.reports.service import report
from plugin.reports.sources.people import PERSON
from tests.conftest import KEYS
from tests.web.conftest import small_world
from tests.world import HOST, row

TEXT = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
BLOCKS = [line for block in re.findall(r"```\n(.*?)```", TEXT, re.S) for line in block.splitlines()]
COMMANDS = [line for line in BLOCKS if line.startswith("muster report ") and "SOURCE" not in line]
ADDRESSES = [line for line in BLOCKS if line.startswith("GET /api/v1/reports/") and "SOURCE" not in line]
CALLS = [line for line in BLOCKS if re.match(r"(GET|POST) /api/v1/(saved|sent)-reports", line)]


@pytest.fixture
def site(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """A small site with the names of the examples."""
    world = small_world(runtime)
    world.job("j-ann", "ann", "sales")
    world.save(
        "FS2", row("organisation", "sales", "below", due={"fixed": "2026-11-01"}), state="live",
        exceptions={"time_allowance": "assign"},
    )  # fmt: skip
    monkeypatch.setenv("MUSTER_ENV", "development")
    monkeypatch.setenv("MUSTER_SECRET_KEYS", KEYS)
    monkeypatch.setenv("MUSTER_NOW", "2026-11-18T11:06:40Z")
    monkeypatch.setenv("MUSTER_DATABASE_URL", runtime.db.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MUSTER_ROW_SECURITY", str(runtime.db.row_security))
    return runtime


def test_every_command_of_the_documentation_runs(site: Runtime, capsys: Any) -> None:
    assert len(COMMANDS) >= 10
    for line in COMMANDS:
        status = main(shlex.split(line)[1:])
        printed = capsys.readouterr()
        assert (status, printed.err) == (0, ""), line
        assert printed.out, line


def test_every_address_of_the_documentation_answers(site: Runtime) -> None:
    assert len(ADDRESSES) >= 3
    for line in ADDRESSES:
        parts = urlsplit(line.removeprefix("GET "))
        source = parts.path.rpartition("/")[2]
        _question, answer, _zone = report(site, HOST, Reader("tester"), source, parse_qsl(parts.query))
        if "as_of" not in line:
            assert answer.total, line


def test_every_call_about_what_is_sent_answers(site: Runtime) -> None:
    with site.db.write() as session:
        token = make_token(
            session, HOST, RequestedToken("hr", ("reports",)), owner=TokenOwner(), at=site.clock.now(), who="tester"
        )
    client, headers = create_app(site).test_client(), {"Authorization": f"Bearer {token}"}
    saved = {"name": "Late", "source": "learners", "query": [["overdue", "true"]]}
    assert client.post("/api/v1/saved-reports", json=saved, headers=headers).status_code == 201
    assert len(CALLS) >= 3
    for line in CALLS:
        method, path, *body = line.split(" ", 2)
        answer = client.open(path, method=method, json=json.loads(body[0]) if body else None, headers=headers)
        assert answer.status_code == (201 if method == "POST" else 200), line


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_described_with_its_columns(name: str) -> None:
    section = re.search(rf"(?ms)^## {name}\n(.*?)(?=^## )", TEXT)
    assert section is not None
    listed = re.search(r"Columns:(.*?)\.\n", section[1], re.S)
    assert listed is not None
    own = {one.name for one in PERSON}
    assert re.findall(r"`([a-z_0-9]+)`", listed[1]) == [
        one.name for one in SOURCES[name].columns if one.name not in own
    ]
