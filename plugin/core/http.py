"""The one guarded way out: timeouts, a total deadline, a size cap, no redirects, no private addresses.

Anything another party can name (a host's address, a key set, an endpoint, a followed link) goes through here.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
from AntiSSRF.antissrf_error import AntiSSRFError
from AntiSSRF.antissrf_policy import AntiSSRFPolicy, PolicyConfigOptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from plugin.core.logs import correlation

CONNECT_TIMEOUT = 3.05
READ_TIMEOUT = 10.0
DEADLINE = 30.0
MAX_BYTES = 20 * 1024 * 1024


class CallFailed(Exception):
    """No usable answer came back.

    :ivar reason: a short sentence for the log and the administrator.
    :ivar blocked: True when our own guard refused the address; trying again will not help.
    :ivar sent: False when the request certainly never reached the other side.
    """

    def __init__(self, reason: str, *, blocked: bool = False, sent: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.blocked = blocked
        self.sent = sent


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer, within the size cap."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON.

        :raises ValueError: when it is not.
        """
        return json.loads(self.body)


class Outbound:
    """Makes HTTP calls. Safe to share between threads: each thread has its own session."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._local = threading.local()

    @property
    def session(self) -> requests.Session:
        """This thread's session, guarded, for libraries that insist on one (see :class:`TimeoutSession`)."""
        found: requests.Session | None = getattr(self._local, "session", None)
        if found is None:
            found = self._new_session()
            self._local.session = found
        return found

    def _new_session(self) -> requests.Session:
        session = TimeoutSession()
        if not self._allow_private:
            guarded = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST).get_antissrf_session()
            session.adapters = guarded.adapters
        for adapter in session.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                adapter.poolmanager.pool_classes_by_scheme = _POOLS
        session.headers["User-Agent"] = "Muster/1"
        return session

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, params: Any = None, **limits: Any) -> Answer:
        """GET; see :meth:`call`."""
        return self.call("GET", url, headers=headers, params=params, **limits)

    def post(self, url: str, *, data: Any = None, headers: Mapping[str, str] | None = None, **limits: Any) -> Answer:
        """POST; see :meth:`call`."""
        return self.call("POST", url, data=data, headers=headers, **limits)

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Any = None,
        data: Any = None,
        deadline: float = DEADLINE,
        read_timeout: float = READ_TIMEOUT,
        max_bytes: int = MAX_BYTES,
        cut: bool = False,
    ) -> Answer:
        """Make one call and read the whole answer.

        :param deadline: seconds for everything together, from connecting to the last byte.
        :param read_timeout: seconds of silence after which the other side is given up.
        :param max_bytes: an answer larger than this is refused. :param cut: no: it is cut there, for whom the status counts.
        :raises CallFailed: on any trouble below HTTP. A status of 400 or more is an answer, not a failure.
        """
        started = time.monotonic()
        with _Deadline(deadline) as watch:
            try:
                response = self.session.request(
                    method, url, headers={"X-Correlation-ID": correlation(), **(headers or {})}, params=params,
                    data=data, stream=True, timeout=(CONNECT_TIMEOUT, min(read_timeout, deadline)),
                )  # fmt: skip
                with response:
                    body = _read(response, started + deadline, max_bytes, cut=cut)
            except AntiSSRFError:
                raise CallFailed("This address is not allowed from here.", blocked=True, sent=False) from None
            except (requests.RequestException, CallFailed) as error:
                raise _failed(error, watch) from None
        if watch.passed:  # an answer without a length ends where the line was cut
            raise CallFailed(_TOO_LONG)
        return Answer(response.status_code, response.headers, body, time.monotonic() - started)


_TOO_LONG = "The answer took too long."


def _failed(error: requests.RequestException | CallFailed, watch: _Deadline) -> CallFailed:
    if watch.passed:
        return CallFailed(_TOO_LONG)
    if isinstance(error, CallFailed):
        return error
    unsent = (requests.ConnectTimeout, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)
    return CallFailed(_plain(error), sent=not isinstance(error, unsent) and not _refused(error))


_under_way = threading.local()


class _Deadline:
    """Cuts the line of this thread's call when its time is over, however slowly bytes still drip in.

    A read timeout only measures silence: a byte every few seconds, in the headers or the body, would outlast it for ever.

    :ivar passed: whether the time was over before the call was.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._connection: Any = None
        self._line: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        _under_way.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        _under_way.deadline = None

    def watch(self, connection: Any) -> None:
        """This is the connection of the call; told again when it stands, because it may forget its line later."""
        self._connection = connection
        self._line = getattr(connection, "sock", None) or self._line

    def _cut(self) -> None:
        self.passed = True
        line = getattr(self._connection, "sock", None) or self._line
        if line is not None:
            with suppress(OSError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)  # not TLS's own, which another thread is reading from


class _Watched:
    """A connection that says when it is used."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        """As urllib3's."""
        deadline = getattr(_under_way, "deadline", None)
        if deadline is not None:
            deadline.watch(self)
        super().request(*args, **kwargs)  # type: ignore[misc]
        if deadline is not None:
            deadline.watch(self)


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class TimeoutSession(requests.Session):
    """A session whose calls always have a timeout and never follow a redirect unless asked to."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As :meth:`requests.Session.request`, with safe defaults."""
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT, READ_TIMEOUT))
        kwargs.setdefault("allow_redirects", False)
        return super().request(*args, **kwargs)


def _read(response: requests.Response, until: float, max_bytes: int, *, cut: bool) -> bytes:
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_content(65536):
        size += len(chunk)
        if size > max_bytes and cut:
            return b"".join([*chunks, chunk])[:max_bytes]
        if size > max_bytes:
            raise CallFailed("The answer is too large.")
        if time.monotonic() > until:
            raise CallFailed("The answer took too long.")
        chunks.append(chunk)
    return b"".join(chunks)


def _refused(error: requests.RequestException) -> bool:
    return "Connection refused" in str(error) or "Name or service not known" in str(error)


def _plain(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "No answer in time."
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "The answer broke off."
    if isinstance(
        error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema
    ):
        return "There is no address to call, or it is no web address."
    if isinstance(error, requests.exceptions.SSLError):
        return "The certificate of the other side is not valid."
    if isinstance(error, requests.ConnectionError):
        return "Connection refused." if _refused(error) else "The connection broke."
    return f"The call failed ({type(error).__name__})."
