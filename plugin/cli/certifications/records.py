"""Imported records from a CSV file: what each line would do, then all of them in one piece (rules 7.6)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from plugin.certifications.file.record_file import MOST_BYTES
from plugin.certifications.rules.record_states import TAKEN, JudgedLine
from plugin.cli.context import certification, open_host, who
from plugin.cli.opening import print_json
from plugin.core.clock import format_instant
from plugin.core.errors import Invalid
from plugin.core.text.table_files import decode
from plugin.enrolment.imported import records
from plugin.enrolment.imported.records import CheckedFile, Choice

_ORDERS = {"day-first": "dmy", "month-first": "mdy"}


def import_records(
    host: str | None, code: str, file: str, *, yes: bool, dates: str | None, skip_wrong: bool, skip_expired: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Say what each line would do; with ``yes`` also do it."""
    words, order = _read(file), _ORDERS.get(dates or "", "")
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        number = certification(session, host_id, code)
        found = records.look(session, host_id, number, words, now=runtime.clock.now(), order=order)
    brought = None
    choice = Choice(order, expired=not skip_expired, leave_out=skip_wrong)
    if yes:
        if not as_json:
            _print_wrong(found)
        brought = records.bring(runtime, host_id, number, words, who=who(), choice=choice)
    if as_json:
        print_json(document(code, found, brought))
    elif brought is not None:
        print(f"{brought} records imported.")
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


def document(code: str, found: CheckedFile, brought: int | None) -> dict[str, Any]:
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


def _print_wrong(found: CheckedFile) -> None:
    for one in found.lines:
        if one.verdict not in TAKEN:
            print(_line(one), file=sys.stderr)


def _line(one: JudgedLine) -> str:
    words = [f"line {one.line.number}", one.line.person or "-", one.verdict]
    if one.state is not None and one.verdict in TAKEN:
        words.append(f"{one.state.state} until {format_instant(one.state.expires) or 'ever'}")
    if one.why:
        words.append(one.why)
    return "\t".join(words)
