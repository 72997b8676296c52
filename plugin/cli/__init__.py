"""The ``muster`` command: every rule of the pages, for terminals, scripts and other programs (AS-CODE)."""

from __future__ import annotations

import sys

import click

from plugin.cli.commands import MUSTER
from plugin.core.errors import MusterError


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 refused by a rule, 2 wrong use, 3 not reachable."""
    try:
        with MUSTER.make_context("muster", list(sys.argv[1:] if argv is None else argv)) as context:
            return int(MUSTER.invoke(context) or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        return _wrong_use(error)
    except MusterError as error:
        print(error.sentence, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from plugin.cli.failures import explained  # names errors of libraries that a quick command does not import

        found = explained(error)
        if found is None:
            raise
        print(found[0], file=sys.stderr)
        return found[1]


def _wrong_use(error: click.UsageError) -> int:
    """How the command is used, and what was wrong with this use of it."""
    name = "muster"
    if error.ctx is not None:
        name = error.ctx.command_path
        print(error.ctx.get_usage(), file=sys.stderr)
    print(f"{name}: error: {error.format_message()}", file=sys.stderr)
    return 2


def console() -> None:
    """Entry point of the console script."""
    sys.exit(main())
