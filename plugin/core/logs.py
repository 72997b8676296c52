"""Structured logs with a correlation id that travels from a click or a hook to the host's answer."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import structlog

_HANDLE = re.compile(r"(/t/)[A-Za-z0-9_-]{16,}")
_ADDRESS = re.compile(r"[^\s<>()\"',;:=@]+@[^\s<>()\"',;:]+")
_QUERY = re.compile(r"\?[^\s\"']*=[^\s\"']*")
_QUOTED = re.compile(r"“[^”]*”|„[^“]*“|«[^»]*»|\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|<[^>]*>")
_WORDS = frozenset({"event", "room", "level", "timestamp", "correlation", "error_id", "route", "code", "kind", "call"})
"""Fields of ours: nobody else's words stand in them."""


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
    _take_in(as_json)


def _take_in(as_json: bool) -> None:
    """What libraries log, and what nobody caught in whatever thread, goes the same way: its messages quote values."""
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, OthersLines)]:
        root.removeHandler(handler)
    if as_json:
        root.addHandler(OthersLines(logging.WARNING))
    sys.excepthook = _uncaught if as_json else sys.__excepthook__
    sys.unraisablehook = _unraisable if as_json else sys.__unraisablehook__
    threading.excepthook = _uncaught_in_thread if as_json else threading.__excepthook__


class OthersLines(logging.Handler):
    """Lines of libraries as lines of ours: their words without what they were filled with, a traceback as fields."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one; below a warning as it was said."""
        said = record.getMessage() if record.levelno < logging.WARNING else _without_quotations(str(record.msg))
        structlog.get_logger(room=record.name).log(
            max(record.levelno, logging.INFO), said, exc_info=record.exc_info or None
        )


def _uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log("process").error("uncaught", error=kind.__name__, exc_info=error)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log("process").error("uncaught in a thread", error=args.exc_type.__name__, exc_info=args.exc_value)


def _unraisable(args: Any) -> None:
    log("process").error("ignored", error=args.exc_type.__name__, exc_info=args.exc_value)


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
    """A launch handle in a path opens a session: it never reaches a log; nor do addresses, queries and quotations."""
    for key, value in entry.items():
        if not isinstance(value, str):
            continue
        if "/t/" in value:
            value = entry[key] = _HANDLE.sub(r"\1…", value)
        if key not in _WORDS:
            entry[key] = _without_quotations(value)
    return entry


def _without_quotations(text: str) -> str:
    """A sentence without what it quotes: the other side's words name people."""
    for pattern in (_ADDRESS, _QUERY, _QUOTED):
        text = pattern.sub("…", text)
    return text


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
