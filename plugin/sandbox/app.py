"""The sandbox's web application."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template, request

from plugin.sandbox import api, control, grades, hr, pages, platform, receive
from plugin.sandbox.store import Store


def create_app(data: Path, *, asynchronous: bool = False, resets: bool = False) -> Flask:
    """An application over a data folder made by ``init``."""
    app = Flask(__name__)
    connection: dict[str, Any] = json.loads((data / "connection.json").read_text(encoding="utf-8"))
    app.config.update(
        STORE=Store(data / "sandbox.sqlite3"),
        CONNECTION=connection,
        MUSTER=connection["muster"],
        PEM=(data / "private.pem").read_text(encoding="ascii"),
        PUBLIC=(data / "public.pem").read_text(encoding="ascii"),
        ASYNC=asynchronous,
        RESETS=resets,
    )
    for module in (api, receive, control, platform, grades, hr, pages):
        app.register_blueprint(module.blueprint)

    @app.before_request
    def _wait() -> tuple[str, int, dict[str, str]] | None:
        """Until Muster answers the first time, people wait: a launch before would fail."""
        if not app.config.get("WAITS") or request.blueprint not in ("pages", "platform"):
            return None
        try:
            with urllib.request.urlopen(f"{app.config['MUSTER']}/healthz", timeout=2):  # noqa: S310 - the tool's address
                app.config["WAITS"] = False
        except OSError:
            return render_template("waiting.html"), 503, {"Refresh": "2"}
        return None

    @app.after_request
    def _headers(response: Response) -> Response:
        tool = app.config["MUSTER"]
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
            f" frame-src 'self' {tool}; form-action 'self' {tool}; base-uri 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app
