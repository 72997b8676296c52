"""Sentences that are stored, such as why a message did not go: written in English, read in the reader's language.

What wrote a sentence need not know who reads it. :func:`later` marks a sentence for translators and leaves it English;
:func:`in_language` finds the message a stored sentence was made from, and says it in another language with the same values.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from plugin.core.text.languages import SOURCE, ReaderLanguage, template

_VALUE = re.compile(r"%\((\w+)\)[sd]")
_SENTENCES = re.compile(r"(?<=[.!?]) (?=[^\W\d_a-z])")
LEAST = 6
"""Letters of its own that a message needs, to be told from what was put into it."""


def later(message: str, /, **values: object) -> str:
    """A sentence for the database: in English, and known to translators."""
    return message % values if values else message


def counted(singular: str, plural: str, /) -> tuple[str, str]:
    """Both forms of a counted message, known to translators, for :meth:`ReaderLanguage.ngettext`."""
    return singular, plural


def in_language(text: str, reader_language: ReaderLanguage) -> str:
    """A stored sentence in a reader's language; as it is where it is none of ours.

    Several sentences one after another are each looked for.
    """
    if not text or reader_language.locale.language == SOURCE:
        return text
    return _retold(text[:4000], reader_language)


@lru_cache(maxsize=2000)
def _retold(text: str, reader_language: ReaderLanguage) -> str:
    found = _one(text, reader_language)
    if found is not None:
        return found
    parts = _SENTENCES.split(text)
    if len(parts) == 1:
        return text
    return " ".join(_one(part, reader_language) or part for part in parts)


def _one(text: str, reader_language: ReaderLanguage) -> str | None:
    """One message with its values, which may be messages themselves."""
    plain, patterns = _messages()
    if text in plain:
        return reader_language.gettext(text)
    for message, pattern in patterns:
        found = pattern.fullmatch(text)
        if found:
            values = {
                name: _retold(value, reader_language) if " " in value else value
                for name, value in found.groupdict().items()
            }
            return reader_language.gettext(message, **values)
    return None


@cache
def _messages() -> tuple[frozenset[str], list[tuple[str, re.Pattern[str]]]]:
    """Messages without values, and patterns of those with values, the wordiest first."""
    plain, worded = set(), []
    for entry in template():
        message = entry.id
        if not isinstance(message, str) or not message:
            continue
        names = _VALUE.findall(message)
        if not names:
            plain.add(message)
            continue
        own = _VALUE.sub("", message)
        if sum(letter.isalpha() for letter in own) >= LEAST and len(set(names)) == len(names):
            worded.append((len(own), message, _pattern(message)))
    worded.sort(reverse=True, key=lambda one: one[:2])
    return frozenset(plain), [(message, pattern) for _length, message, pattern in worded]


def _pattern(message: str) -> re.Pattern[str]:
    parts, at = [], 0
    for found in _VALUE.finditer(message):
        parts.append(re.escape(message[at : found.start()].replace("%%", "%")))
        parts.append(f"(?P<{found[1]}>.+?)" if found[0].endswith("s") else f"(?P<{found[1]}>[0-9]+)")
        at = found.end()
    parts.append(re.escape(message[at:].replace("%%", "%")))
    return re.compile("".join(parts), re.DOTALL)
