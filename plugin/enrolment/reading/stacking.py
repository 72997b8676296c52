"""Arrays of several certifications put side by side, so that one pass decides them all, and cut apart again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def joined(parts: Sequence[T]) -> T:
    """One value of several of a dataclass: its arrays end to end, what is no array as in the first."""
    return parts[0] if len(parts) == 1 else _whole(parts)


def _whole(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    if not is_dataclass(parts[0]):
        return parts[0]
    made: Any = type(parts[0])
    return made(**{name: _whole([getattr(one, name) for one in parts]) for name in _names(made)})


def cut(whole: T, lengths: Sequence[int]) -> list[T]:
    """The parts of a joined value, as views of its arrays: what is written into one is written into the whole."""
    if len(lengths) == 1:
        return [whole]
    stops = np.cumsum(lengths).tolist()
    return [_part(whole, stop - length, stop) for length, stop in zip(lengths, stops, strict=True)]


def _part(whole: Any, start: int, stop: int) -> Any:
    if type(whole) is np.ndarray:
        return whole[start:stop]
    if not is_dataclass(whole):
        return whole
    made: Any = type(whole)
    values = [getattr(whole, name) for name in _names(made)]
    return made(*[one[start:stop] if type(one) is np.ndarray else _part(one, start, stop) for one in values])


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
