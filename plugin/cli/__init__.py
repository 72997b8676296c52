"""The ``muster`` command: every rule of the pages, for terminals, scripts and other programs (AS-CODE)."""

from __future__ import annotations

import argparse
import sys

from sqlalchemy.exc import DataError, DBAPIError, OperationalError, ProgrammingError

from config.settings import SettingsError
from plugin import __version__
from plugin.cli import ascode, operate, records, tokens
from plugin.cli.context import close_all
from plugin.core.errors import MusterError


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 refused by a rule, 2 wrong use, 3 not reachable."""
    parser = argparse.ArgumentParser(prog="muster", description="Certification assignments for any LMS.")
    parser.add_argument("--version", action="version", version=f"muster {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    operate.register(commands)
    ascode.register(commands)
    records.register(commands)
    tokens.register(commands)
    try:
        arguments = parser.parse_args(argv)
        return int(arguments.run(arguments) or 0)
    except (MusterError, SettingsError, DBAPIError, UnicodeEncodeError, OverflowError) as error:
        sentence, status = _explained(error)
        print(sentence, file=sys.stderr)
        return status
    except SystemExit as stop:
        return int(stop.code or 0) if isinstance(stop.code, int) or stop.code is None else 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130
    finally:
        close_all()


def _explained(error: Exception) -> tuple[str, int]:
    """What went wrong in a sentence, and the exit status."""
    if isinstance(error, MusterError):
        return error.sentence, error.exit_code
    if isinstance(error, SettingsError):
        return str(error), 2
    if not isinstance(error, DBAPIError) or isinstance(error, DataError):
        return "An argument holds text or a number that cannot be kept.", 2
    if isinstance(error, ProgrammingError):
        return f"The database is not ready: run 'muster db upgrade' first ({type(error.orig).__name__}).", 3
    if "no such table" in str(error.orig):
        return "The database is empty: run 'muster db upgrade' first.", 3
    if isinstance(error, OperationalError):
        return "The database cannot be reached.", 3
    return f"The database cannot be used ({type(error.orig).__name__}: {error.orig}).", 3


def console() -> None:
    """Entry point of the console script."""
    sys.exit(main())
