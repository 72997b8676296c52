"""What a question names and nobody knows: a sentence with the nearest of what there is."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from plugin.core.errors import Invalid

NEAREST = 20


class RefusedReport(Invalid):
    """A report is asked for in a way that cannot be answered."""

    status = 422


def nearest(word: str, known: Sequence[str]) -> list[str]:
    """The nearest of what there is, at most twenty, the nearest first."""
    close = difflib.get_close_matches(word.casefold(), [one.casefold() for one in known], n=NEAREST, cutoff=0.4)
    by_fold = {one.casefold(): one for one in reversed(known)}
    found = list(dict.fromkeys(by_fold[one] for one in close))
    rest = sorted(known, key=lambda one: (not one.casefold().startswith(word.casefold()[:1]), one))
    return list(dict.fromkeys([*found, *rest]))[:NEAREST]


def unknown(what: str, word: str, known: Sequence[str]) -> RefusedReport:
    """The refusal of a word that is none of those known."""
    shown = word if len(word) <= 100 else f"{word[:100]}…"
    if not known:
        return RefusedReport(f"There is no {what} '{shown}'.")
    return RefusedReport(f"There is no {what} '{shown}'. Nearest: {', '.join(nearest(word, known))}.")
