"""What every command shares: the runtime and printing. Imports only what no command can do without."""

from __future__ import annotations

import json
from typing import Any

import click

from config.settings import read_settings
from plugin.core.logs import configure_logs, new_correlation
from plugin.core.runtime import Runtime, build_runtime


def runtime() -> Runtime:
    """A runtime from the environment; its database connections are given back when the command ends."""
    settings = read_settings()
    configure_logs(as_json=settings.log_json)
    new_correlation()
    made = build_runtime(settings)
    command = click.get_current_context(silent=True)
    if command is not None:
        command.call_on_close(made.db.close)
    return made


def print_json(document: Any) -> None:
    """One document on standard output and nothing else."""
    print(json.dumps(document, ensure_ascii=False, indent=1))
