"""Fetching files where HR puts them: an HTTPS address, or a folder by SFTP (SOURCES 4.1)."""

from __future__ import annotations

import base64
import posixpath
import re
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from plugin.core.network.addresses import is_public
from plugin.core.network.http import CallFailed, Outbound
from plugin.core.text.stored import later
from plugin.hosts.csv.archives import day_in, holds_files, kind_named
from plugin.hosts.port import Locked, Refused, Wait

MOST = 300 << 20
"""Bytes of one file."""
DEADLINE = 900.0
"""Seconds for one file."""
CONNECTING = 10.0
SETTLE = 1.0
"""Seconds in which the size of a file must not change."""
AFTER = ("left", "moved", "deleted")
SMALLEST_ARCHIVE = 22
"""Bytes of a zip that holds nothing."""
ARCHIVE, MOST_ARCHIVES = "archive", 20
"""An archive whose own name says no kind, those of its files may; and how many of a folder are looked into."""
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_NAME = re.compile(r'filename\*?=(?:UTF-8\'\')?"?([^";]+)', re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where files are fetched from.

    :ivar known: what was kept of the last fetch: ``etag``, ``modified``, ``host_key``.
    :ivar after: what happens to a file that was loaded, by SFTP.
    """

    url: str
    secret: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    after: str = "left"
    kind: str = ""


@dataclass
class Fetched:
    """Files with their names; none where nothing is new. ``known`` is kept for the next time."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)


def fetch(place: Place, http: Outbound, met: Callable[[str], None] = lambda _key: None) -> Fetched:
    """Fetch what is new.

    :param met: told the key of a server that is not known yet, before a secret is sent to it and whatever comes after.
    :raises Wait: where it cannot be reached now, or a file is still being written. :raises Locked: where the secret or the
        server's key is not the right one. :raises Refused: for an address that cannot be.
    """
    why = wrong_address(place.url, plain=http.allow_private)
    if why:
        raise Refused(why)
    return _by_sftp(place, http, met) if urlsplit(place.url).scheme == "sftp" else _by_http(place, http)


def wrong_address(url: str, *, plain: bool = False) -> str:
    """Why nothing can be fetched from an address, or ``""``. ``plain``: also without TLS, as in development."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return f"'{url}' is no address to fetch from: write https://… or sftp://USER@HOST/FOLDER."
    if parts.scheme == "http" and not plain:
        return "Files about people are fetched by https:// or sftp:// alone."
    if not usable or parts.scheme not in ("https", "http", "sftp"):
        return f"'{url}' is no address to fetch from: write https://… or sftp://USER@HOST/FOLDER."
    if parts.password is not None or (parts.username and parts.scheme != "sftp"):
        return "The address holds a password: give that as the secret, which is kept encrypted and never shown."
    if parts.scheme == "sftp" and not parts.username:
        return "Write the address as sftp://USER@HOST[:PORT]/FOLDER."
    return ""


def _by_http(place: Place, http: Outbound) -> Fetched:
    headers = {"Accept": "text/csv, */*"}
    if place.secret:
        basic = ":" in place.secret
        value = base64.b64encode(place.secret.encode()).decode() if basic else place.secret
        headers["Authorization"] = f"{'Basic' if basic else 'Bearer'} {value}"
    if place.known.get("etag"):
        headers["If-None-Match"] = place.known["etag"]
    if place.known.get("modified"):
        headers["If-Modified-Since"] = place.known["modified"]
    try:
        answer = http.get(place.url, headers=headers, deadline=DEADLINE, read_timeout=60.0, max_bytes=MOST)
    except CallFailed as error:
        raise (Refused(error.reason) if error.blocked else Wait(error.reason)) from None
    if answer.status == 304:
        return Fetched(known=dict(place.known))
    if answer.status in (401, 403):
        raise Locked(later("The server answers %(status)s: the secret does not open the file.", status=answer.status))
    if answer.status in (404, 410):
        raise Wait(later("There is no file at this address now (%(status)s).", status=answer.status))
    if not answer.ok:
        raise Wait(later("The server answers %(status)s.", status=answer.status))
    if "html" in answer.headers.get("Content-Type", "").lower() or _PAGE.match(answer.body[:1000]):
        raise Wait("The server answers with a web page, not with a file.")
    known = {name: value for name, header in (("etag", "ETag"), ("modified", "Last-Modified"))
             if (value := answer.headers.get(header, ""))}  # fmt: skip
    return Fetched([(_file_name(place.url, answer.headers), answer.body)], known)


def _file_name(url: str, headers: Mapping[str, str]) -> str:
    named = _NAME.search(headers.get("Content-Disposition", ""))
    name = unquote(named[1]) if named else posixpath.basename(unquote(urlsplit(url).path))
    name = posixpath.basename(name) or "people.csv"
    if kind_named(name):
        return name
    return f"people {name}"  # a server names its address as it likes, and most files are of people


# --- SFTP


def _by_sftp(place: Place, http: Outbound, met: Callable[[str], None]) -> Fetched:
    with _sftp(place, http, met) as (client, known):
        folder = unquote(urlsplit(place.url).path) or "."
        found = _newest(client, folder, known)
        newest = sorted(found.values(), key=lambda each: each[0])
        marks = "\n".join(f"{one.filename} {one.st_size} {one.st_mtime}" for _rank, one in newest)
        if not found or marks == known.get("marks"):
            return Fetched(known=known)
        sizes = {one.filename: one.st_size for _rank, one in newest}  # of two of a kind the later one counts
        time.sleep(SETTLE)
        read = {f"last {kind}": f"{rank[0]} {rank[1]}" for kind, (rank, _one) in found.items()}
        fetched = Fetched(known={**known, "marks": marks, **read})
        for name, size in sizes.items():
            path = posixpath.join(folder, name)
            if client.stat(path).st_size != size:
                raise Wait(later("%(name)s is still being written.", name=name))
            if int(size or 0) > MOST:
                raise Refused(later("%(name)s is too large.", name=name))
            with client.open(path, "rb") as stream:
                stream.prefetch(int(size or 0))
                fetched.files.append((name, stream.read(MOST + 1)))
            fetched.paths.append(path)
        return fetched


def _newest(client: Any, folder: str, known: Mapping[str, str]) -> dict[str, tuple[tuple[str, int, str], Any]]:
    """By kind the newest file of a folder, with what makes it so; where what was read last is newer, none."""
    try:
        entries = client.listdir_attr(folder)
    except OSError as error:
        raise Wait(later("The folder %(folder)s cannot be read: %(error)s.", folder=folder, error=error)) from None
    found: dict[str, tuple[tuple[str, int, str], Any]] = {}
    archives: list[tuple[tuple[str, int, str], Any]] = []
    for one in entries:
        if not stat.S_ISREG(one.st_mode or 0):
            continue
        kind, rank = kind_named(one.filename), (day_in(one.filename), int(one.st_mtime or 0), one.filename)
        if not kind and one.filename.lower().endswith(".zip") and int(one.st_size or 0) >= SMALLEST_ARCHIVE:
            archives.append((rank, one))
        # what was read last is moved or deleted; older files beside it are not news
        if kind and rank[:2] >= _read_last(known, kind) and (kind not in found or rank > found[kind][0]):
            found[kind] = (rank, one)
    for rank, one in sorted(archives, key=lambda each: each[0], reverse=True)[:MOST_ARCHIVES]:
        if rank[:2] < _read_last(known, ARCHIVE):
            break
        with client.open(posixpath.join(folder, one.filename), "rb") as stream:
            if holds_files(stream):
                return {**found, ARCHIVE: (rank, one)}
    return found


def _read_last(known: Mapping[str, str], kind: str) -> tuple[str, int]:
    """The day in the name and the time of the file of this kind that was read last."""
    day, _blank, changed = known.get(f"last {kind}", " 0").partition(" ")
    return day, int(changed or 0)


def dispose(place: Place, paths: list[str], http: Outbound) -> None:
    """Do with files that were loaded what was asked for: leave, move to ``loaded/``, or delete them.

    :raises Wait: or another trouble, as :func:`fetch`.
    """
    if place.after == "left" or not paths:
        return
    with _sftp(place, http, lambda _key: None) as (client, _known):
        for path in paths:
            if place.after == "deleted":
                client.remove(path)
                continue
            folder = posixpath.join(posixpath.dirname(path), "loaded")
            with suppress(OSError):
                client.mkdir(folder)
            target = posixpath.join(folder, posixpath.basename(path))
            with suppress(OSError):
                client.remove(target)
            client.rename(path, target)


@contextmanager
def _sftp(place: Place, http: Outbound, met: Callable[[str], None]) -> Iterator[tuple[Any, dict[str, str]]]:
    """A session at the server whose key was pinned at the first use."""
    import paramiko

    parts = urlsplit(place.url)
    if not parts.hostname or not parts.username:
        raise Refused(wrong_address(place.url))
    transport = None
    try:
        line = _connect(parts.hostname, parts.port or 22, allow_private=http.allow_private)
        transport = paramiko.Transport(line)
        transport.banner_timeout = transport.auth_timeout = CONNECTING
        transport.start_client(timeout=CONNECTING)
        key = transport.get_remote_server_key()
        given = f"{key.get_name()} {key.get_base64()}"
        if place.known.get("host_key", given) != given:
            raise Locked(
                "The server's key is another than before. Ask whoever runs it; if that is right, forget the old key"
                " (muster source set NAME --forget-host-key)."
            )
        if "host_key" not in place.known:
            met(given)
        user = unquote(parts.username)
        if place.secret.lstrip().startswith("-----BEGIN"):
            transport.auth_publickey(user, _private_key(place.secret))
        else:
            transport.auth_password(user, place.secret)
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        client.get_channel().settimeout(60.0)
        yield client, {**place.known, "host_key": given}
    except paramiko.AuthenticationException:
        raise Locked("The server does not let this user in with this secret.") from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise Wait(later("The server cannot be reached: %(what)s.", what=str(error) or type(error).__name__)) from None
    finally:
        if transport is not None:
            transport.close()


def _private_key(text: str) -> Any:
    import io

    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(io.StringIO(text))
    raise Locked("The secret is no private key that can be read, or it has a passphrase.")


def _connect(host: str, port: int, *, allow_private: bool) -> socket.socket:
    """A line to the host, at an address that may be called from here."""
    failure: OSError | None = None
    for family, kind, protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not allow_private and not is_public(str(address[0])):
            raise Refused("This address is not allowed from here.")
        line = socket.socket(family, kind, protocol)
        line.settimeout(CONNECTING)
        try:
            line.connect(address)
            return line
        except OSError as error:
            line.close()
            failure = error
    raise failure or OSError("no address")
