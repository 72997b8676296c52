"""The sandbox's web application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask, Response

from plugin.sandbox import api, control, grades, pages, platform, receive
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
    for module in (api, receive, control, platform, grades, pages):
        app.register_blueprint(module.blueprint)

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
