"""Serves directories in processes that are killed: run as ``python -m tests.scim.killed URL``.

Each line of input ends the process that serves, at once; a new one serves at the same port. Answers ``PORT PROCESS``. Everything is
imported before, so that a kill falls into a request.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from werkzeug.serving import make_server

from config.settings import read_settings
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from tests.conftest import KEYS, NOW


def _serve(url: str, listening: socket.socket) -> None:
    settings = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS})
    app = create_app(Runtime(settings, Database(url), Clock(NOW)))
    make_server("127.0.0.1", 0, app, threaded=True, fd=listening.fileno()).serve_forever()


def main(url: str) -> None:
    """Serve, and begin anew at every line of input."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        while True:
            child = os.fork()
            if not child:
                os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is logged is no answer
                try:
                    _serve(url, listening)
                finally:
                    os._exit(1)
            print(listening.getsockname()[1], child, flush=True)
            more = sys.stdin.readline()
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            if not more:
                return


if __name__ == "__main__":
    main(sys.argv[1])
