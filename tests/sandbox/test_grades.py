"""The sandbox's gradebook, and the whole way to it: launched, certified, reported, shown on the roster."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server

from config.settings import Settings
from plugin.app import create_app
from plugin.certifications.file.certification_file import proposals, read_file
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.enrolment.saving.save import Choices, save
from plugin.jobs.work import work_host
from plugin.lti.grades import LINE_ITEM, SCORE, SCORE_MEDIA
from plugin.lti.services import call_service
from plugin.mirror.pulling.pull import pull
from tests.live import Sandbox, connect, free_port, serve_sandbox

FILE = """
version: 1
certifications:
  - code: FOOD
    name: Food hygiene
    state: live
    content: {certification: [{name: Core, courses: [c1]}]}
    exceptions: {duplicate_course: assign}
    assignments: [{audience: A-1}]
  - code: FIRE
    name: Fire safety
    state: live
    content: {certification: [{name: Core, courses: [c1]}]}
    exceptions: {duplicate_course: assign}
    assignments: [{audience: A-1}]
"""


@pytest.fixture
def served(settings: Settings, db: Database, tmp_path: Path) -> Iterator[tuple[Runtime, Sandbox, int]]:
    """Muster on a socket, connected to a sandbox."""
    port = free_port()
    runtime = Runtime(replace(settings, base_url=f"http://localhost:{port}"), db, Clock())
    server = make_server("127.0.0.1", port, create_app(runtime), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with serve_sandbox(tmp_path / "sandbox", muster=runtime.settings.base_url) as sandbox:
        yield runtime, sandbox, connect(runtime, sandbox)
    server.shutdown()
    server.server_close()
    thread.join(5)


def launch(sandbox: Sandbox, **parameters: str) -> None:
    """A launch as a browser does it, form by form."""
    browser = requests.Session()
    answer = browser.get(f"{sandbox.base}/lti/start", params={"person": "U-1", **parameters}, timeout=10)
    while "<form" in answer.text and 'method="post"' in answer.text and "/t/" not in answer.url:
        action = unescape(re.search(r'action="([^"]+)"', answer.text)[1])  # type: ignore[index]
        fields = {name: unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text)}
        answer = browser.post(action, data=fields, timeout=10)
    assert "/t/" in answer.url, answer.text[:500]


def test_a_certified_learner_stands_in_the_gradebook_and_on_the_roster(served: Any) -> None:
    runtime, sandbox, host_id = served
    with runtime.db.read() as session:
        wanted = proposals(session, host_id, read_file(FILE))
    save(runtime, host_id, wanted, who="tester", choices=Choices())
    launch(sandbox, course="c1", role="administrator")
    work_host(runtime, host_id)
    learner = sorted(sandbox.roster("c1"))[0]
    assert all(not item["scores"] for item in sandbox.get("grades/c1"))
    sandbox.act("complete", person=learner, course="c1")
    pull(runtime, host_id)
    work_host(runtime, host_id)
    book = sandbox.get("grades/c1")
    assert [(item["label"], item["resource"]) for item in book] == [("Muster", ""), ("Fire safety", "muster:FIRE")]
    for item in book:
        (score,) = item["scores"]
        assert (score["person"], score["given"], score["posts"]) == (learner, 1, 1)
        assert score["progress"] == "Completed FullyGraded"
    page = requests.get(f"{sandbox.base}/courses/c1", timeout=10).text
    assert page.count("1 of 1") == 2
    launch(sandbox, course="c2", role="administrator", certification="FIRE")
    sandbox.act("enrol-by-hand", person=learner, course="c2")
    work_host(runtime, host_id)
    (item,) = sandbox.get("grades/c2")
    assert [score["person"] for score in item["scores"]] == [learner]


def test_the_gradebook_asks_for_scopes_types_and_members(served: Any) -> None:
    runtime, sandbox, host_id = served
    launch(sandbox, course="c3", role="learner")
    with runtime.db.read() as session:
        host = session.get_one(Host, host_id)
    url = f"{sandbox.base}/lti/lineitems/c3"

    def ask(scope: str, method: str, address: str, media: str = "", body: bytes = b"") -> int:
        headers = {"Content-Type": media} if media else {}
        return call_service(runtime, host, [scope], method, address, headers=headers, data=body or None).status

    assert requests.get(url, timeout=10).status_code == 401
    assert ask(SCORE, "GET", url) == 401
    assert ask(LINE_ITEM, "GET", url) == 200
    assert ask(LINE_ITEM, "POST", url, "application/json", b"{}") == 415
    assert ask(LINE_ITEM, "GET", f"{url}/1") == 200
    assert ask(LINE_ITEM, "GET", f"{url}/99") == 404
    assert ask(SCORE, "POST", f"{url}/1/scores", SCORE_MEDIA, b"[]") == 400
    body = b'{"userId": "U-nobody", "timestamp": "2026-01-01T00:00:00Z", "activityProgress": "Completed",' + (
        b' "gradingProgress": "FullyGraded", "scoreGiven": 1, "scoreMaximum": 1}'
    )
    assert ask(SCORE, "POST", f"{url}/1/scores", SCORE_MEDIA, body) == 400
    sandbox.act("enrol-by-hand", person="U-3", course="c3")
    body = body.replace(b"U-nobody", b"U-3")
    assert [ask(SCORE, "POST", f"{url}/1/scores", SCORE_MEDIA, body) for _ in range(2)] == [200, 409]
    results = call_service(
        runtime, host, ["https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"], "GET", f"{url}/1/results"
    ).json()
    assert [(one["userId"], one["resultScore"], one["resultMaximum"]) for one in results] == [("U-3", 1, 1)]
    assert ask(LINE_ITEM, "DELETE", f"{url}/1") == 204
    assert sandbox.get("grades/c3") == []
