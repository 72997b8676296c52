"""Tells Muster to look again: signed hints, posted on the side so that the World page never waits for it."""

from __future__ import annotations

import json
import secrets
import threading
from datetime import UTC, datetime

import requests
from flask import current_app
from standardwebhooks.webhooks import Webhook


def post_hint(kind: str, ids: list[str]) -> None:
    """Post one hint; a receiver that is down misses it and finds out by polling."""
    config = current_app.config
    url = f"{config['MUSTER']}/hooks/{config['CONNECTION']['name']}"
    secret = config["CONNECTION"]["webhook_secret"]
    threading.Thread(target=_post, args=(url, secret, kind, ids), daemon=True).start()


def _post(url: str, secret: str, kind: str, ids: list[str]) -> None:
    now = datetime.now(UTC)
    body = json.dumps({"type": kind, "timestamp": now.isoformat(timespec="seconds"), "data": {"ids": ids}})
    ident = f"hint_{secrets.token_hex(12)}"
    headers = {
        "webhook-id": ident,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(ident, now, body),
        "Content-Type": "application/json",
    }
    for _attempt in range(3):
        try:
            if requests.post(url, data=body.encode(), headers=headers, timeout=5).status_code != 503:
                return
        except requests.RequestException:
            return
