"""Small walls: headers, cells, keys of launches, files, secrets; each nested address keeps to its own parts."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from config.settings import SettingsError, read_settings
from plugin.core.database.bulk import fetch
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.core.text.table_files import written
from plugin.jobs.queue import Nudges, open_queue
from plugin.lti.errors import LtiRejected
from plugin.lti.keysets import KeySets
from plugin.schema import metadata
from plugin.web.frame.kit import origin_of
from tests.application import application
from tests.web.conftest import Visit
from tests.web.steps import add, make, save

ROOT = Path(__file__).parents[2]


def test_a_save_is_undone_under_its_own_certification_alone(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    one, other = make(sam), make(sam, name="Other")
    add(sam, one, "sales")
    save(sam, one)
    settle()
    entry = re.findall(r"/history/(\d+)/undo", sam.page(f"{one}/history"))[0]
    for path in (
        f"{other}/history/{entry}/undo",
        f"{other}/history/{entry}/undo/names/withdrawn",
        f"{other}/history/{entry}/changes",
    ):
        assert sam.get(path).status_code == 404, path
    assert sam.post(f"{other}/history/{entry}/undo", {"withdrawals": "2"}).status_code == 404
    assert "Ann" in sam.page(f"{one}/learners")
    assert sam.get(f"{one}/history/{entry}/undo").status_code == 200


@pytest.mark.parametrize(
    "cell",
    [
        "=1",
        " =1",
        "\t=1",
        "\n=1",
        "\u00a0=1",
        "\u3000+1",
        "\u200b@SUM",
        "\ufeff-1",
        "＝1",
        " ＋1",
        "\x00=1",
        "\r\n =1",
        "\u202e=1",
    ],
)
def test_no_cell_is_a_formula(cell: str) -> None:
    assert written([cell]).lstrip('"').startswith("'")


@pytest.mark.parametrize("cell", ["Ann", "a=b", "1-2", "O'Brien", "", " x", "ann@example.org"])
def test_an_honest_cell_stays_as_it_is(cell: str) -> None:
    assert written([cell, "x"]) == f"{cell},x\r\n"


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        ("https://lms.example/x", "https://lms.example"), ("https://lms.example:8443", "https://lms.example:8443"),
        ("https://*", ""), ("https://*.example", ""), ("https://a;script-src *", ""), ("https://a b", ""), ("*", ""), ("https:", ""),
        ("data:text/html,x", ""), ("https://user@lms.example", ""), ("https://[::1]:80", "https://[::1]:80"), ("https://[", ""),
        ("http://localhost:8001", "http://localhost:8001"), ("https://lms.example, https://evil.example", ""),
    ],
)  # fmt: skip
def test_only_a_plain_place_may_frame_a_page(issuer: str, origin: str) -> None:
    assert origin_of(issuer) == origin


def test_every_answer_says_what_browsers_may_do_with_it(visit: Visit) -> None:
    sam = visit()
    for path in ("/certifications", "/nowhere"):
        headers = sam.get(path).headers
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
        secure = sam.client.application.extensions["muster"].settings.base_url.startswith("https://")
        assert ("Strict-Transport-Security" in headers) == secure


def test_pages_refusals_files_and_faults_carry_all_headers_over_https(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe = replace(runtime, settings=replace(runtime.settings, base_url="https://muster.example"))
    app = application(safe)
    app.testing = False
    client = app.test_client()
    monkeypatch.setattr("plugin.web.launch.hooks.store", lambda *_all: 1 / 0)
    static = app.url_map.bind("").build("static", {"filename": "muster.css"})
    for method, path, status in (
        ("GET", "/", 200), ("GET", static, 200), ("GET", static + "x", 404), ("GET", "/nowhere", 404), ("POST", "/healthz", 405),
        ("POST", "/hooks/x", 500), ("GET", "/api/v1/certifications", 401), ("GET", "/scim/v2/x/Users", 401),
        ("GET", f"/t/{'x' * 43}/certifications", 401), ("GET", "/lti/login", 400), ("HEAD", "/setup/x", 401), ("GET", "/tab/x", 401),
    ):  # fmt: skip
        answer = client.open(path, method=method, data=b"x" if method == "POST" else None)
        assert answer.status_code == status, (path, answer.status_code)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000", path
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups", path
        assert "camera=()" in answer.headers["Permissions-Policy"], path
        assert "frame-ancestors" in answer.headers["Content-Security-Policy"], path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        answer.close()


def test_a_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = Database(f"sqlite:///{tmp_path}/new/muster.sqlite3")
        metadata.create_all(made.engine)
        with made.write() as session:
            session.execute(text("INSERT INTO counter (host_id, name, value) VALUES (1, 'x', 1)"))
            files = list((tmp_path / "new").iterdir())
            assert len(files) >= 3
            assert {stat.S_IMODE(one.stat().st_mode) & 0o077 for one in files} == {0}
        made.close()
    finally:
        os.umask(before)


def test_the_file_of_the_queue_is_its_owners_alone(tmp_path: Path) -> None:
    settings = read_settings(
        {"MUSTER_ENV": "development", "MUSTER_DATABASE_URL": f"sqlite:///{tmp_path}/new/muster.sqlite3"}
    )
    before = os.umask(0)
    try:
        Nudges(lambda: open_queue(settings)).nudge(1)
        files = list((tmp_path / "new").iterdir())
        assert files
        assert {stat.S_IMODE(one.stat().st_mode) & 0o077 for one in files} == {0}
    finally:
        os.umask(before)


@pytest.mark.parametrize("key", ["a" * 40, "ab" * 20, "abcabcabcabcabcabcabcabc", "abcdefghijklmnopqrstuvwxyz", "0123456789" * 3,
                                 "development-only-key", "short"])  # fmt: skip
def test_a_secret_that_can_be_guessed_is_refused(key: str) -> None:
    environ = {"MUSTER_SECRET_KEYS": key, "MUSTER_BASE_URL": "https://muster.example"}
    with pytest.raises(SettingsError, match="MUSTER_SECRET_KEYS"):
        read_settings(environ)


def test_the_development_key_goes_with_no_https_address() -> None:
    with pytest.raises(SettingsError, match="MUSTER_SECRET_KEYS"):
        read_settings({"MUSTER_ENV": "development", "MUSTER_BASE_URL": "https://muster.example"})
    assert read_settings({"MUSTER_ENV": "development"}).secret_keys


def test_keys_that_nobody_published_make_one_look_a_while() -> None:
    now, reads = [0.0], []

    class Site:
        def get(self, url: str, **_more: object) -> object:
            reads.append(url)
            return type("Answer", (), {"ok": True, "json": lambda _self: {"keys": published}})()

    from tests.lti.conftest import public

    published = [public("k1")]
    keys = KeySets(Site(), lambda: now[0])  # type: ignore[arg-type]
    assert keys.key("u", "k1") is not None
    for number in range(100):
        with pytest.raises(LtiRejected):
            keys.key("u", f"random {number}")
    assert len(reads) == 2
    now[0] += 31
    published.append(public("k2"))
    assert keys.key("u", "k2") is not None
    assert len(reads) == 3


def test_statements_are_written_so_that_distributed_databases_take_them() -> None:
    found = [path for path in (ROOT / "plugin").rglob("*.py") if re.search(r"CASE [a-z_.]+ WHEN", path.read_text())]
    assert found == []


def test_behind_a_pooler_no_statement_is_prepared(db: Database) -> None:
    if db.sqlite:
        pytest.skip("of PostgreSQL alone")
    for pooler in (False, True):
        made = Database(db.engine.url.render_as_string(hide_password=False), pooler=pooler)
        with made.read() as session:
            for _time in range(12):
                fetch(session, "SELECT value FROM counter WHERE host_id = ?", 1)
                session.execute(text("SELECT value FROM counter WHERE host_id = :h"), {"h": 1})
            prepared = session.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar()
            assert (prepared == 0) == pooler
        made.close()
