"""``muster run``: the web process for one machine. In production the Procfile's gunicorn serves the same application."""

from __future__ import annotations

import socket

from werkzeug.serving import WSGIRequestHandler, make_server

from plugin.app import create_app
from plugin.core.errors import Unavailable
from plugin.core.runtime import Runtime


class _Quiet(WSGIRequestHandler):
    """Addresses carry the handle of a session, which does not belong into a log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def serve(runtime: Runtime) -> None:
    """Serve on 127.0.0.1:PORT until stopped."""
    port = runtime.settings.port
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Unavailable(f"Port {port} is in use by another program. Set PORT to a free one.")
    server = make_server("127.0.0.1", port, create_app(runtime), threaded=True, request_handler=_Quiet)
    print(f"Muster listens on http://127.0.0.1:{port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
