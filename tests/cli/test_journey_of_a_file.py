"""The journey of HR's file beside a Moodle: joined, assigned by organisation, enrolled there; moved by the next night's file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin.cli import main
from plugin.core.db import Database
from tests.conftest import KEYS
from tests.hosts.fake_moodle import FakeMoodle, serve_moodle

HEAD = "Personal-Nr.;Vorname;Nachname;Organisationseinheit;Stelle;Führungskraft;Eintritt;Austritt;Status"
CERTIFICATION = """
version: 1
certifications:
  - code: FS
    name: Food Safety
    state: live
    content: {certification: [{name: Core, courses: ["11"]}]}
    assignments: [{organisation: "HR:schäden/NACHT"}]
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def moodle() -> Any:
    with serve_moodle(120) as fake:
        for number, user in fake.users.items():
            user["idnumber"] = f"{number:05}" if number > 2 else ""
        yield fake


@pytest.fixture
def muster(
    db: Database, moodle: FakeMoodle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command; the host is new, its people were read, and nothing else."""
    for name, value in {
        "MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS,
        "MUSTER_DATABASE_URL": db.engine.url.render_as_string(hide_password=False),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(list(arguments))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    assert (
        run("host", "add", "site", *launches(moodle.base), "--api-url", moodle.base, "--api-token", moodle.token)[0]
        == 0
    )
    assert run("sync", "site")[0] == 0
    return run


def launches(base: str) -> list[str]:
    """What a host is registered with besides; nobody launches here."""
    urls = [f"--{name}-url={base}/mod/lti/{name}" for name in ("auth", "token", "jwks")]
    return ["--kind=moodle", f"--issuer={base}", "--client-id=c", "--deployment=1", *urls]


def a_file(path: Path, units: list[str]) -> str:
    rows = [
        f'{n:05};Jörg;Müller {n};{unit};"Sachbearbeiter; Schäden";{3:05};0{n % 9 + 1}.03.99;31.12.9999;Aktiv'
        for n, unit in enumerate(units, 3)
    ]
    path.write_bytes(("Auszug vom 30.11.2026\r\n" + "\r\n".join([HEAD, *rows]) + "\r\n").encode("cp1252"))
    return str(path)


def enrolled(moodle: FakeMoodle) -> int:
    return sum(1 for (course, _who), one in moodle.enrolments.items() if course == 11 and not one.suspended)


@pytest.mark.one_database
def test_hrs_file_assigns_people_of_a_moodle_and_moves_them(muster: Run, moodle: FakeMoodle, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text("separator: /\n", encoding="utf-8")
    assert muster("source", "add", "hr", "--kind", "csv", "--mapping", str(tmp_path / "mapping.yaml"))[0] == 0
    night, day = "Schäden/Nacht", "Schäden/Tag"
    first = a_file(tmp_path / "people_2026-11-29.csv", [night] * 50 + [day] * 70)
    plan = json.loads(muster("source", "plan", "hr", first, "--json")[1])
    assert (plan["matched"], plan["files"][0]["refused"], plan["units"]["new"]) == (120, [], 4)
    assert muster("source", "load", "hr", first)[0] == 1
    assert muster("source", "load", "hr", first, "--yes")[0] == 0
    (tmp_path / "fs.yaml").write_text(CERTIFICATION, encoding="utf-8")
    assert muster("apply", str(tmp_path / "fs.yaml"), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert enrolled(moodle) == 50

    second = a_file(tmp_path / "people_2026-11-30.csv", [day] * 20 + [night] * 50 + [day] * 50)
    plan = json.loads(muster("source", "plan", "hr", second, "--json")[1])
    assert (plan["identities"]["changed"], plan["guard"]) == (40, None)
    (effect,) = plan["certifications"]
    assert (effect["newly"], effect["withdrawn"]) == (20, 20)
    assert muster("source", "load", "hr", second, "--allow-withdrawals", "19")[0] == 1
    assert muster("source", "load", "hr", second, "--allow-withdrawals", "20")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert enrolled(moodle) == 50

    half = a_file(tmp_path / "people_2026-12-01.csv", [day] * 20 + [night] * 40)
    assert "60 of 120 people would be gone" in json.loads(muster("source", "plan", "hr", half, "--json")[1])["guard"]
    assert muster("source", "load", "hr", half)[0] == 1
    assert muster("work", "--once")[0] == 0
    assert enrolled(moodle) == 50
    assert muster("doctor", "--deep")[0] == 0
