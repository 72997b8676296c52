"""A small sandbox on a real socket, and what signs for Muster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks.webhooks import Webhook

from tests.live import Sandbox, serve_sandbox

Push = Callable[..., requests.Response]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """120 people in 20 units."""
    with serve_sandbox(tmp_path / "sandbox") as found:
        yield found


@pytest.fixture
def push(sandbox: Sandbox) -> Push:
    """Sends one signed webhook to the sandbox."""
    return pusher(sandbox)


def pusher(sandbox: Sandbox) -> Push:
    """What signs and sends as Muster does."""

    def send(kind: str, items: list[Any], *, ident: str = "msg_1", secret: str = "") -> requests.Response:
        now = datetime.now(UTC)
        body = json.dumps({"type": kind, "timestamp": now.isoformat(), "data": {"items": items}})
        signature = Webhook(secret or sandbox.connection["webhook_secret"]).sign(ident, now, body)
        headers = {
            "webhook-id": ident,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
            "Content-Type": "application/json",
        }
        return requests.post(sandbox.connection["webhook_url"], data=body.encode(), headers=headers, timeout=10)

    return send


def seat(person: str, want: str, generation: int = 1, course: str = "c1") -> dict[str, Any]:
    """One item of ``seats.changed``."""
    return {"seat": f"{course}/{person}", "generation": generation, "person": person, "course": course, "want": want}


def outcomes(answer: requests.Response) -> list[str]:
    """The outcomes in the order of the items."""
    assert answer.status_code == 200, answer.text
    return [one["outcome"] for one in answer.json()["outcomes"]]
