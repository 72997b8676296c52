"""Counts what is asked of another party: calls made, and bytes of their answers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import requests

from plugin.core.network.http import HttpAnswer, Outbound


@dataclass(frozen=True)
class Cost:
    """What some reading took: calls, those without an answer too, and bytes of answers."""

    calls: int = 0
    received: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.calls + other.calls, self.received + other.received)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.calls - other.calls, self.received - other.received)

    def to_json(self) -> dict[str, int]:
        """As it is kept: ``calls`` and ``bytes``."""
        return {"calls": self.calls, "bytes": self.received}


class Meter(Outbound):
    """The way out of another :class:`Outbound`, counted. Safe to share between threads."""

    def __init__(self, inner: Outbound) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._cost = Cost()

    @property
    def cost(self) -> Cost:
        """What was counted so far."""
        return self._cost

    @property
    def session(self) -> requests.Session:
        """The inner session; what a library asks through it is not counted."""
        return self._inner.session

    def call(self, *args: Any, **kwargs: Any) -> HttpAnswer:
        """As :meth:`Outbound.call`."""
        with self._lock:
            self._cost += Cost(calls=1)
        answer = self._inner.call(*args, **kwargs)
        with self._lock:
            self._cost += Cost(received=len(answer.body))
        return answer
