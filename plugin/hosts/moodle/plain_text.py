"""Moodle's texts as plain text: names come escaped as HTML, and with a span for each language where nobody chose one.

Everything is asked for with the site's filters on, which resolve what they are set to. What still arrives with several
languages (names of cohorts in 4.5, filters that are off) is resolved here as Moodle's own filter does.
"""

from __future__ import annotations

import html
import re
from typing import Any

FILTERED = ("moodlewssettingfilter", "1")
"""Sent with every call: names in one language, the account's."""
_SPAN = r"<(?:lang|span)\b[^>]*\blang=\"[\w-]*\"[^>]*>.*?</(?:lang|span)>"
_SPANS = re.compile(rf"{_SPAN}(?:\s*{_SPAN})+", re.IGNORECASE | re.DOTALL)
_SPLIT = re.compile(r"<(?:lang|span)\b[^>]*\blang=\"([\w-]*)\"[^>]*>(.*?)</(?:lang|span)>", re.IGNORECASE | re.DOTALL)
_BRACES = re.compile(r"\{\s*mlang\s+([\w,\s-]+?)\s*\}(.*?)\{\s*mlang\s*\}", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")


def plain(text: str, language: str = "en") -> str:
    """One text as its readers see it: one language, no tags, decoded once.

    :param language: as Moodle writes it (``de``, ``de_kids``); where a text has no such language, its parent or the first.
    """
    if "<" not in text and "&" not in text and "{" not in text:
        return text
    text = _SPANS.sub(lambda found: _chosen(_SPLIT.findall(found[0]), language), text)
    if "mlang" in text:
        text = _without_braces(text, language)
    return html.unescape(_TAG.sub("", text))


def plain_values(value: Any, language: str = "en") -> Any:
    """The same for every text in what a call returned."""
    if isinstance(value, str):
        return plain(value, language)
    if isinstance(value, list):
        return [plain_values(one, language) if isinstance(one, str | list | dict) else one for one in value]
    if isinstance(value, dict):
        return {
            name: plain_values(one, language) if isinstance(one, str | list | dict) else one
            for name, one in value.items()
        }
    return value


def _chosen(pairs: list[tuple[str, str]], language: str) -> str:
    known = {name.lower().replace("-", "_"): text for name, text in reversed(pairs)}
    wanted = language.lower().replace("-", "_")
    for name in (wanted, wanted.partition("_")[0], "en"):
        if name in known:
            return known[name]
    return pairs[0][1]


def _without_braces(text: str, language: str) -> str:
    """The syntax of the plugin that many sites use: ``{mlang en}…{mlang}{mlang other}…{mlang}``."""
    blocks = _BRACES.findall(text)
    if not blocks:
        return text
    pairs = [(name.strip(), said) for names, said in blocks for name in names.split(",")]
    wanted = language.lower().replace("-", "_")
    names = [name.lower().replace("-", "_") for name, _said in pairs]
    chosen = next(
        (one for one in (wanted, wanted.partition("_")[0], "other", "en", names[0]) if one in names), names[0]
    )

    def said(found: re.Match[str]) -> str:
        mine = {name.strip().lower().replace("-", "_") for name in found[1].split(",")}
        return found[2] if chosen in mine else ""

    return _BRACES.sub(said, text)
