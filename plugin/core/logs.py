"""Structured logs with a correlation id that travels from a click or a hook to the host's answer."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import traceback
from collections.abc import Iterator
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
            *([_traced] if as_json else []),
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


MOST_FRAMES = 40
"""Frames of a traceback that are logged, the innermost ones."""


def _traced(_logger: Any, _method: str, entry: Any) -> Any:
    """A traceback as fields: types and places of the whole chain. Messages are left out: they quote people's data."""
    raised = entry.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        entry["exception"] = list(_chain(error))
    return entry


def _chain(error: BaseException | None) -> Iterator[dict[str, Any]]:
    """What was raised, then what it came from, each with where."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < 10:
        seen.add(id(error))
        frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
        told: dict[str, Any] = {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "frames": [f"{_place(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
        }
        for name in ("sqlstate", "statement", "errno"):  # of a database: our own text, never its values
            if isinstance(value := getattr(error, name, None), str | int):
                told[name] = value
        yield told
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place(filename: str) -> str:
    """A file by the part of its path that says something."""
    parts = filename.replace("\\", "/").split("/")
    for root in ("site-packages", "plugin", "config"):
        if root in parts:
            at = parts.index(root)
            return "/".join(parts[at + 1 :] if root == "site-packages" else parts[at:])
    return parts[-1]


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
