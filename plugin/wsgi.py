"""What gunicorn serves: ``plugin.wsgi:app``."""

from __future__ import annotations

from config.settings import read_settings
from plugin.app import create_app
from plugin.core.logs import configure_logs
from plugin.core.runtime import build_runtime
from plugin.jobs.single_machine import refuse_two_machines
from plugin.migrations.row_security import refuse_weak_role

_settings = read_settings()
configure_logs(as_json=_settings.log_json)
_runtime = build_runtime(_settings)
refuse_two_machines(_runtime)
refuse_weak_role(_runtime)
app = create_app(_runtime)
