"""Many cases of one test in the same surroundings, for refusals, which change nothing: making them anew takes longer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any


def in_turn(names: str | Sequence[str], cases: Sequence[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like ``pytest.mark.parametrize``, but one test that runs every case with the same fixtures.

    :param names: of the arguments; :param cases: a value for each, or a tuple of values where there are several names.
    """
    several = not isinstance(names, str)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        asked = inspect.signature(test)
        own = set(names) if several else {names}

        @functools.wraps(test)
        def run(**fixtures: Any) -> None:
            for case in cases:
                values = dict(zip(names, case, strict=True)) if several else {names: case}
                try:
                    test(**fixtures, **values)
                except BaseException as error:
                    error.add_note(f"in the case {values}")
                    raise

        left = [one for name, one in asked.parameters.items() if name not in own]
        run.__signature__ = asked.replace(parameters=left)  # type: ignore[attr-defined]
        return run

    return decorate
