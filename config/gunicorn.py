"""gunicorn's settings: threads, since requests mostly wait for the database, and none of them waits for a browser."""

import os
import sys
from typing import Any

from config.settings import SettingsError, read_settings

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "config.serving.BufferingWorker"
threads = 8
keepalive = 5
timeout = 60
graceful_timeout = 30
control_socket_disable = True
"""Nothing is written beside the data: the root file system may be read-only."""
access_log_format = '%(h)s "%(m)s" %(s)s %(b)s %(M)sms'


def on_starting(_server: Any) -> None:
    """Say once, in a sentence, which setting is wrong, before any worker is started to say it in its own way."""
    try:
        read_settings()
    except SettingsError as error:
        sys.exit(str(error))
