"""Records brought along from a CSV file: what each line would do, then all of them in one piece (DOMAIN 7.6)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from plugin.certifications.record_file import MOST_BYTES
from plugin.certifications.records import TAKEN, Judged
from plugin.certifications.store import get
from plugin.cli.context import add_host, open_host, print_json, who
from plugin.core.clock import format_instant
from plugin.core.csvfile import decode
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.enrolment import records
from plugin.enrolment.records import Choice, Looked

_ORDERS = {"day-first": "dmy", "month-first": "mdy"}


def register(commands: Any) -> None:
    """Add the command."""
    words = "bring along who is certified already, from a CSV file; without --yes it only says what each line would do"
    parser: argparse.ArgumentParser = commands.add_parser("import-records", help=words, description=(
        "Columns: person (the host's id, a user name, an e-mail address or an ID number), since and, where it is known,"
        " until. Without --yes nothing is written. No messages are sent; 'muster undo N' takes a file back."
    ))  # fmt: skip
    parser.set_defaults(run=_import)
    add_host(parser)
    parser.add_argument("code", metavar="CODE")
    parser.add_argument("file", metavar="FILE", help="'-' reads standard input")
    parser.add_argument("--yes", action="store_true", help="bring them along")
    parser.add_argument("--dates", choices=tuple(_ORDERS), help="how dates such as 03/04/2026 are written")
    parser.add_argument("--skip-wrong", action="store_true", help="leave out lines that cannot be brought along")
    parser.add_argument("--skip-expired", action="store_true", help="leave out records that would expire at once")
    parser.add_argument("--json", action="store_true")


def _import(arguments: argparse.Namespace) -> int:
    words, order = _read(arguments.file), _ORDERS.get(arguments.dates or "", "")
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        try:
            number = get(session, host_id, arguments.code).id
        except NotFound as error:
            raise RefusedByRule(error.sentence) from None
        found = records.look(session, host_id, number, words, now=runtime.clock.now(), order=order)
    brought = None
    choice = Choice(order, expired=not arguments.skip_expired, leave_out=arguments.skip_wrong)
    if arguments.yes:
        if not arguments.json:
            _print_wrong(found)
        brought = records.bring(runtime, host_id, number, words, who=who(), choice=choice)
    if arguments.json:
        print_json(document(arguments.code, found, brought))
    elif brought is not None:
        print(f"{brought} records brought along.")
    else:
        for one in found.lines:
            print(_line(one))
        print(", ".join(f"{count} {verdict}" for verdict, count in found.counts.items()) + ".")
        if found.unused:
            print(f"Nothing is taken from: {', '.join(found.unused)}.")
    return 0


def _read(name: str) -> str:
    """The text of a file, or of standard input.

    :raises Invalid: when it cannot be read, or is too large.
    """
    try:
        content = sys.stdin.buffer.read(MOST_BYTES + 1) if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        raise Invalid(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(content) > MOST_BYTES:
        raise Invalid(f"{name} is larger than {MOST_BYTES // 1024 // 1024} megabytes. Split it.")
    return decode(content)


def document(code: str, found: Looked, brought: int | None) -> dict[str, Any]:
    """``import-records --json``: a line for a line; ``brought`` is null where nothing was written."""
    return {
        "certification": code,
        "counts": found.counts,
        "brought": brought,
        "unused": list(found.unused),
        "lines": [
            {
                "line": one.line.number,
                "text": one.line.person,
                "verdict": one.verdict,
                "person": one.who.ext if one.who else None,
                "since": format_instant(one.record.since if one.record else None),
                "state": one.state.state if one.state else None,
                "expires": format_instant(one.state.expires if one.state else None),
                "why": one.why,
            }
            for one in found.lines
        ],
    }


def _print_wrong(found: Looked) -> None:
    for one in found.lines:
        if one.verdict not in TAKEN:
            print(_line(one), file=sys.stderr)


def _line(one: Judged) -> str:
    words = [f"line {one.line.number}", one.line.person or "-", one.verdict]
    if one.state is not None and one.verdict in TAKEN:
        words.append(f"{one.state.state} until {format_instant(one.state.expires) or 'ever'}")
    if one.why:
        words.append(one.why)
    return "\t".join(words)
