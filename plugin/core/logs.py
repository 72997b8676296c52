"""Structured logs with a correlation id that travels from a click or a hook to the host's answer."""

from __future__ import annotations

import logging
import re
import secrets
import sys
from typing import Any

import structlog

_HANDLE = re.compile(r"(/t/)[A-Za-z0-9_-]{16,}")


def configure_logs(*, as_json: bool, least: str = "info") -> None:
    """Log to standard error: JSON lines in production, readable lines in development.

    :param least: the level from which on lines are written.
    """
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[least.upper()]),
        logger_factory=_standard_error,
        cache_logger_on_first_use=False,
    )


def _standard_error(*_arguments: Any) -> Any:
    """Asked for at each line: whoever replaced the stream meanwhile gets what is written from now on."""
    return structlog.PrintLogger(file=sys.stderr)


def _redact(_logger: Any, _method: str, entry: Any) -> Any:
    """A launch handle in a path opens a session: it never reaches a log."""
    for key, value in entry.items():
        if isinstance(value, str) and "/t/" in value:
            entry[key] = _HANDLE.sub(r"\1…", value)
    return entry


def log(name: str) -> Any:
    """A logger bound to a room's name."""
    return structlog.get_logger(room=name)


def new_correlation() -> str:
    """Begin a correlation id for this context and return it."""
    value = secrets.token_hex(8)
    structlog.contextvars.bind_contextvars(correlation=value)
    return value


def use_correlation(value: str | None) -> str:
    """Carry on with a given id (from a job, a hint, a settling row), or begin one."""
    if not value:
        return new_correlation()
    structlog.contextvars.bind_contextvars(correlation=value)
    return value


def correlation() -> str:
    """The id of this context; begins one where there is none."""
    found = structlog.contextvars.get_contextvars().get("correlation")
    return str(found) if found else new_correlation()
