"""Rows in the order of a computed value, held as numbers: a million of them take a few megabytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from plugin.reports.columns import ReportSource, Row


class Ranking:
    """Rows that came in their natural order, to be put in the order of a value; equals stay as they came.

    :param identity: the hidden keys that tell two rows apart.
    """

    def __init__(self, identity: Sequence[str], *, descending: bool) -> None:
        self._identity, self._descending = identity, descending
        self._codes: dict[Any, int] = {}
        self._ranks = array("l")
        self._keys: list[array[int] | list[Any]] = [array("q") for _key in identity]

    def add(self, rows: Sequence[Row], values: Iterable[Any]) -> None:
        """More rows, each with its value; ``None`` comes last."""
        codes = self._codes
        self._ranks.extend(codes.setdefault(value, len(codes)) for value in values)
        for place, name in enumerate(self._identity):
            told = [row[name] for row in rows]
            kept = self._keys[place]
            if isinstance(kept, array) and not all(isinstance(one, int) for one in told):
                kept = self._keys[place] = list(kept)  # words, or no number
            kept.extend(told)

    def __len__(self) -> int:
        return len(self._ranks)

    def places(self) -> np.ndarray:
        """The places of the rows, as they came, in order."""
        full = sorted((value for value in self._codes if value is not None), reverse=self._descending)
        rank = np.zeros(len(self._codes), np.int64)
        for at, value in enumerate([*full, None] if None in self._codes else full):
            rank[self._codes[value]] = at
        return rank[np.frombuffer(self._ranks, np.int64)].argsort(kind="stable") if len(self) else np.zeros(0, np.int64)

    def values(self, places: Iterable[int]) -> list[Any]:
        """The values of these places."""
        told = list(self._codes)
        return [told[self._ranks[place]] for place in places]

    def identities(self, places: Iterable[int]) -> list[tuple[Any, ...]]:
        """What tells the rows of these places from all others."""
        return [tuple(key[place] for key in self._keys) for place in places]


def found_by(source: ReportSource, identities: Sequence[tuple[Any, ...]]) -> str:
    """A condition that few rows beside those identified fulfil; numbers of ours stand in it."""
    wanted = [source.identity.index(name) for name in source.found_by]
    expressions = [source.keys[name] for name in source.found_by]
    if len(wanted) == 1:
        return f"{expressions[0]} IN ({_listed(one[wanted[0]] for one in identities)})"
    first, second = wanted
    grouped: dict[int, list[int]] = {}
    for one in identities:
        grouped.setdefault(int(one[first]), []).append(int(one[second]))
    parts = (f"({expressions[0]} = {key} AND {expressions[1]} IN ({_listed(some)}))" for key, some in grouped.items())
    return f"({' OR '.join(parts) or '1 = 0'})"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted({int(one) for one in numbers}))) or "NULL"


def in_order(source: ReportSource, rows: Iterable[Row], identities: Sequence[tuple[Any, ...]]) -> list[Row]:
    """The rows identified, in that order."""
    by: Mapping[tuple[Any, ...], Row] = {tuple(row[name] for name in source.identity): row for row in rows}
    return [by[one] for one in identities if one in by]
