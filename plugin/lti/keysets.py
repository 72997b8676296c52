"""Key sets of platforms: only good answers are kept, a missing key costs one more look, a rotated key is found."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import jwt

from plugin.core.network.http import CallFailed, Outbound
from plugin.lti.errors import LtiRejected

_KEPT = 3600.0
_MISS = 30.0
"""Seconds after a look for a missing key in which no other is looked for, whichever it is and whoever asks."""
_FAILED = 5.0
"""Seconds after a look that found nothing usable in which a platform is not asked again: each look may take ten."""


@dataclass
class _Kept:
    keys: dict[str, jwt.PyJWK]
    until: float
    looked: float
    """When a missing key was looked for last: keys that nobody published must not make a read of each launch."""


class KeySets:
    """A cache by address, shared by the threads of a process."""

    def __init__(self, http: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        self._http, self._clock = http, clock
        self._kept: dict[str, _Kept] = {}
        self._failed: dict[str, float] = {}
        self._lock = threading.Lock()

    def key(self, url: str, kid: str) -> jwt.PyJWK:
        """The RSA key with this id.

        :raises LtiRejected: ``keys_unavailable`` when the platform does not answer, ``key_unknown`` when it has no such key.
        """
        now = self._clock()
        kept = self._kept.get(url)
        if kept is None or kept.until < now:
            kept = self._fetch(url)
        elif kid not in kept.keys and self._may_look(url, now):
            kept = self._fetch(url)  # perhaps the platform rotated its keys: one more look, then not for a while
        if kid not in kept.keys:
            raise LtiRejected("key_unknown", "The learning site signed this launch with a key it does not publish.")
        return kept.keys[kid]

    def _may_look(self, url: str, now: float) -> bool:
        """Take the turn to look for a key that is missing; one a while, of all threads."""
        with self._lock:
            kept = self._kept[url]
            if now - kept.looked < _MISS:
                return False
            kept.looked = now
            return True

    def _fetch(self, url: str) -> _Kept:
        if self._clock() - self._failed.get(url, -_FAILED) < _FAILED:
            raise _unavailable()
        try:
            answer = self._http.get(url, headers={"Accept": "application/json"}, max_bytes=200_000, deadline=10)
            document = answer.json() if answer.ok else None
        except (CallFailed, ValueError):
            document = None
        listed = document.get("keys") if isinstance(document, dict) else None
        keys = dict(filter(None, map(_usable, listed if isinstance(listed, list) else [])))
        if not keys:
            self._failed[url] = self._clock()
            raise _unavailable()
        with self._lock:
            before = self._kept.get(url)
            kept = _Kept(keys, self._clock() + _KEPT, before.looked if before is not None else -_MISS)
            self._kept[url] = kept
        return kept


def _unavailable() -> LtiRejected:
    return LtiRejected("keys_unavailable", "The keys of the learning site cannot be read right now. Try again.", 503)


def _usable(entry: object) -> tuple[str, jwt.PyJWK] | None:
    """An RSA key that can be read; everything else in a key set is passed over."""
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or not isinstance(entry.get("kid"), str):
        return None
    try:
        return entry["kid"], jwt.PyJWK(entry, algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
