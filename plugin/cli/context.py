"""What commands share: the runtime, the host named, who acts, and printing."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import Any

from config.settings import read_settings
from plugin.core.errors import Invalid
from plugin.core.logs import configure_logs, new_correlation
from plugin.core.runtime import Runtime, build_runtime
from plugin.mirror.connections import host_by_name

_opened: list[Runtime] = []


def close_all() -> None:
    """Give back the database connections of this command."""
    while _opened:
        _opened.pop().db.close()


def runtime() -> Runtime:
    """A runtime from the environment; closed when the command ends."""
    settings = read_settings()
    configure_logs(as_json=settings.log_json)
    new_correlation()
    made = build_runtime(settings)
    _opened.append(made)
    return made


def add_host(parser: argparse.ArgumentParser) -> None:
    """``--host``, which may be left out where exactly one host exists."""
    parser.add_argument("--host", metavar="NAME", help="the host; may be left out where exactly one exists")


def open_host(arguments: argparse.Namespace) -> tuple[Runtime, int]:
    """The runtime and the id of the host named."""
    made = runtime()
    with made.db.read() as session:
        return made, host_by_name(session, arguments.host).id


def who() -> str:
    """Who acts, for the history."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def read_text(name: str) -> str:
    """A file's text, or standard input for ``-``.

    :raises Invalid: when it cannot be read.
    """
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{name} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.") from None


def print_json(document: Any) -> None:
    """One document on standard output and nothing else."""
    print(json.dumps(document, ensure_ascii=False, indent=1))
