"""LTI services of a platform (names and roles, grades): a token by client credentials, and calls made with it.

1EdTech Security Framework 1.0 §4.1 (``private_key_jwt``). PyLTI1p3's connector has no timeouts, no cache that outlives
a call and ignores ``expires_in``, so this is our own, through the one guarded way out.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from plugin.core.network.http import CallFailed, HttpAnswer, Outbound
from plugin.core.network.waits import asked_to_wait
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.core.text.stored import later
from plugin.lti.keys import current_key

NRPS_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
AGS_SCOPES = tuple(f"https://purl.imsglobal.org/spec/lti-ags/scope/{name}" for name in ("lineitem", "score"))

_ASSERTION_LASTS = 60
_EARLY = 60
"""Seconds before its end from which a token is no longer used."""
_LIFE = 3600
_ANSWER = 100_000


class ServiceTrouble(Exception):
    """A service of the platform could not be used.

    :ivar why: a sentence for the administrator. :ivar permanent: asking again will not help until somebody acts.
    :ivar after: seconds the platform asked us to wait, if it did. :ivar status: what it answered, if it did.
    """

    def __init__(self, why: str, *, permanent: bool, after: int | None = None, status: int | None = None) -> None:
        super().__init__(why)
        self.why, self.permanent, self.after, self.status = why, permanent, after, status


@dataclass(frozen=True)
class _Token:
    value: str
    until: float


_kept: dict[tuple[Any, ...], _Token] = {}
_lock = threading.Lock()


def service_token(runtime: Runtime, registration: Host, scopes: Sequence[str]) -> str:
    """A bearer token for these scopes; kept in this process until a minute before it ends.

    :param registration: the host's row: its client id and token address.
    :param scopes: all of them are needed.
    :raises ServiceTrouble: when the platform gives none, or not for all scopes.
    """
    key = _key(registration, scopes)
    with _lock:
        found = _kept.get(key)
    if found is not None and found.until > time.monotonic():
        return found.value
    made = _ask(runtime, registration, sorted(set(scopes)))
    with _lock:
        _kept[key] = made
    return made.value


def forget_token(registration: Host, scopes: Sequence[str]) -> None:
    """Ask for a new token next time: the platform no longer takes this one."""
    with _lock:
        _kept.pop(_key(registration, scopes), None)


def call_service(
    runtime: Runtime, registration: Host, scopes: Sequence[str], method: str, url: str, *,
    headers: Mapping[str, str] | None = None, data: Any = None, max_bytes: int = 20_000_000, deadline: float = 30.0,
    http: Outbound | None = None,
) -> HttpAnswer:  # fmt: skip
    """One call of a service with a token; a 401 costs one new token and one more try.

    :param http: the way out to take instead of the runtime's, where calls are counted.
    :returns: whatever the platform answered, also 4xx and 5xx.
    :raises ServiceTrouble: when no token is given or no answer comes.
    """
    for last in (False, True):
        token = service_token(runtime, registration, scopes)
        sent = {"Accept": "application/json", **(headers or {}), "Authorization": f"Bearer {token}"}
        try:
            answer = (http or runtime.http).call(
                method, url, headers=sent, data=data, max_bytes=max_bytes, deadline=deadline
            )  # fmt: skip
        except CallFailed as failure:
            raise ServiceTrouble(failure.reason, permanent=failure.blocked) from None
        if answer.status != 401 or last:
            return answer
        forget_token(registration, scopes)
    raise AssertionError


def _key(registration: Host, scopes: Sequence[str]) -> tuple[Any, ...]:
    return registration.id, registration.client_id, registration.token_url, tuple(sorted(set(scopes)))


def _ask(runtime: Runtime, registration: Host, scopes: Sequence[str]) -> _Token:
    if not registration.token_url:
        raise ServiceTrouble("The registration of this learning site names no token address.", permanent=True)
    form = {
        "grant_type": "client_credentials", "scope": " ".join(scopes),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": _assertion(runtime, registration),
    }  # fmt: skip
    try:
        answer = runtime.http.post(
            registration.token_url, data=form, headers={"Accept": "application/json"}, max_bytes=_ANSWER, deadline=15
        )
    except CallFailed as failure:
        raise ServiceTrouble(
            later("The learning site gave no token: %(what)s", what=_lower(failure.reason)), permanent=failure.blocked
        ) from None
    return _read(answer, scopes)


def _assertion(runtime: Runtime, registration: Host) -> str:
    now = runtime.clock.true()
    key = runtime.db.transact(lambda session: current_key(session, now))
    claims = {
        "iss": registration.client_id, "sub": registration.client_id,
        "aud": registration.token_audience or registration.token_url,
        "iat": now, "exp": now + _ASSERTION_LASTS, "jti": secrets.token_urlsafe(24),
    }  # fmt: skip
    return jwt.encode(claims, key.private_pem, algorithm="RS256", headers={"kid": key.kid})


def _read(answer: HttpAnswer, scopes: Sequence[str]) -> _Token:
    """The token of an answer. Moodle labels its JSON as HTML, so the label is not looked at."""
    try:
        document = answer.json()
    except ValueError:
        document = None
    if answer.status >= 500 or answer.status == 429:
        raise ServiceTrouble(
            later("The learning site gave no token: it answered %(status)s.", status=answer.status), permanent=False,
            after=asked_to_wait(answer.headers, int(time.time())), status=answer.status,
        )  # fmt: skip
    if not isinstance(document, dict):
        raise ServiceTrouble(
            later(
                "The learning site gave no token: it answered %(status)s with something that is not JSON."
                " Perhaps it cannot read Muster's public keys.",
                status=answer.status,
            ), permanent=True,
        )  # fmt: skip
    value = document.get("access_token")
    if not answer.ok or not isinstance(value, str) or not value:
        said = document.get("error_description") or document.get("error") or f"status {answer.status}"
        raise ServiceTrouble(later("The learning site gave no token: %(what)s.", what=str(said)[:200]), permanent=True)
    granted = document.get("scope")
    if isinstance(granted, str) and (missing := sorted(set(scopes) - set(granted.split()))):
        names = ", ".join(scope.rsplit("/", 1)[-1] for scope in missing)
        raise ServiceTrouble(
            later("The learning site does not let Muster use this service (%(names)s).", names=names), permanent=True
        )
    life = document.get("expires_in")
    seconds = float(life) if isinstance(life, int | float) and not isinstance(life, bool) and life > 0 else _LIFE
    return _Token(value, time.monotonic() + max(0.0, seconds - _EARLY))


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def trouble_of(answer: HttpAnswer) -> ServiceTrouble:
    """What an error status means: whether asking again may help, and when."""
    return ServiceTrouble(
        later("The learning site's service answered %(status)s.", status=answer.status),
        permanent=answer.status < 500 and answer.status != 429,
        after=asked_to_wait(answer.headers, int(time.time())),
        status=answer.status,
    )


def as_json(answer: HttpAnswer) -> dict[str, Any]:
    """An answer's JSON object.

    :raises ServiceTrouble: for an error status, or anything else than an object.
    """
    if not answer.ok:
        raise trouble_of(answer)
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ServiceTrouble(
            "The learning site's service answered something that is not a JSON object.",
            permanent=True,
            status=answer.status,
        )
    return document
