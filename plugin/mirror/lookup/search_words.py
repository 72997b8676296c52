"""Words that things are found by: accents, signs, and scripts without spaces."""

from __future__ import annotations

import re
import unicodedata

_PLAIN = str.maketrans(
    {"ł": "l", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n"}
)
"""Letters that Unicode does not take apart into a base and an accent."""
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_MARKS = "%_*@"
"""Signs that are looked for as they are: elsewhere they stand for other letters, or begin a part of an address."""
_MARKED = re.compile(r"[\w%*@.'’-]*[%_*@][\w%*@.'’-]*", re.UNICODE)
_TOGETHER = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3131-\u318e\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
"""Letters of scripts that are written without spaces between words: a name is found from any of them on."""
_MOST_PARTS = 80
LONGEST = 40


def fold(text: str) -> str:
    """Lower case without accents: ``Łukasz`` and ``Müller`` become ``lukasz`` and ``muller``."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).translate(_PLAIN)


def marked(text: str, wanted: str) -> list[tuple[str, bool]]:
    """The text in pieces, with those that the search found set apart; folded as the search folds."""
    words = [word for word in fold(wanted).split() if word]
    pieces: list[tuple[str, bool]] = []
    for word in text.split(" "):
        folded = fold(word)
        hit = next((one for one in words if folded.startswith(one)), "")
        if pieces:
            pieces.append((" ", False))
        if hit and len(folded) == len(word):
            pieces += [(word[: len(hit)], True), (word[len(hit) :], False)]
        else:
            pieces.append((word, bool(hit)))
    return [piece for piece in pieces if piece[0]]


def words_of(text: str) -> set[str]:
    """The words a text is found by: its words, for addresses and codes also the whole, and of scripts without spaces
    everything from each letter on."""
    folded = fold(text).replace("’", "'")
    found = {word[:LONGEST] for word in _WORDS.findall(folded)}
    found |= {word.replace("'", "")[:LONGEST] for word in found if "'" in word}
    if any(mark in folded for mark in "@._-") and " " not in folded.strip():
        found.add(folded.strip()[:LONGEST])
    parts: list[str] = []
    for word in _MARKED.findall(folded):
        parts += [word, *(word[at:] for at, letter in enumerate(word) if letter in _MARKS)]
    for run in _TOGETHER.findall(folded):
        parts += [run[at:] for at in range(len(run))]
    found |= {part[:LONGEST] for part in parts[:_MOST_PARTS]}
    return found - {""}


def query_words(query: str) -> list[str]:
    """What every result must have a word beginning with; signs that mean something elsewhere are letters here."""
    folded = fold(query).replace("’", "'").strip()
    marked = [word for word in folded.split() if any(mark in word for mark in _MARKS)]
    plain = _WORDS.findall(" ".join(word for word in folded.split() if word not in marked))
    return sorted({word[:LONGEST] for word in [*marked, *plain]})
