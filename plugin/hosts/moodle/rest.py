"""Moodle's REST protocol: one form POST a call, PHP arrays in, JSON out, errors inside HTTP 200.

Source: Moodle 4.5, ``webservice/rest``. Decided on ``errorcode`` alone: class names changed between releases and messages are
in the site's language.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from plugin.core.clock import Clock
from plugin.core.network.http import CallFailed, HttpAnswer, Outbound
from plugin.core.network.waits import asked_to_wait
from plugin.core.text.stored import later
from plugin.hosts.moodle.plain_text import FILTERED, plain, plain_values
from plugin.hosts.port import ConnectionSpec, Garbled, HostTrouble, Locked, Refused, Wait

PATH = "/webservice/rest/server.php"
INFO = "core_webservice_get_site_info"
"""What Moodle says of itself and of the account that asks."""
TOGETHER = "tool_mobile_call_external_functions"
"""Several calls in one, each answer a text of JSON."""
PACKED = (TOGETHER, "local_muster_get_users", "local_muster_get_enrolments", "local_muster_get_completions")
"""Functions whose answers have JSON within JSON."""
READ_TIMEOUT = 25.0
MAX_BYTES = 40_000_000

_LOCKED = {
    "invalidtoken": later(
        "Moodle does not accept our token: it has expired, was deleted, or is not one of this site."
        " Make a new token in Moodle and enter it under Hosts › Configuration."
    ),
    "accessexception": later("A function that Muster needs is not in the service of our token (%(function)s)."),
    "servicenotavailable": later("The web service of our token is switched off in Moodle."),
    "servicerequireslogin": later("The web service of our token wants somebody to log in."),
    "missingcapability": later("Moodle's service account lacks a capability that the service asks for."),
    "wsaccessusersuspended": later("Moodle's service account is suspended."),
    "wsaccessuserdeleted": later("Moodle's service account was deleted."),
    "wsaccessuserunconfirmed": later("Moodle's service account is not confirmed."),
    "wsaccessuserexpired": later("The password of Moodle's service account has expired."),
    "wsaccessusernologin": later("Moodle's service account may not log in."),
    "forcepasswordchangenotice": later("Moodle's service account must change its password first."),
    "usernotfullysetup": later("The profile of Moodle's service account is not complete."),
    "sitepolicynotagreed": later("Moodle's service account has not agreed to the site policy."),
}
"""Troubles of the connection: nothing works until somebody acts."""
_SHUT_OUT = later(
    "Moodle lets our token in nowhere: its role does not allow webservice/rest:use, its service is for authorised users only,"
    " it is limited to other addresses, or core_webservice_get_site_info is not in its service."
)
_WAIT = {
    "sitemaintenance": later("Moodle is in maintenance mode."),
    "upgraderunning": later("Moodle is being upgraded."),
    "dbconnectionfailed": later("Moodle cannot reach its database."),
    "dmlreadexception": later("Moodle could not read its database."),
    "dmltransactionexception": later("Moodle could not write to its database."),
    "locktimeout": later("Moodle was busy."),
}
"""Passing troubles."""
_NOTICE = b"<br />\n<b>"
CAPABILITY = (
    "nopermissions",
    "requireloginerror",
    "wsusercannotassign",
    "errorcoursecontextnotvalid",
    "cannotviewreport",
)


class Fault(Refused):
    """Moodle refused one call; ``code`` is its errorcode, ``said`` its own sentence."""

    def __init__(self, function: str, code: str, said: str) -> None:
        super().__init__(
            later("Moodle refused: %(said)s (%(code)s, %(function)s).", said=said, code=code, function=function)
            if said
            else later("Moodle refused (%(code)s).", code=code)
        )
        self.function, self.code, self.said = function, code, said


class Unclear(Wait):
    """The call went out and no answer that can be believed came back: it may have taken effect."""


class Rest:
    """Calls functions of one Moodle. Safe to share between threads.

    :ivar calls: made so far. :ivar received: bytes of answers so far.
    :ivar language: of the account, as Moodle writes it: in which texts of several languages are read.
    """

    def __init__(self, spec: ConnectionSpec, http: Outbound, clock: Clock) -> None:
        self.site = _site(spec.api_url)
        self._token, self._http, self._clock = spec.api_token, http, clock
        self.language = "en"
        self._lock = threading.Lock()
        self.calls = self.received = 0

    def call(self, function: str, parameters: Mapping[str, Any] | None = None, *, deadline: float = 30.0) -> Any:
        """Call a function; returns its JSON (a list, an object or ``None``), its texts as plain text.

        :raises Fault: Moodle refused this call. :raises Wait: later; :class:`Unclear` where it may have taken effect.
        :raises Locked: token, service or account. :raises Garbled: what came back is not Moodle's.
        """
        return self._read(function, self._post(function, parameters or {}, deadline))

    def _post(self, function: str, parameters: Mapping[str, Any], deadline: float) -> HttpAnswer:
        form = [("wstoken", self._token), ("moodlewsrestformat", "json"), FILTERED, *flat(parameters)]
        # Last on purpose: where PHP cuts a form that is too long, the name of the function goes first, and nothing is done.
        form.append(("wsfunction", function))
        try:
            answer = self._http.post(
                self.site + PATH, data=form, headers={"Accept": "application/json"}, deadline=deadline,
                read_timeout=min(READ_TIMEOUT, deadline), max_bytes=MAX_BYTES,
            )  # fmt: skip
        except CallFailed as failure:
            if failure.blocked:
                raise Locked(failure.reason) from None
            raise (Unclear if failure.sent else Wait)(later("Moodle: %(what)s", what=failure.reason)) from None
        with self._lock:
            self.calls += 1
            self.received += len(answer.body)
        return answer

    def _read(self, function: str, answer: HttpAnswer) -> Any:
        self._check_status(answer)
        body = answer.body.lstrip()
        if body.startswith(_NOTICE):  # PHP shows its warnings on this site; Moodle's answer is the last line
            body = body.rsplit(b"\n", 1)[-1]
        try:
            document = json.loads(body)
        except ValueError:
            raise Garbled(
                "Moodle answered with something that is not JSON (perhaps a page for people). Check the address: it is that of"
                " the site's front page, and nothing may stand between that asks for a log-in."
            ) from None
        if isinstance(document, dict) and "exception" in document:
            self._refuse(function, document)
        # JSON within JSON stays as it is: decoded here it would be JSON no longer.
        return document if function in PACKED else plain_values(document, self.language)

    def _refuse(self, function: str, document: Mapping[str, Any]) -> None:
        code, said = (
            str(document.get("errorcode") or ""),
            plain(str(document.get("message") or ""), self.language)[:300],
        )
        if code == "accessexception":
            raise Locked(self._shut_out(function))
        if code in _LOCKED:
            raise Locked(_LOCKED[code] % {"function": function})
        if code in _WAIT:
            raise Wait(_WAIT[code])
        raise Fault(function, code, said)

    def _shut_out(self, function: str) -> str:
        """What an ``accessexception`` means. Moodle answers so for a function that is not in the service, for an account that
        may not use the service, and once for a token that has expired, which it then deletes: only another question tells.
        """
        try:
            document = json.loads(self._post(INFO, {}, 30.0).body)
        except (HostTrouble, ValueError):
            document = None
        code = document.get("errorcode") if isinstance(document, dict) else ""
        if code == "accessexception":
            return _SHUT_OUT
        return _LOCKED["invalidtoken" if code == "invalidtoken" else "accessexception"] % {"function": function}

    def _check_status(self, answer: HttpAnswer) -> None:
        status = answer.status
        if 200 <= status < 300:
            return
        after = asked_to_wait(answer.headers, self._clock.true())
        if status == 503:
            raise Wait("Moodle is in maintenance mode or overloaded.", after)
        if status == 403:
            raise Locked("Web services, or the REST protocol, are switched off in Moodle.")
        if status in (408, 425, 429):
            raise Wait(later("Moodle answered %(status)s.", status=status), after)
        if status >= 500:
            raise Unclear(later("Moodle answered %(status)s.", status=status), after)
        if 300 <= status < 400:
            raise Garbled("Moodle's address leads elsewhere. Enter the address that the site itself uses, with https.")
        raise Garbled(
            later(
                "Moodle answered %(status)s: there is no web service at %(site)s%(path)s.",
                status=status,
                site=self.site,
                path=PATH,
            )
        )


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested values in PHP's array syntax: ``enrolments[0][userid]=12``."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from flat(inner, f"{name}[{number}]")
    else:
        yield name, str(int(value) if isinstance(value, bool) else value)


def _site(address: str) -> str:
    """The site's own address, also where somebody entered that of its web service."""
    address = address.strip().rstrip("/")
    return address.removesuffix(PATH).rstrip("/")
