"""``muster report``: a source as a file, a list or a table (REPORTS 6)."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from plugin.access.readers import reader_of
from plugin.cli.context import open_host, rights, who
from plugin.core.errors import Invalid, Unavailable
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.files.export import Export


def report(
    host: str | None, source: str, columns: str, where: tuple[str, ...], sort: str, as_of: str, form: str, out: str | None
) -> int:  # fmt: skip
    """Print a report, or write it to a file that is there only once it is whole."""
    pairs = [_pair(one) for one in where]
    named = (("columns", columns), ("sort", sort), ("as_of", as_of))
    runtime, host_id = open_host(host)
    form = form or (Path(out).suffix.removeprefix(".").lower() if out is not None else "table")
    if out is not None and (Path(out).is_dir() or not Path(out).parent.is_dir()):
        raise Invalid(f"'{out}' is no file that could be written: there is no such folder, or it is one.")
    question = parse_question(source, [*((name, value) for name, value in named if value), *pairs])
    if form == "xlsx" and out is None and sys.stdout.isatty():
        raise Invalid("A spreadsheet is no text for a terminal: name a file with --out.")
    export = Export(runtime, host_id, reader_of(runtime, host_id, rights(), who()), question, form)
    try:
        if out is None:
            for block in export:
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
        else:
            _write(export, Path(out))
    finally:
        export.close()
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or name in ("columns", "sort", "as_of", "cursor", "limit"):
        raise RefusedReport(f"'{text}' is no filter such as state=assigned.")
    return name, value


def _write(export: Export, path: Path) -> None:
    """Write beside the file and move it there, so that half of one is never taken for it."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                for block in export:
                    file.write(block)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror or error}.") from None
