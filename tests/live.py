"""A sandbox host on a real socket, and Muster connected to it, in one process."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from werkzeug.serving import make_server

from plugin.core.runtime import Runtime
from plugin.jobs.work import work_host
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.pulling.pull import pull
from plugin.sandbox.__main__ import main as sandbox_main
from plugin.sandbox.app import create_app

logging.getLogger("werkzeug").setLevel(logging.ERROR)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Sandbox:
    """A served sandbox."""

    base: str
    connection: dict[str, Any]
    app: Any

    def act(self, name: str, /, **fields: Any) -> Any:
        """Change the world; no hints unless asked for."""
        answer = requests.post(f"{self.base}/world/{name}", json={"hint": False, **fields}, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        """Look at the world."""
        return requests.get(f"{self.base}/world/{path}", timeout=20).json()

    def roster(self, course: str, state: str = "active") -> set[str]:
        """Who is in a course."""
        return {row["person"] for row in self.get(f"roster/{course}") if row["state"] == state}

    def api(self, path: str, **parameters: Any) -> requests.Response:
        """Ask the host API as Muster would."""
        headers = {"Authorization": f"Bearer {self.connection['api_token']}"}
        return requests.get(f"{self.connection['api_url']}/{path}", params=parameters, headers=headers, timeout=20)


@contextmanager
def serve_sandbox(
    folder: Path, *, people: int = 120, units: int = 20, muster: str = "http://localhost:9", **options: Any
) -> Iterator[Sandbox]:
    """Make and serve a small sandbox."""
    port = free_port()
    arguments = ["init", "--data", str(folder), "--port", str(port), "--muster", muster]
    sandbox_main([*arguments, "--people", str(people), "--units", str(units)])
    app = create_app(folder, **options)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        connection = json.loads((folder / "connection.json").read_text())
        yield Sandbox(f"http://localhost:{port}", connection, app)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def connect(runtime: Runtime, sandbox: Sandbox) -> int:
    """Register the sandbox and pull it; returns the host's id."""
    fields = {name: value for name, value in sandbox.connection.items() if name != "muster"}
    host_id = runtime.db.transact(lambda session: add_host(session, NewHost(**fields), runtime.clock.now()).id)
    pull(runtime, host_id)
    return int(host_id)


def settle_and_deliver(runtime: Runtime, host_id: int) -> None:
    """Everything owed now."""
    work_host(runtime, host_id)
