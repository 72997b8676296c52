"""A small internet of the tests' own: names that resolve to public addresses, which lead to this machine and nowhere else.

So what goes out is tried as in production, with private addresses refused, by TLS with certificates that are checked.
"""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PUBLIC = "93.184.215.14"
"""Stands for this machine while the small internet is open."""
Answerer = Callable[[str, dict[str, str]], tuple[int, Any]]


@dataclass(frozen=True)
class File:
    """What a site answers instead of a JSON document."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Internet:
    """Its names and what they resolve to; any other name is not known.

    :ivar slow: names for which the name server takes so many seconds.
    """

    def __init__(self, folder: Path) -> None:
        self.names: dict[str, str] = {}
        self.slow: dict[str, float] = {}
        self._folder = folder
        self._look_up = socket.getaddrinfo

    def getaddrinfo(self, host: Any, port: Any, *more: Any, **named: Any) -> Any:
        """As the system's, by the names of this internet alone."""
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name == PUBLIC and port is not None:
            return self._look_up("127.0.0.1", port, *more, **named)
        time.sleep(self.slow.get(name, 0))
        if name in self.names:
            return self._look_up(self.names[name], port, *more, **named)
        if name and all(one in "0123456789abcdef.:" for one in name):
            return self._look_up(name, port, *more, **named)
        name.encode("idna")  # what no name can be is said as the system says it
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    @contextmanager
    def site(self, name: str, answer: Answerer) -> Iterator[str]:
        """A site of this name; gives its address. ``answer(path, headers)`` gives a status and a JSON document."""
        self.names[name] = PUBLIC

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.rfile.read(int(headers.get("content-length", 0)))
                status, document = answer(self.path, headers)
                body = document.body if isinstance(document, File) else json.dumps(document).encode()
                self.send_response(status)
                length = {"Content-Length": str(len(body))}
                for one in {**length, **(document.headers if isinstance(document, File) else {})}.items():
                    self.send_header(*one)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - as the base class looks for it

            def log_message(self, *_said: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate(name))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"https://{name}:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()

    def certificate(self, name: str) -> Path:
        """A certificate of its own for a name, with its key; trusted while this internet is open."""
        key = ec.generate_private_key(ec.SECP256R1())
        whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(whose).issuer_name(whose).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        file = self._folder / f"{name}.pem"
        pem = made.public_bytes(serialization.Encoding.PEM)
        file.write_bytes(pem + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ))  # fmt: skip
        with (self._folder / "trusted.pem").open("ab") as trusted:
            trusted.write(pem)
        return file


@pytest.fixture
def internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Internet:
    """The small internet, open for one test."""
    folder = tmp_path / "internet"
    folder.mkdir()
    made = Internet(folder)
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "trusted.pem"))
    return made
