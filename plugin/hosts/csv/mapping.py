"""The mapping of a source of files: what it may say, checked to the letter (SOURCES 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plugin.core.errors import Invalid
from plugin.hosts.csv.dates import format_named
from plugin.hosts.csv.decoding import codec_named
from plugin.hosts.csv.headings import OF_KIND, folded

KEYS = ("columns", "keep", "dates", "encoding", "separator", "mode", "leavers", "words")
MODES = ("whole", "changes")
COLUMNS = tuple(dict.fromkeys(name for names in OF_KIND.values() for name in names))
"""Our names of the columns of all kinds of files."""
_DAYS = re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True)
class FileMapping:
    """A mapping as it was checked.

    :ivar dates: by column the declared format; ``""`` for all. :ivar words: by column what words mean, folded.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    separator: str = ""
    mode: str = "whole"
    words: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)

    @property
    def needed_fields(self) -> tuple[str, ...]:
        """Headings that a whole file of people has to have; what a file of changes does not name, it leaves alone."""
        return self.keep if self.mode == "whole" else ()


def check(document: object, key_field: str = "") -> dict[str, Any]:
    """The document of a mapping as it is stored.

    :param key_field: the field that joins, which may be a column of its own.
    :raises Invalid: naming the key and what it may be.
    """
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise Invalid(f"A mapping is a list of settings such as {KEYS[0]} and {KEYS[1]}.")
    for key in document:
        if key not in KEYS:
            raise Invalid(f"'{key}' is no setting of a mapping; use {', '.join(KEYS)}.")
    read(document)
    _check_names(document, key_field)
    leavers = document.get("leavers")
    if leavers is not None:
        freeze = leavers.get("freeze") if isinstance(leavers, dict) else None
        days = str(freeze).removesuffix("days").removesuffix("day").strip()
        if not isinstance(leavers, dict) or set(leavers) != {"freeze"} or not _DAYS.fullmatch(days) or int(days) > 3650:
            raise Invalid("leavers: write {freeze: N}, a number of days.")
        document = {**document, "leavers": {"freeze": int(days)}}
    return dict(document)


def read(document: Mapping[str, Any]) -> FileMapping:
    """A mapping from its document.

    :raises Invalid: as :func:`check`.
    """
    columns = document.get("columns") or {}
    if not isinstance(columns, dict) or not all(isinstance(one, str) and one for one in columns.values()):
        raise Invalid("columns: write our name of each column and its heading, {ours: theirs}.")
    keep = document.get("keep") or []
    if not isinstance(keep, list) or not all(isinstance(one, str) and one for one in keep):
        raise Invalid("keep: write a list of headings.")
    for name in ("encoding", "separator"):
        if not isinstance(document.get(name) or "", str):
            raise Invalid(f"{name}: write a text.")
    mode = document.get("mode") or "whole"
    if mode not in MODES:
        raise Invalid(f"mode: '{mode}' is neither whole nor changes.")
    return FileMapping(
        {str(ours): theirs.strip() for ours, theirs in columns.items()}, tuple(keep), _dates(document.get("dates")),
        document.get("encoding") or "", document.get("separator") or "", mode, _words(document.get("words")),
    )  # fmt: skip


def _check_names(document: Mapping[str, Any], key_field: str) -> None:
    """Refuse what would be read and never used: a column, a word or an encoding that nobody knows."""
    columns = {str(ours): theirs for ours, theirs in (document.get("columns") or {}).items()}
    for name in columns:
        if name not in COLUMNS and name != key_field:
            raise Invalid(f"columns: '{name}' is no column of ours; use {', '.join(COLUMNS)}, or the field that joins.")
    for known in OF_KIND.values():
        seen: dict[str, str] = {}
        for ours, theirs in columns.items():
            if ours in known and seen.setdefault(folded(theirs), ours) != ours:
                raise Invalid(f"columns: '{theirs}' cannot be both {seen[folded(theirs)]} and {ours}.")
    for name in document.get("words") or {}:
        if name != "active":
            raise Invalid(f"words: '{name}' is no column of words; only active is.")
    encoding = document.get("encoding")
    if encoding and codec_named(encoding) is None:
        raise Invalid(f"encoding: '{encoding}' is no encoding; write one like utf-8 or windows-1252.")


def _dates(given: object) -> dict[str, str]:
    if given is None or given == "":
        return {}
    by_column = given if isinstance(given, dict) else {"": given}
    found: dict[str, str] = {}
    for column, text in by_column.items():
        form = format_named(text) if isinstance(text, str) else None
        if form is None:
            raise Invalid(
                f"dates: '{text}' is no format; write dd.mm.yyyy, mm/dd/yyyy, yyyy-mm-dd, d-MMM-yy or serial."
            )
        found[str(column)] = form
    return found


def _words(given: object) -> dict[str, dict[str, bool]]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(
        isinstance(one, dict) and all(isinstance(value, bool) for value in one.values()) for one in given.values()
    ):
        raise Invalid("words: write {active: {WORD: true}}, with true or false for each word.")
    return {str(column): {folded(str(word)): value for word, value in words.items()} for column, words in given.items()}
