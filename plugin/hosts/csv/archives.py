"""Files in files: zip, gzip and spreadsheets, each looked at for its size before anything of it is unpacked."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from plugin.hosts.csv.file_faults import Unreadable

MOST = 1 << 30
"""Bytes that one file may have when unpacked."""
MOST_FILES = 50
MOST_SHEET = 300 << 20
"""Bytes that the parts of a spreadsheet may have when unpacked: it is XML, several times the size of what it says."""
MOST_ROWS, MOST_CELLS = 1_048_576, 15_000_000
"""What a sheet may hold: the rows that a spreadsheet has, and cells, counted with the empty ones before the last of a row."""
KINDS = ("people", "organisations", "positions", "audiences")
_ZEROS = re.compile(r"0{2,}")
"""The format of a number that is shown with zeros at its head."""
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")


@dataclass(frozen=True)
class File:
    """One file of one kind: its bytes, or the rows of a sheet.

    :ivar day: the date in its name, ``""`` where there is none.
    """

    kind: str
    name: str
    data: bytes = b""
    rows: Sequence[Sequence[str]] | None = None
    day: str = ""


def kind_named(name: str) -> str:
    """The kind a file's name says: ``People_2026-11-30.CSV`` is ``people``; ``""`` where it says none."""
    stem = name.replace("\\", "/").rsplit("/", 1)[-1].casefold()
    for kind in KINDS:
        for word in (kind, kind.replace("organisation", "organization")):
            if re.match(rf"{word}(?![a-z])", stem):
                return kind
    return ""


def day_in(name: str) -> str:
    """The date in a file's name as ``YYYY-MM-DD``."""
    found = _DAY.search(name.replace("\\", "/").rsplit("/", 1)[-1])
    if found is None:
        return ""
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        return ""


def newest(files: Iterable[File]) -> list[File]:
    """Of several files of a kind the newest by the date in its name; the last one named where that does not tell."""
    found: dict[str, File] = {}
    for one in files:
        present = found.get(one.kind)
        if present is None or one.day >= present.day:
            found[one.kind] = one
    return [found[kind] for kind in KINDS if kind in found]


@dataclass
class _Unpacking:
    """One file being unpacked.

    :ivar left: bytes that may still come out of it. :ivar within: what was opened on the way to where it is read now.
    """

    left: int
    within: list[str] = field(default_factory=list)

    def grow(self, name: str, size: int) -> None:
        """Note that so many bytes come out of it.

        :raises Unreadable: where that is too much.
        """
        self.left -= size
        if self.left < 0:
            raise Unreadable(f"{name} is too large when unpacked.")

    @contextmanager
    def inside(self, name: str, form: str) -> Iterator[None]:
        """Read what an archive holds: of each form one, so that none leads on without end.

        :raises Unreadable: for an archive in one of its form.
        """
        if form in self.within:
            raise Unreadable(f"{name} is an archive in an archive.")
        self.within.append(form)
        yield
        self.within.pop()


def unpack(name: str, data: bytes, kind: str = "") -> list[File]:
    """The files in a file, by kind.

    :param kind: what it is, where its name need not say.
    :raises Unreadable: for what is no such file, is too large when unpacked, or says no kind.
    """
    return _unpack(name, data, kind, _Unpacking(MOST))


def _unpack(name: str, data: bytes, kind: str, work: _Unpacking) -> list[File]:
    if not data:
        raise Unreadable(f"{name} is empty.")
    if data[:2] == b"\x1f\x8b":
        with work.inside(name, "gzip"):
            inner = re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)
            return _unpack(inner, _gunzip(name, data, work), kind, work)
    if data[:4] == b"PK\x03\x04":
        return _unzip(name, data, kind, work)
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Unreadable(f"{name} is an old spreadsheet (.xls): save it as .xlsx or CSV.")
    found = kind or kind_named(name)
    if not found:
        raise Unreadable(f"{name}: the name says no kind; call it people, organisations, positions or audiences.")
    return [File(found, name, data, day=day_in(name))]


