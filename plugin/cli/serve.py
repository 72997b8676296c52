"""``muster run``: the web process for one machine. In production the Procfile's gunicorn serves the same application."""

from __future__ import annotations

from werkzeug.serving import make_server

from plugin.app import create_app
from plugin.core.runtime import Runtime


def serve(runtime: Runtime) -> None:
    """Serve on 127.0.0.1:PORT until stopped."""
    server = make_server("127.0.0.1", runtime.settings.port, create_app(runtime), threaded=True)
    print(f"Muster listens on http://127.0.0.1:{runtime.settings.port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
