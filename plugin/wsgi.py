"""What gunicorn serves: ``plugin.wsgi:app``."""

from __future__ import annotations

from config.settings import read_settings
from plugin.app import create_app
from plugin.core.logs import configure_logs
from plugin.core.runtime import build_runtime

_settings = read_settings()
configure_logs(as_json=_settings.log_json)
app = create_app(build_runtime(_settings))
