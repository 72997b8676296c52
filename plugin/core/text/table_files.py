"""Files and pasted lists of whatever a spreadsheet or a system wrote: text of any usual encoding, cells of any usual dialect.

Cells are text, whatever they look like: nothing in them is ever reckoned.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from typing import Any

from plugin.core.errors import Invalid
from plugin.core.text.translate import gettext as _

_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\x00"))
_LOOKED_AT = 20
_UNSEEN = "\ufeff" + "".join(
    chr(one) for one in range(0x3100) if chr(one).isspace() or unicodedata.category(chr(one)) in ("Cc", "Cf")
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def decode(content: bytes) -> str:
    """The text of a file: UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252.

    :raises Invalid: for what is no text at all.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0") or b"\x00" in content:
        raise Invalid(_("This is not a CSV file. In a spreadsheet, choose Save as… and then CSV."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def read_rows(text: str, most: int) -> list[tuple[int, list[str]]]:
    """Rows that hold anything, each with the number of the line it ends in; at most ``most`` + 1 of them.

    Separators may be commas, semicolons or tabs. A quotation mark that is never closed stays a part of its own line,
    and swallows no other.
    """
    # Line ends of every kind count, a lone carriage return too.
    plain = text.translate(_INVISIBLE).replace("\r\n", "\n").replace("\r", "\n")
    lines, mark = _without_declaration(plain.split("\n"))
    try:
        return _kept(csv.reader(io.StringIO("\n".join(lines)), delimiter=mark, strict=True), most)
    except csv.Error:
        return _each(lines, mark, most)


def written(cells: Sequence[str]) -> str:
    """A row for a file, with its line end; cells that a spreadsheet would take for formulas are quoted."""
    out = io.StringIO()
    csv.writer(out).writerow([harmless(cell) for cell in cells])
    return out.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    """Whether a spreadsheet might reckon a cell: signs count after blanks of any kind, and in their wide forms too."""
    return cell[:1] in _FORMULA or unicodedata.normalize("NFKC", cell.lstrip(_UNSEEN)[:1]) in _FORMULA


def _without_declaration(lines: list[str]) -> tuple[list[str], str]:
    """The lines, and what separates their cells: what the file declares (``sep=;``), else what its first lines hold most."""
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    declared = lines[first].strip()
    if declared.casefold().startswith("sep=") and len(declared) == 5:  # what a spreadsheet writes for itself
        return [*lines[:first], "", *lines[first + 1 :]], declared[4]
    sample = lines[first : first + _LOOKED_AT]
    head = max(";\t,", key=sample[0].count) if sample else ","
    return lines, head if sample and head in sample[0] else max(";\t,", key="".join(sample).count)


def _kept(reader: Any, most: int) -> list[tuple[int, list[str]]]:
    rows: list[tuple[int, list[str]]] = []
    for row in reader:
        cells = [_plain(cell) for cell in row]
        if any(cells):
            rows.append((reader.line_num, cells))
        if len(rows) > most:
            break
    return rows


def _each(lines: list[str], mark: str, most: int) -> list[tuple[int, list[str]]]:
    """Every line for itself."""
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        try:
            cells = [_plain(cell) for cell in next(csv.reader([line], delimiter=mark), [])]
        except csv.Error:  # longer than any cell may be
            cells = [_plain(line[:1000])]
        if any(cells):
            rows.append((number, cells))
        if len(rows) > most:
            break
    return rows


def _plain(cell: str) -> str:
    """The text of a cell, without what spreadsheets put around text so that it is not reckoned."""
    text = " ".join(cell.split())
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        text = text[2:-1]
    return text.removeprefix("'").strip()
