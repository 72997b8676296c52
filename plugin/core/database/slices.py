"""Long lists in parts, so that no statement carries more values than a database takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

PART = 500
"""Values that one statement carries at most, unless a caller measured another number."""


class Sliceable(Protocol):
    """A list, an array, a bitmap: what has a length and parts."""

    def __len__(self) -> int:
        """How many values there are."""
        ...

    def __getitem__(self, part: slice, /) -> Any:
        """Some of the values, of the same kind."""
        ...


Values = TypeVar("Values", bound=Sliceable)


def slices(values: Values, size: int = PART) -> Iterator[Values]:
    """The values in order, in parts of at most ``size``; nothing where there are none."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
