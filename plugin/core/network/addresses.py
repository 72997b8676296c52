"""Whether an address that somebody enters may be called from here, said before the first call."""

from __future__ import annotations

import ipaddress
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from AntiSSRF.antissrf_policy import AntiSSRFPolicy, PolicyConfigOptions

from plugin.core.text.translate import gettext as _

_POLICY = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
RESOLVING = 3.0
"""Seconds for which a name is looked up before it is left to the guard of the call itself."""


def why_not_allowed(url: str, *, allow_private: bool) -> str:
    """Why an address that somebody enters cannot be called from here, in a sentence; empty where nothing speaks against it.

    A courtesy to whoever enters it: what counts is the guard of each call, which looks at the address in use then.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return str(_("This is not a web address."))
    if parts.scheme not in ("https", "http") or not host or any(character <= " " for character in url):
        return str(_("This is not a web address: it begins with https://."))
    if parts.username or parts.password:
        return str(_("An address must not hold a user name or a password."))
    if parts.fragment:
        return str(_("An address must not end in a part after '#'."))
    if allow_private:
        return ""
    if parts.scheme != "https":
        return str(_("Only addresses that begin with https:// are allowed here."))
    if any(not is_public(one) for one in _addresses(host)):
        return str(_("This address leads into a private network, which is not allowed here."))
    return ""


def server_of(url: str) -> tuple[str, str]:
    """What a stored secret was given for: the scheme of an address, and the server with its port."""
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()


_UNICAST = ipaddress.ip_network("2000::/3")
"""The only part of IPv6 that the open internet has; what holds an IPv4 address within lies outside, but for 6to4."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: the same answer for calls, for mail and for files fetched."""
    plain = address.partition("%")[0]
    found = ipaddress.ip_address(plain)
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None and found not in _UNICAST:
            return False
        found = found.ipv4_mapped or found
    return found.is_global and bool(_POLICY._is_network_connection_allowed([plain]))


def _addresses(host: str) -> set[str]:
    """What a name resolves to, or an address however it is written; nothing where that takes too long."""
    found: set[str] = set()

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.update(str(one[4][0]).partition("%")[0] for one in socket.getaddrinfo(host, None))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(RESOLVING)
    return set(found)
