"""From bytes to text: the encoding that was declared, or the one that is recognised (SOURCES 4.2)."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from plugin.hosts.csv.file_faults import Unreadable

_CHUNK = 1 << 20
_UNUSED_1252 = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
"""Bytes that Windows-1252 gives no letter."""
_NAMES = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
          "cp1252": "Windows-1252", "latin-1": "Latin-1"}  # fmt: skip


def encoding_of(data: bytes, declared: str = "") -> tuple[str, str]:
    """The codec to read with, and what people call it.

    :raises Unreadable: for a declared encoding nobody knows.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "UTF-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "UTF-8"
    if declared:
        name = codec_named(declared)
        if name is None:
            raise Unreadable(f"'{declared}' is no encoding; write one like utf-8 or windows-1252.")
        wide = (
            _wide(data[:4096]) if name == "utf-16" else ""
        )  # it has no mark: which byte comes first, its letters tell
        return wide or name, _NAMES.get(name, declared)
    guess = _wide(data[:4096])
    if guess:
        return guess, "UTF-16"
    if _decodes(data, "utf-8"):
        return "utf-8", "UTF-8"
    if any(byte in data for byte in _UNUSED_1252):
        return "latin-1", "Latin-1"
    return "cp1252", "Windows-1252"


def codec_named(declared: str) -> str | None:
    """The codec of text that somebody calls so; ``None`` where there is none."""
    plain = declared.strip().lower()
    try:
        found = codecs.lookup(plain.replace("windows-", "cp") if plain.startswith("windows-") else plain)
        return found.name if isinstance("".encode(found.name), bytes) else None
    except (LookupError, ValueError):
        return None


def _wide(start: bytes) -> str:
    """UTF-16 without a mark: every other byte of plain letters is NUL."""
    pairs = len(start) // 2
    if pairs < 4:
        return ""
    even, odd = start[0 : 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if odd > pairs * 0.7 and even < pairs * 0.1:
        return "utf-16-le"
    if even > pairs * 0.7 and odd < pairs * 0.1:
        return "utf-16-be"
    return ""


def _decodes(data: bytes, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    try:
        for start in range(0, len(data), _CHUNK):
            decoder.decode(data[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def lines_of(name: str, data: bytes, codec: str) -> Iterator[str]:
    """The text's lines with their ends, decoded as they are asked for.

    :raises Unreadable: where the bytes are not in this encoding, naming the line.
    """
    text = io.TextIOWrapper(io.BytesIO(data), encoding=codec, errors="strict", newline="")
    number = 0
    try:
        for line in text:
            number += 1
            yield line
    except UnicodeError:
        called = _NAMES.get(codec, codec)
        raise Unreadable(f"{name}, near line {number + 1}: this is not {called}; declare the encoding.") from None
