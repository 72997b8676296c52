"""How often one address may ask for what anybody may ask for, and what costs us: registrations.

Launches and hooks are not limited: a class behind one address launches at once, and a hint refused would be lost.
"""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from config.settings import Settings
from plugin.web.launch import platform_registration
from plugin.web.mine import verifying

REGISTRATIONS = 30
"""Of one address in an hour."""
VERIFICATIONS = 30
"""Of one address in a minute: enough for somebody with a pile of paper, nothing for whoever guesses."""


def install(app: Flask, settings: Settings) -> None:
    """Limit the routes of ``app``. Counted in Redis where the queue is there, otherwise by each process for itself."""
    url = settings.queue_url
    limiter = Limiter(
        get_remote_address, app=app, headers_enabled=True, swallow_errors=True,
        storage_uri=url if url.startswith(("redis://", "rediss://")) else "memory://",
    )  # fmt: skip
    limiter.limit(f"{REGISTRATIONS} per hour")(platform_registration.blueprint)
    limiter.limit(f"{VERIFICATIONS} per minute")(verifying.blueprint)
