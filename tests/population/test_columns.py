"""Columns are sorted and thinned out in the same way whatever their length and range."""

from __future__ import annotations

import numpy as np
import pytest

from plugin.population.base import Grouped, _distinct


@pytest.mark.parametrize("length", [0, 1, 1_000, 60_000])
@pytest.mark.parametrize(("least", "most"), [(-1, 500), (0, 2**16 - 1), (-1, 2**16), (5, 2**31), (-(2**40), 2**40)])
def test_equal_keys_keep_their_order(length: int, least: int, most: int) -> None:
    keys = np.random.default_rng(length).integers(least, most, length, endpoint=True)
    keys[: length // 2] = keys[length // 2 : 2 * (length // 2)]
    sorted_ones = Grouped.of(keys, np.arange(length))
    pairs = sorted(zip(keys.tolist(), range(length), strict=True))
    assert list(zip(sorted_ones.keys.tolist(), sorted_ones.values.tolist(), strict=True)) == pairs


@pytest.mark.parametrize("length", [0, 1, 1_000, 60_000])
def test_everybody_is_there_once_and_in_order(length: int) -> None:
    people = np.random.default_rng(length).integers(1, 10 * length + 1, length)
    assert _distinct(people).tolist() == sorted(set(people.tolist()))
