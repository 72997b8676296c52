"""No program can stop an instance: bodies are judged before they are parsed, and work of one token is bounded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from plugin.api import plans, request_limits
from tests.api.conftest import Program

Make = Callable[..., Program]

BOMB = "version: 1\ncertifications: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 2000)
)


def post(program: Program, body: str = "version: 1", kind: str = "application/yaml") -> TestResponse:
    return program.client.post(
        "/api/v1/plan", data=body, content_type=kind, headers={"Authorization": f"Bearer {program.token}"}
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (BOMB, "application/yaml"), ("- 1\n" * 1_200_000, "application/yaml"), ("[" * 100_000, "application/json"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "application/json"), ("[" + "1," * 2_400_000 + "1]", "application/json"),
        ('{"version": 1, "certifications": [' + '{"code": "x"},' * 300_000 + '{}]}', "application/json"),
        ('"' + '\\"' * 2_000_000, "application/json"), ('{"a": ' + "9" * 1_000_000 + "}", "application/json"),
    ],
    ids=range(8),
)  # fmt: skip
def test_a_bomb_is_refused_at_once(program: Make, body: str, kind: str) -> None:
    began = time.process_time()
    answer = post(program(), body, kind)
    assert answer.status_code in (400, 413, 422), answer.status_code
    assert answer.json["detail"]
    assert time.process_time() - began < 6


def test_one_token_has_a_few_requests_under_way_and_no_more(program: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    api = program()
    go_on, found = threading.Event(), list[int]()

    def slow(*_all: Any) -> Any:
        go_on.wait(20)
        return [], []

    monkeypatch.setattr(plans, "reviewed", slow)
    threads = [
        threading.Thread(target=lambda: found.append(post(api).status_code))
        for _number in range(request_limits.AT_ONCE)
    ]
    for one in threads:
        one.start()
    while sum(request_limits._under_way.values()) < request_limits.AT_ONCE:
        time.sleep(0.01)
    refused = post(api)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert api.send("GET", "/certifications").status_code == 200
    go_on.set()
    for one in threads:
        one.join()
    assert found == [200] * request_limits.AT_ONCE
    assert post(api).status_code == 200
    assert not request_limits._under_way
