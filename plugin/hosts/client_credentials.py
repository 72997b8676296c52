"""Access tokens of a host by OAuth 2.0 client credentials (RFC 6749 §4.4), for a host whose API has no fixed token.

What stands for the token of such a connection is ``CLIENT:SECRET@ADDRESS``, the address that gives tokens last; ``#SCOPE`` may
follow. A colon within the client's id is written ``%3A``.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote

from plugin.core.clock import Clock
from plugin.core.network.http import CallFailed, HttpAnswer, Outbound
from plugin.core.network.waits import asked_to_wait
from plugin.core.text.stored import later
from plugin.core.text.texts import clean_lines
from plugin.hosts.port import Garbled, Locked, Wait

_FORM = re.compile(r"([^:\s]+):(\S+)@(https?://[^@#\s]+)(?:#(.+))?", re.DOTALL)
_EARLY = 60
"""Seconds before its end from which a token is no longer used."""
_LIFE = 300
"""Seconds for which a token is used whose end nobody tells."""
_ANSWER = 100_000


@dataclass(frozen=True)
class ClientCredentials:
    """Who we are at the address that gives tokens."""

    client: str
    secret: str
    address: str
    scope: str = ""


def credentials_in(token: str) -> ClientCredentials | None:
    """The credentials that stand for a token; ``None`` for a fixed one."""
    found = _FORM.fullmatch(token.strip())
    return ClientCredentials(unquote(found[1]), found[2], found[3], (found[4] or "").strip()) if found else None


_kept: dict[str, tuple[str, float]] = {}
"""By a digest of the credentials the token and, by this process's own clock, its end."""
_lock = threading.Lock()


def access_token(asked: ClientCredentials, http: Outbound, clock: Clock, *, refused: str = "") -> str:
    """A token, kept in this process until a minute before it ends.

    :param refused: the token the host does not accept any more: another is asked for.
    :raises Locked: where the credentials open nothing. :raises Wait: where none is given now. :raises Garbled: for an answer
        that is no token.
    """
    key = hashlib.sha256(repr(asked).encode()).hexdigest()
    with _lock:
        value, until = _kept.get(key, ("", 0.0))
    if value and value != refused and until > time.monotonic():
        return value
    value, seconds = _ask(asked, http, clock)
    with _lock:
        _kept[key] = value, time.monotonic() + max(0.0, seconds - _EARLY)
    return value


def _ask(asked: ClientCredentials, http: Outbound, clock: Clock) -> tuple[str, float]:
    form = {"grant_type": "client_credentials"} | ({"scope": asked.scope} if asked.scope else {})
    both = f"{quote_plus(asked.client)}:{quote_plus(asked.secret)}"
    headers = {"Accept": "application/json", "Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}
    try:
        answer = http.post(asked.address, data=form, headers=headers, max_bytes=_ANSWER, deadline=15)
    except CallFailed as failure:
        raise (Locked(failure.reason) if failure.blocked else Wait(failure.reason)) from None
    document = _document(answer)
    if answer.status in (408, 429) or answer.status >= 500:
        wait = asked_to_wait(answer.headers, clock.true())
        raise Wait(later("The learning site gave no token: it answered %(status)s.", status=answer.status), wait)
    if answer.status in (400, 401, 403):
        said = document.get("error_description") or document.get("error") or answer.status
        raise Locked(later("The learning site gave no token: %(what)s.", what=clean_lines(str(said), 200)))
    value, life = document.get("access_token"), document.get("expires_in")
    if not answer.ok or not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise Garbled(later("The address that gives tokens answered something else than a token."))
    told = isinstance(life, int | float) and not isinstance(life, bool) and life > 0
    return value, float(life) if told and isinstance(life, int | float) else _LIFE


def _document(answer: HttpAnswer) -> dict[str, object]:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
