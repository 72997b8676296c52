"""The way out as in production: private addresses refused, names looked up, every trouble a sentence."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import requests

from plugin.app import create_app
from plugin.core.errors import Unavailable
from plugin.core.network import http
from plugin.core.network.addresses import is_public
from plugin.core.network.http import CallFailed, Outbound
from plugin.core.runtime import Runtime
from plugin.delivery.messages.smtp import Mailer, MailTrouble, Server
from plugin.hosts.csv.fetching import Place, fetch
from plugin.hosts.port import Refused
from plugin.mirror.connections.store import NewHost, add_host, connection_of
from plugin.mirror.pulling.pull import pull
from tests.internet import Internet, internet

__all__ = ["internet"]

STRANGE = [
    "https://nobody.test/", "https://a..b/", f"https://{'x' * 64}.test/", f"https://{'ü' * 60}.test/", "https://.test/",
    "https://xn--a.test/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[fe80::1%25eth0]/", "https://127.0.0.1/",
    "https://0x7f.1/", "https://2130706433/", "https://0/", "https://169.254.169.254/", "https://[/", "https://:443/", "https://",
    "https://host:99999/", "https://host:x/", "http://plain.test/", "ftp://plain.test/", "https://a\x00b/", "https://a b/",
    "https://\ud800.test/", "https://100.64.0.1/", "https://[64:ff9b::a00:1]/", "https://192.0.0.1/", "not an address", "",
]  # fmt: skip


def test_a_call_by_name_arrives_with_the_name_and_port_it_was_made_to(internet: Internet) -> None:
    seen: list[dict[str, str]] = []

    def answer(_path: str, headers: dict[str, str]) -> tuple[int, Any]:
        seen.append(headers)
        return 200, {"hello": 1}

    with internet.site("lms.test", answer) as base:
        found = Outbound(allow_private=False).get(f"{base}/x")
        assert found.json() == {"hello": 1}
        assert seen[0]["host"] == base.removeprefix("https://")
        internet.names["other.test"] = internet.names["lms.test"]
        with pytest.raises(CallFailed, match="certificate"):
            Outbound(allow_private=False).get(base.replace("lms.test", "other.test"))


@pytest.mark.parametrize("allow_private", [False, True])
def test_a_name_that_nobody_knows_is_said_and_nothing_was_sent(internet: Internet, allow_private: bool) -> None:
    internet.certificate("unused.test")
    out = Outbound(allow_private=allow_private)
    with pytest.raises(CallFailed, match="not known") as failure:
        out.get("https://nobody.test/")
    assert (failure.value.blocked, failure.value.sent) == (False, False)
    with pytest.raises(requests.RequestException):
        out.session.get("https://nobody.test/")


WITHIN = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.1",
    "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.19.255.254", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "::", "::1",
    "::ffff:10.0.0.1", "::ffff:100.64.0.1", "::ffff:198.18.0.1", "::ffff:0.1.2.3", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1",
)  # fmt: skip


def test_calls_mail_and_files_know_the_same_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one for one in WITHIN if is_public(one)] == []
    assert all(is_public(one) for one in ("8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111"))
    for address in WITHIN:
        found = (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_all, found=found, **_more: [found])
        with pytest.raises(CallFailed) as failure:
            Outbound(allow_private=False).get("https://inside.test/")
        assert failure.value.blocked, address
        with pytest.raises(MailTrouble, match="not allowed"):
            Mailer(Server("inside.test", 587, "none", "", "", "a@example.org", "", allow_private=False)).__enter__()
        with pytest.raises(Refused, match="not allowed"):
            fetch(Place("sftp://hr@inside.test/export"), Outbound(allow_private=False))


@pytest.mark.parametrize("url", STRANGE)
def test_whatever_is_called_fails_in_a_way_every_caller_knows(internet: Internet, url: str) -> None:
    internet.certificate("unused.test")
    out = Outbound(allow_private=False)
    with pytest.raises(CallFailed) as failure:
        out.get(url)
    assert failure.value.reason
    with pytest.raises(requests.RequestException):
        out.session.get(url)


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1"])
def test_a_name_that_leads_inside_is_blocked(internet: Internet, address: str) -> None:
    internet.certificate("unused.test")
    internet.names["inside.test"] = address
    with pytest.raises(CallFailed) as failure:
        Outbound(allow_private=False).get("https://inside.test/")
    assert failure.value.blocked


def test_a_name_server_that_takes_its_time_is_not_waited_for(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    internet.certificate("unused.test")
    monkeypatch.setattr(http, "RESOLVING", 0.1)
    internet.slow["slow.test"] = 1.0
    began = time.monotonic()
    with pytest.raises(CallFailed) as failure:
        Outbound(allow_private=False).get("https://slow.test/")
    assert not failure.value.sent
    assert time.monotonic() - began < 1.0


def test_a_host_whose_name_is_gone_is_down_and_tried_again_ever_more_rarely(
    internet: Internet, runtime: Runtime
) -> None:
    internet.certificate("unused.test")
    made = replace(runtime, settings=replace(runtime.settings, allow_private_addresses=False))
    url = "https://gone.test"
    new = NewHost(
        name="gone", issuer=url, client_id="c", deployment="1", auth_url=url, token_url=url, jwks_url=url, api_url=url
    )
    host_id = made.db.transact(lambda session: add_host(session, new, 1).id)
    again = []
    for _round in range(3):
        with pytest.raises(Unavailable, match="not known"):
            pull(made, host_id)
        with made.db.read() as session:
            row = connection_of(session, host_id)
        again.append(row.retry_at - made.clock.now())
        assert row.state == "down"
    assert again == sorted(set(again))


def test_a_registration_from_a_name_nobody_knows_is_refused_in_a_sentence(internet: Internet, runtime: Runtime) -> None:
    internet.certificate("unused.test")
    made = replace(runtime, settings=replace(runtime.settings, allow_private_addresses=False))
    app = create_app(made)
    for url in STRANGE:
        if "\ud800" in url:
            continue
        answer = app.test_client().get("/lti/register", query_string={"openid_configuration": url})
        assert 400 <= answer.status_code < 500 or answer.status_code in (502, 503), (url, answer.status_code)
        assert "Traceback" not in answer.text


@pytest.mark.parametrize("length", ["", "Content-Length: 100000\r\n"])
def test_a_status_that_says_something_is_wrong_counts_though_its_body_never_ends(
    monkeypatch: pytest.MonkeyPatch, length: str
) -> None:
    monkeypatch.setattr(http, "ERROR_READING", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _address = server.accept()
            with line:
                line.recv(10_000)
                line.sendall(f"HTTP/1.1 502 Bad Gateway\r\n{length}\r\nsor".encode())
                line.recv(1)  # until the other side gives it up

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        found = Outbound(allow_private=True).get(f"http://127.0.0.1:{server.getsockname()[1]}/", read_timeout=60.0)
        assert (found.status, found.ok) == (502, False)
        thread.join(10)
        assert not thread.is_alive()


def test_of_an_answer_that_says_something_is_wrong_the_beginning_is_kept(internet: Internet) -> None:
    def answer(path: str, _headers: dict[str, str]) -> tuple[int, Any]:
        return 500, {"detail": "Out of paper.", "more": "x" * (400_000 if path == "/long" else 10)}

    with internet.site("lms.test", answer) as base:
        out = Outbound(allow_private=False)
        assert out.get(f"{base}/short", max_bytes=300).json()["detail"] == "Out of paper."
        assert 0 < len(out.get(f"{base}/long").body) <= http.ERROR_BYTES
