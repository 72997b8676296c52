"""Text from elsewhere as a database, a page and a log line can hold it: cleaned where it is text, refused where it is an id.

Every field of every record, launch, file, form and API body goes through here, so that both databases answer alike.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

MOST = 255
"""Characters of a usual column."""
DEEPEST = 20
"""Levels of a document that are kept; :func:`read_json` refuses one nested more than ``NESTED`` deep."""
NESTED = 100
_REPLACED = "\ufffd"
_BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_LINES = "\t\n"
_DIRECTIONS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
"""Embeddings, overrides and isolates: unclosed ones turn round whatever stands after a name. Plain marks stay."""
_DROPPED = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0xFEFF, 0xFFFE, 0xFFFF, *_DIRECTIONS])
_ONE_LINE = {**_DROPPED, **dict.fromkeys(map(ord, _BLANKS), " ")}
_SEVERAL = {**_DROPPED, **dict.fromkeys(map(ord, "\v\f\x85\u2028\u2029"), "\n"), 0x09: "\t", 0x0A: "\n"}
_HALVES = re.compile("[\ud800-\udfff]")
_NO_ID = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: str, most: int | None = MOST) -> str:
    """A line of text: halves of letters replaced, line ends and tabs blanks, other controls dropped, cut at ``most``."""
    if text.isascii() and text.isprintable():  # nearly everything
        return text[:most]
    return _HALVES.sub(_REPLACED, (text if most is None else text[: 4 * most]).translate(_ONE_LINE))[:most]


def clean_lines(text: str, most: int | None = None) -> str:
    """The same for text of several lines, which keeps its line ends (as ``\\n``) and tabs."""
    return _HALVES.sub(_REPLACED, text.replace("\r\n", "\n").replace("\r", "\n").translate(_SEVERAL))[:most]


def usable(ident: object, most: int = MOST) -> bool:
    """Whether something can be an id of a host: text of 1 to ``most`` characters, none a control or half of a letter.

    Ids are never cleaned: a cleaned one may be somebody else's.
    """
    return isinstance(ident, str) and 0 < len(ident) <= most and not _NO_ID.search(ident)


def storable(text: str) -> bool:
    """Whether both databases can hold a text as it is."""
    return "\x00" not in text and not _HALVES.search(text)


def shown(value: object, most: int = 100) -> str:
    """Any value for people to see, in plain letters: what cannot be shown is written as its code."""
    text = value[:most] if isinstance(value, str) else repr(value)[:most]
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)[:most]


def clean_tree(value: Any, most: int | None = 1000, deepest: int = DEEPEST) -> Any:
    """A JSON document with its texts and names cleaned; what no database keeps (``NaN``, endless numbers) becomes null."""
    if isinstance(value, str):
        return clean_lines(value, most)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if deepest <= 0:
        return None
    if isinstance(value, Mapping):
        return {clean(str(name)): clean_tree(one, most, deepest - 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean_tree(one, most, deepest - 1) for one in value]
    return None


def read_json(body: bytes | str) -> Any:
    """JSON from elsewhere: bytes that are no text become halves of letters, a number too long to be one its text.

    So one value that nobody can use costs no other; whoever keeps it cleans it or leaves it out.

    :raises ValueError: when it is not JSON, or nested more than ``NESTED`` deep.
    """
    text = body if isinstance(body, str) else _decoded(body)
    if nested(text, NESTED) > NESTED:
        raise ValueError("nested too deeply")
    return json.loads(text, strict=False, parse_int=_whole, parse_constant=lambda _word: None)


def _decoded(body: bytes) -> str:
    encoding = json.detect_encoding(body)
    try:
        return body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return body.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace")


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < 20 else digits


_MARKS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""A string, closed or not, or a bracket; it never goes back, so that no text costs more than its length."""


def nested(text: str, most: int) -> int:
    """How deep a JSON text is nested, looked at until it is deeper than ``most``; brackets inside strings do not count."""
    if text.count("[") + text.count("{") <= most:
        return 0
    deep = deepest = 0
    for found in _MARKS.finditer(text):
        mark = found[0]
        if mark in "[{":
            deep += 1
            deepest = max(deepest, deep)
            if deepest > most:
                break
        elif mark in "]}":
            deep -= 1
    return deepest


def fold(text: str) -> str:
    """How texts that name something are compared, everywhere and on both databases: NFC, case folded, no outer blanks.

    For e-mail addresses, usernames, numbers and codes. Ids of a host are compared as they are: those that differ by case
    are different people.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).strip()