def _gunzip(name: str, data: bytes, work: _Unpacking) -> bytes:
    """Unpack gzip, and stop where it grows too large."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            unpacked = packed.read(work.left + 1)
    except (OSError, EOFError) as error:
        raise Unreadable(f"{name} cannot be unpacked: {error or 'it ends too early'}.") from None
    work.grow(name, len(unpacked))
    return unpacked


def _unzip(name: str, data: bytes, kind: str, work: _Unpacking) -> list[File]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = [one for one in packed.infolist() if not one.is_dir()]
            if any(one.filename == "[Content_Types].xml" for one in members):
                return _sheets(name, data, members, kind, work)
            members = [one for one in members if not one.filename.startswith("__MACOSX/")]
            if len(members) > MOST_FILES:
                raise Unreadable(f"{name} is too large when unpacked.")
            files: list[File] = []
            with work.inside(name, "zip"):
                for inner, one in _newest_members(members, kind or kind_named(name)):
                    work.grow(name, one.file_size)
                    files += _unpack(one.filename, _content(packed, one), inner, work)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise Unreadable(f"{name} cannot be unpacked: {str(error) or type(error).__name__}.") from None
    if not files:
        raise Unreadable(f"{name} holds no file named people, organisations, positions or audiences.")
    return files


def _newest_members(members: Sequence[zipfile.ZipInfo], kind: str) -> list[tuple[str, zipfile.ZipInfo]]:
    """What is read of an archive, by kind: no more than one file of each, so that the others need not be unpacked.

    :param kind: of its only member, where that one's name says none.
    """
    by_name = {one.filename: one for one in members}
    named = ((kind_named(one) or (kind if len(members) == 1 else ""), one) for one in by_name)
    chosen = newest(File(inner, one, day=day_in(one)) for inner, one in named if inner)
    return [(one.kind, by_name[one.name]) for one in chosen]


def holds_files(archive: Any) -> bool:
    """Whether an archive, as a file that can be sought in, holds a file whose name says a kind."""
    try:
        with zipfile.ZipFile(archive) as packed:
            return any(kind_named(one) for one in packed.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return False


def _content(packed: zipfile.ZipFile, one: zipfile.ZipInfo) -> bytes:
    """What a member says its size is may be a lie: no more than that is read."""
    with packed.open(one) as stream:
        content = stream.read(one.file_size + 1)
    if len(content) > one.file_size:
        raise zipfile.BadZipFile(f"{one.filename} is larger than it says")
    return content


def _sheets(
    name: str, data: bytes, members: Sequence[zipfile.ZipInfo], kind: str, work: _Unpacking
) -> list[File]:  # fmt: skip
    """A spreadsheet: sheets named like the kinds, or its first sheet."""
    size = sum(one.file_size for one in members)
    if len(members) > 2_000 or size > MOST_SHEET:
        raise Unreadable(f"{name} is too large when unpacked.")
    work.grow(name, size)
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # whatever a broken book makes the reader raise
        raise Unreadable(f"{name} is no spreadsheet that can be read ({type(error).__name__}).") from None
    try:
        named = [(kind_named(sheet.title), sheet) for sheet in book.worksheets]
        chosen = [(found, sheet) for found, sheet in named if found and kind in ("", found)]
        if not chosen and book.worksheets:
            chosen = [(kind or kind_named(name), book.worksheets[0])]
        if not chosen or not chosen[0][0]:
            raise Unreadable(f"{name}: neither its name nor a sheet says a kind, such as people or organisations.")
        return [
            File(
                found,
                name if len(chosen) == 1 else f"{name}: {sheet.title}",
                rows=list(_rows(name, sheet)),
                day=day_in(name),
            )
            for found, sheet in chosen
        ]
    finally:
        book.close()


def _rows(name: str, sheet: Any) -> Iterator[list[str]]:
    """The rows of a sheet. Rows and cells that it leaves out are made by the reader, so that few letters may say many."""
    count = 0
    try:
        sheet.reset_dimensions()  # what a sheet says of its size is often wrong
        for number, row in enumerate(sheet.iter_rows(), 1):
            count += len(row)
            if number > MOST_ROWS or count > MOST_CELLS:
                raise Unreadable(f"{name} is too large when unpacked: the sheet '{sheet.title}' has too many cells.")
            cells = [_cell(one) for one in row]
            while cells and not cells[-1]:
                cells.pop()
            yield cells
    except Unreadable:
        raise
    except Exception as error:  # whatever a broken sheet makes the reader raise
        raise Unreadable(f"{name}: the sheet '{sheet.title}' cannot be read ({type(error).__name__}).") from None


def _cell(cell: Any) -> str:
    """A cell as text, a number with the zeros at its head that the sheet shows."""
    text = _text(cell.value)
    if isinstance(cell.value, int | float) and text.isdigit() and cell.has_style:
        shown = cell.number_format
        return text.zfill(len(shown)) if _ZEROS.fullmatch(shown) else text
    return text


def _text(value: object) -> str:
    """A cell as text, as a person would have typed it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
