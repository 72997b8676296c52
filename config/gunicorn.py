"""gunicorn's settings: threads, since requests mostly wait for the database, and none of them waits for a browser."""

import logging
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


def on_starting(server: Any) -> None:
    """Say once, in a sentence, which setting is wrong, before any worker is started to say it in its own way."""
    from plugin.core.errors import Invalid
    from plugin.core.runtime import build_runtime
    from plugin.migrations.row_security import refuse_weak_role

    try:
        made = build_runtime(read_settings())
        refuse_weak_role(made)
    except (SettingsError, Invalid) as error:
        sys.exit(str(error))
    made.db.close()  # workers open their own
    _log_as_we_do(server)


def post_worker_init(worker: Any) -> None:
    """The same in a worker that a reload has started."""
    _log_as_we_do(worker)


def _log_as_we_do(process: Any) -> None:
    """Have gunicorn's own lines be lines of ours: what failed in the middle of an answer quotes its address and values."""
    if not read_settings().log_json:
        return
    from plugin.core.logs import OthersLines, configure_logs

    configure_logs(as_json=True)
    process.log.error_log.handlers = [OthersLines(logging.INFO)]
