"""The one guarded way out: timeouts, a total deadline, a size cap, no redirects, no private addresses.

Anything another party can name (a host's address, a key set, an endpoint, a followed link) goes through here.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from AntiSSRF._antissrf_agent import _AntiSSRFAdapter
from AntiSSRF.antissrf_error import AntiSSRFError
from AntiSSRF.antissrf_policy import AntiSSRFPolicy, PolicyConfigOptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from plugin.core.db import is_rehearsal
from plugin.core.logs import correlation
from plugin.core.network.addresses import is_public
from plugin.core.text.texts import read_json

CONNECT_TIMEOUT = 3.05
READ_TIMEOUT = 10.0
RESOLVING = 5.0
DEADLINE = 30.0
MAX_BYTES = 20 * 1024 * 1024
ERROR_READING, ERROR_BYTES = 5.0, 256 * 1024
"""Seconds and bytes for the body of an answer whose status says that something is wrong: the status is what counts."""


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
class HttpAnswer:
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
        return read_json(self.body)


class Outbound:
    """Makes HTTP calls. Safe to share between threads: each thread has its own session."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = self.allow_private = allow_private
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
            for scheme in ("https://", "http://"):
                session.mount(scheme, _Guarded(AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)))
        for adapter in session.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                adapter.poolmanager.pool_classes_by_scheme = _POOLS
        session.headers["User-Agent"] = "Muster/1"
        return session

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, params: Any = None, **limits: Any
    ) -> HttpAnswer:
        """GET; see :meth:`call`."""
        return self.call("GET", url, headers=headers, params=params, **limits)

    def post(
        self, url: str, *, data: Any = None, headers: Mapping[str, str] | None = None, **limits: Any
    ) -> HttpAnswer:
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
    ) -> HttpAnswer:
        """Make one call and read the whole answer.

        :param deadline: seconds for everything together, from connecting to the last byte.
        :param read_timeout: seconds of silence after which the other side is given up.
        :param max_bytes: an answer larger than this is refused; of one with a status of 400 or more little is waited for.
        :param cut: no: it is cut there, for whom the status counts.
        :raises CallFailed: on any trouble below HTTP. A status of 400 or more is an answer, not a failure.
        """
        if is_rehearsal():
            raise CallFailed("Nothing goes out before it is decided.", sent=False)
        started = time.monotonic()
        with _Deadline(deadline) as watch:
            try:
                response = self.session.request(
                    method, url, headers={"X-Correlation-ID": correlation(), **(headers or {})}, params=params,
                    data=data, stream=True, timeout=(CONNECT_TIMEOUT, min(read_timeout, deadline)),
                )  # fmt: skip
                with response:
                    if response.status_code >= 400:
                        body = _detail_of(response, watch, min(max_bytes, ERROR_BYTES))
                    else:
                        body = _read(response, started + deadline, max_bytes, cut=cut)
            except AddressBlocked:
                raise CallFailed("This address is not allowed from here.", blocked=True, sent=False) from None
            except (requests.RequestException, CallFailed) as error:
                raise _failed(error, watch) from None
            except _OF_THE_LINE as error:  # while the answer was read
                raise _failed(requests.ConnectionError(type(error).__name__), watch) from None
        if watch.passed:  # an answer without a length ends where the line was cut
            raise CallFailed(_TOO_LONG)
        return HttpAnswer(response.status_code, response.headers, body, time.monotonic() - started)


_TOO_LONG = "The answer took too long."


def _failed(error: requests.RequestException | CallFailed, watch: _Deadline) -> CallFailed:
    if watch.passed:
        return CallFailed(_TOO_LONG)
    if isinstance(error, CallFailed):
        return error
    unsent = (NotResolved, requests.ConnectTimeout, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)
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
        self.cut_line()

    def cut_line(self) -> None:
        """End the call now; what was read of it stays."""
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
        super().request(*args, **kwargs)  # type: ignore[misc]  # a mixin: the next class has it
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


class AddressBlocked(requests.exceptions.InvalidURL):
    """The guard refused the address; trying again will not help."""


class NotResolved(requests.ConnectTimeout):
    """The name of the other side was not found, or not in time: nothing was sent."""


_OF_THE_LINE = (OSError, urllib3.exceptions.HTTPError, UnicodeError)
"""What may come up from below ``requests`` without being one of its errors."""


class TimeoutSession(requests.Session):
    """A session whose calls always have a timeout and never follow a redirect unless asked to.

    Whatever goes wrong below HTTP, in the guard too, is a :class:`requests.RequestException`: libraries know no other.
    """

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As :meth:`requests.Session.request`, with safe defaults."""
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT, READ_TIMEOUT))
        kwargs.setdefault("allow_redirects", False)
        try:
            return super().request(*args, **kwargs)
        except requests.RequestException:
            raise
        except AntiSSRFError as error:
            raise AddressBlocked(str(error)) from None
        except socket.gaierror:
            raise NotResolved(_NO_NAME) from None
        except (UnicodeError, urllib3.exceptions.LocationParseError) as error:
            raise requests.exceptions.InvalidURL(type(error).__name__) from None
        except _OF_THE_LINE as error:
            raise requests.ConnectionError(type(error).__name__) from None


_NO_NAME = "Name or service not known"


class _Guarded(_AntiSSRFAdapter):  # type: ignore[misc]  # the library has no types
    """The guard's adapter, which waits for no name server longer than for the other side itself."""

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """As the guard's; the host's name goes out with its port, as in a call that is not guarded.

        :raises NotResolved: for a name that is not found in time.
        """
        parts = urlsplit(str(request.url))
        _look_up(parts.hostname or "")
        found = super().build_connection_pool_key_attributes(request, verify, cert)
        if not is_public(found[0]["host"]):  # the address that is connected to: one list for whatever goes out
            raise AntiSSRFError("This address is in no public network.")
        if parts.port not in (None, 80 if parts.scheme == "http" else 443):
            request.headers["Host"] = f"{request.headers['Host']}:{parts.port}"
        return found


def _look_up(name: str) -> None:
    """Have a name looked up once, so that the guard's own look finds it ready."""
    trouble: list[BaseException] = []

    def look() -> None:
        try:
            socket.getaddrinfo(name, None, socket.AF_UNSPEC, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            trouble.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(RESOLVING)
    if thread.is_alive():
        raise NotResolved("The name was not found in time.")
    if trouble:
        raise trouble[0]


def _detail_of(response: requests.Response, watch: _Deadline, max_bytes: int) -> bytes:
    """The body of such an answer; empty where it does not come in time, or breaks."""
    timer = threading.Timer(ERROR_READING, watch.cut_line)
    timer.daemon = True
    timer.start()
    try:
        return _read(response, time.monotonic() + ERROR_READING, max_bytes, cut=True)
    except (requests.RequestException, CallFailed, *_OF_THE_LINE):
        return b""
    finally:
        timer.cancel()


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
    return any(words in str(error) for words in ("Connection refused", "NameResolutionError", _NO_NAME))


def _plain(error: requests.RequestException) -> str:
    if isinstance(error, NotResolved) or "NameResolutionError" in str(error):
        return "The name of this address is not known here."
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
        return "Connection refused." if "Connection refused" in str(error) else "The connection broke."
    return f"The call failed ({type(error).__name__})."
