"""The ``muster`` command: every rule of the pages, for terminals, scripts and other programs (AS-CODE)."""

from __future__ import annotations

import argparse
import sys

from sqlalchemy.exc import DataError, OperationalError, ProgrammingError

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
    except MusterError as error:
        print(error.sentence, file=sys.stderr)
        return error.exit_code
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except ProgrammingError as error:
        print(
            f"The database is not ready: run 'muster db upgrade' first ({type(error.orig).__name__}).", file=sys.stderr
        )
        return 3
    except OperationalError as error:
        if "no such table" in str(error.orig):
            print("The database is empty: run 'muster db upgrade' first.", file=sys.stderr)
        else:
            print("The database cannot be reached.", file=sys.stderr)
        return 3
    except (UnicodeEncodeError, OverflowError, DataError):
        print("An argument holds text or a number that cannot be kept.", file=sys.stderr)
        return 2
    except SystemExit as stop:
        return int(stop.code or 0) if isinstance(stop.code, int) or stop.code is None else 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130
    finally:
        close_all()


def console() -> None:
    """Entry point of the console script."""
    sys.exit(main())
