"""``python -m plugin.sandbox init|serve``: make a sandbox's data folder, and serve it on loopback."""

from __future__ import annotations

import argparse
import base64
import json
import logging
import os
import secrets
import socket
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.serving import make_server

from plugin.sandbox.app import create_app
from plugin.sandbox.receive import LIES
from plugin.sandbox.seed import seed
from plugin.sandbox.store import Store


def _here() -> str:
    """What this machine calls itself: a bare root file system may have no ``/etc/hosts`` that knows ``localhost``."""
    try:
        socket.getaddrinfo("localhost", None)
    except OSError:
        return "127.0.0.1"
    return "localhost"


def main(argv: list[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(
        prog="python -m plugin.sandbox", description="A small host LMS to try Muster against."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="make the data folder; does nothing where there is one")
    serve = commands.add_parser("serve", help="serve it on loopback")
    for command in (init, serve):
        command.add_argument("--data", type=Path, required=True)
        command.add_argument("--port", type=int, default=8001)
    init.add_argument("--muster", default="http://localhost:8000")
    init.add_argument("--people", type=int, default=2400)
    init.add_argument("--units", type=int, default=180)
    init.add_argument("--seed", type=int, default=7)
    serve.add_argument("--lie", choices=LIES)
    serve.add_argument("--async", dest="asynchronous", action="store_true", help="answer pushes later")
    serve.add_argument("--resets-completion", action="store_true")
    serve.add_argument(
        "--wait-for-tool", action="store_true", help="show people a page that waits until Muster answers"
    )
    arguments = parser.parse_args(argv)
    return _init(arguments) if arguments.command == "init" else _serve(arguments)


def _init(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    data.mkdir(parents=True, exist_ok=True)
    if not (data / "private.pem").exists():
        _make_key(data)
    file = data / "connection.json"
    if not file.exists():
        file.write_text(json.dumps(_connection(arguments), indent=1), encoding="utf-8")
        os.chmod(file, 0o600)
    store = Store(data / "sandbox.sqlite3")
    if not store.seq():
        seed(store, arguments.people, arguments.units, arguments.seed)
    return 0


def _make_key(data: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (data / "private.pem").write_bytes(private)
    os.chmod(data / "private.pem", 0o600)
    (data / "public.pem").write_bytes(public)


def _connection(arguments: argparse.Namespace) -> dict[str, str]:
    base = f"http://{_here()}:{arguments.port}"
    return {
        "name": "sandbox", "issuer": base, "client_id": "muster", "deployment": "1", "auth_url": f"{base}/lti/auth",
        "token_url": f"{base}/lti/token", "jwks_url": f"{base}/lti/jwks", "kind": "webhook", "api_url": f"{base}/api/v1",
        "api_token": secrets.token_urlsafe(24), "webhook_url": f"{base}/webhooks/muster",
        "webhook_secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(), "muster": arguments.muster.rstrip("/"),
    }  # fmt: skip


def _serve(arguments: argparse.Namespace) -> int:
    if not (arguments.data / "connection.json").exists():
        print(f"{arguments.data} holds no sandbox; make one with 'init'.", file=sys.stderr)
        return 2
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app(arguments.data, asynchronous=arguments.asynchronous, resets=arguments.resets_completion)
    app.config["WAITS"] = arguments.wait_for_tool
    app.config["STORE"].setting("lie", arguments.lie or "")
    app.config["STORE"].setting("mood", "ok")
    make_server("127.0.0.1", arguments.port, app, threaded=True).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
