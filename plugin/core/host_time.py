"""The time a host lives in: ``as_of``, moved on by the tick alone, together with the stamps (design point 1).

Whoever changes the mirror, saves or answers calls :func:`move_on` first: then what it does happens at ``as_of``, after
everything that time brought about by itself. The tick knows tables of many rooms, so it is named from above.
"""

from __future__ import annotations

from collections.abc import Callable

from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime

Tick = Callable[[Runtime, int], int]
_ticks: list[Tick] = []


def use_tick(tick: Tick) -> None:
    """Name the tick that :func:`move_on` calls; it returns how many people it owes a look."""
    _ticks[:] = [tick]


def move_on(runtime: Runtime, host_id: int, *, within: int = 0) -> None:
    """Bring the host's ``as_of`` to now, unless it is there already. Call it outside of a transaction.

    :param within: so many seconds behind is good enough, for whoever only looks.
    :raises RuntimeError: in a process that loaded no tick (``plugin.schema`` does): its time would stand still.
    """
    if not _ticks:
        raise RuntimeError("no tick is in use: import plugin.schema")
    with runtime.db.read() as session:
        _seq, as_of = read_clock(session, host_id)
    if as_of + within < runtime.clock.now():
        _ticks[0](runtime, host_id)
