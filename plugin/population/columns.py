"""Sets of ids and arrays of ids, one as the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from plugin.core.database.columns import Ints

Mask = npt.NDArray[np.bool_]
_FEW = 16


def bitmap(people: Ints) -> BitMap:
    """A set of ids."""
    return BitMap(people.astype(np.uint32))


def ids_of(people: BitMap) -> Ints:
    """The ids of a set, in order."""
    return np.array(people.to_array(), np.int64)


def one_of(values: np.ndarray, codes: Sequence[int | str]) -> Mask:
    """Where a value is one of a few codes; several times as quick as a general search in short arrays."""
    found = values == codes[0]
    for code in codes[1:]:
        found |= values == code
    return found


def are_in(people: Ints, members: BitMap) -> Mask:
    """Which of these people, distinct ids, are among the members."""
    if len(people) <= _FEW:
        return np.array([person in members for person in people.tolist()], bool)
    inside = ids_of(BitMap(people.astype(np.uint32)) & members)
    return np.isin(people, inside, assume_unique=True)
