"""Letters over SMTP, against a real server: each at most once, unclear ones *maybe sent*, none in the way of a seat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import select

from plugin.core.errors import Invalid
from plugin.core.runtime import Runtime
from plugin.delivery.messages import smtp
from plugin.delivery.messages.channels import EnteredChannel, change_channel, channel_of, try_mail
from plugin.delivery.messages.dispatch import post
from plugin.delivery.messages.queue import KeyAbroad
from plugin.delivery.messages.smtp import Mailer, MailTrouble, Server, compose, message_id, usable
from plugin.delivery.tables import Call, Channel, Message
from plugin.enrolment.message_dates import render
from tests.behaviours.lab import Lab, individuals
from tests.delivery.mailbox import PASSWORD, USER, Mailbox, dripping_server, mail_server
from tests.world import HOST

TEXT = (
    {"when": "assigned", "subject": "Welcome {learner_name}", "body": "Dear {recipient_name},\n\n.\nDue: {due_date}"},
)
NAMES = ("ann", "bob", "cat")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def lab(runtime: Runtime, box: Mailbox) -> Lab:
    """Three people with addresses, whose certification tells them by e-mail that they are assigned."""
    made = Lab(runtime)
    made.people(*NAMES)
    for name in NAMES:
        made.set_person(name, email=f"{name}@example.org")
    by_mail(made, box.port)
    return made


def by_mail(lab: Lab, port: int, **more: Any) -> None:
    usual = {"kind": "mail", "server": "127.0.0.1", "sender": "muster@example.com", "sender_name": "The Academy"}
    entered = EnteredChannel(**{**usual, "port": str(port), "security": "none", **more})
    lab.runtime.db.transact(lambda session: change_channel(session, lab.runtime, HOST, entered, who="sam"))


def send(lab: Lab) -> int:
    return post(lab.runtime, HOST, render)


def states(lab: Lab) -> dict[str, str]:
    with lab.runtime.db.read() as session:
        names = {lab.id(name): name for name in NAMES}
        return {names[row.recipient]: row.state for row in session.scalars(select(Message))}


def whys(lab: Lab) -> dict[str, str]:
    with lab.runtime.db.read() as session:
        return {row.state: row.why for row in session.scalars(select(Message))}


def test_each_letter_has_both_texts_a_stable_id_and_goes_once(lab: Lab, box: Mailbox) -> None:
    lab.set_person("ann", name="<b>Ann</b>\r\nBcc: all@example.org", time_zone="Asia/Tokyo")
    lab.save("fs", *individuals(*NAMES, due={"fixed": "2027-03-31"}), notifications=TEXT)
    assert send(lab) == 3
    assert send(lab) == 0
    assert sorted(box.to) == ["ann@example.org", "bob@example.org", "cat@example.org"]
    letter = next(one for one in box.letters if "ann@" in one["To"])
    assert letter["Subject"] == "Welcome <b>Ann</b> Bcc: all@example.org"
    assert letter["From"] == "The Academy <muster@example.com>"
    assert letter["Bcc"] is None
    plain, page = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert plain.get_content().splitlines() == [
        "Dear <b>Ann</b> Bcc: all@example.org,", "", ".", "Due: 1 April 2027, 08:59 (Asia/Tokyo)",
    ]  # fmt: skip
    assert "&lt;b&gt;Ann&lt;/b&gt;" in page.get_content()
    with lab.runtime.db.read() as session:
        row = session.scalars(select(Message).where(Message.recipient == lab.id("ann"))).one()
        assert session.scalars(select(Call)).all() == []
        key = KeyAbroad(session, HOST)(row.key)
    assert letter["Message-ID"] == message_id(HOST, key, "muster@example.com")
    assert set(states(lab).values()) == {"sent"}


def test_what_the_server_says_is_kept_apart_refused_bounced_later_and_unclear(lab: Lab, box: Mailbox) -> None:
    box.rcpt = {"ann@example.org": "550 5.1.1 no such mailbox", "bob@example.org": "451 4.7.1 greylisted"}
    box.data = {"cat@example.org": "554 5.7.1 looks like spam"}
    lab.save("fs", *individuals(*NAMES), notifications=TEXT)
    send(lab)
    assert states(lab) == {"ann": "bounced", "bob": "owed", "cat": "parked"}
    assert whys(lab) == {"bounced": "550 5.1.1 no such mailbox", "owed": "451 4.7.1 greylisted",
                         "parked": "554 5.7.1 looks like spam"}  # fmt: skip
    box.rcpt = {}
    assert send(lab) == 0  # not before its time
    lab.at(lab.now + 60)
    assert send(lab) == 1
    assert box.to == ["bob@example.org"]


@pytest.mark.parametrize("mood", ["drop", "garbage", "hang"])
def test_no_clear_answer_after_the_letter_is_maybe_sent_and_never_repeated(
    lab: Lab, box: Mailbox, mood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 0.5)
    box.data = {"bob@example.org": mood}
    lab.save("fs", *individuals(*NAMES), notifications=TEXT)
    for _round in range(3):
        send(lab)
        lab.at(lab.now + 4000)
    assert states(lab) == {"ann": "sent", "bob": "maybe", "cat": "sent"}
    assert box.to.count("bob@example.org") <= 1


def test_a_worker_that_dies_in_the_middle_leaves_one_maybe_sent_and_the_others_owed(
    lab: Lab, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.save("fs", *individuals(*NAMES), notifications=TEXT)
    real = Mailer.send

    def dies(self: Mailer, to: str, letter: Any) -> Any:
        if to.startswith("bob"):
            raise KeyboardInterrupt
        return real(self, to, letter)

    monkeypatch.setattr(Mailer, "send", dies)
    with pytest.raises(KeyboardInterrupt):
        send(lab)
    assert states(lab) == {"ann": "sent", "bob": "sending", "cat": "sending"}
    monkeypatch.setattr(Mailer, "send", real)
    assert send(lab) == 0  # its lease still stands
    with lab.runtime.db.write() as session:
        session.scalars(select(Call)).one().lease_until = 1
    send(lab)
    assert states(lab) == {"ann": "sent", "bob": "maybe", "cat": "sent"}
    assert box.to == ["ann@example.org", "cat@example.org"]


def test_addresses_that_cannot_be_are_never_handed_in(lab: Lab, box: Mailbox) -> None:
    lab.set_person("ann", email="")
    lab.set_person("bob", email="bob@example.org\r\nRCPT TO:<eve@example.org>")
    lab.set_person("cat", email="cat@bücher.example")
    lab.save("fs", *individuals(*NAMES), notifications=TEXT)
    send(lab)
    assert states(lab) == {"ann": "bounced", "bob": "bounced", "cat": "sent"}
    assert box.to == ["cat@xn--bcher-kva.example"]
    for address in (
        "a b@example.org",
        "a@b@example.org",
        "<a@example.org>",
        "a@",
        "@b",
        "a@-" + "x" * 300,
        "ä@example.org",
    ):
        assert usable(address) is None, address


def test_a_server_that_is_away_costs_delay_and_is_named(lab: Lab, box: Mailbox) -> None:
    with mail_server() as gone:
        pass
    by_mail(lab, gone.port)
    lab.save("fs", *individuals("ann"), notifications=TEXT)
    assert send(lab) == 0
    with lab.runtime.db.read() as session:
        row = channel_of(session, HOST)
        assert (row.reason, row.retry_at - lab.now) == ("The mail server refuses the connection.", 30)
    assert states(lab) == {"ann": "owed"}
    by_mail(lab, box.port)
    assert send(lab) == 1


def test_a_server_that_drips_is_cut_off(lab: Lab) -> None:
    with dripping_server() as port:
        server = Server("127.0.0.1", port, "none", "", "", "muster@example.com", allow_private=True)
        with pytest.raises(MailTrouble), Mailer(server, deadline=0.5):
            pass


def test_a_private_server_is_refused_where_settings_say_so(lab: Lab, box: Mailbox) -> None:
    server = Server("localhost", box.port, "none", "", "", "muster@example.com")
    with pytest.raises(MailTrouble, match="private network"), Mailer(server):
        pass


def test_starttls_tls_and_signing_in(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ssl

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with mail_server(tls_context=context, require_starttls=True, auth=True, auth_require_tls=True) as box:
        by_mail(lab, box.port, security="starttls", username=USER, password=PASSWORD)
        assert try_mail(lab.runtime, HOST, "sam@example.org") == (
            False,
            "The certificate of the mail server is not valid.",
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert try_mail(lab.runtime, HOST, "sam@example.org") == (True, "")
        assert (box.to, box.auth) == (["sam@example.org"], [True])
        by_mail(lab, box.port, security="starttls", username=USER, password="wrong")
        assert "does not accept the user or the password" in try_mail(lab.runtime, HOST, "sam@example.org")[1]
    with mail_server(ssl_context=context) as box:
        by_mail(lab, box.port, security="tls", password="")
        assert try_mail(lab.runtime, HOST, "sam@example.org") == (True, "")
    with mail_server() as box:
        by_mail(lab, box.port, security="starttls", password="")
        assert "does not offer STARTTLS" in try_mail(lab.runtime, HOST, "sam@example.org")[1]
        assert box.letters == []


def test_the_password_is_sealed_and_stays_with_its_server(lab: Lab, box: Mailbox) -> None:
    by_mail(lab, box.port, username=USER, password=PASSWORD)
    by_mail(lab, box.port, username=USER)
    with lab.runtime.db.read() as session:
        assert session.scalars(select(Channel.password)).one() == PASSWORD
        stored = str(session.connection().exec_driver_sql("SELECT password FROM channel").scalar())
    assert PASSWORD not in stored
    with pytest.raises(Invalid, match="Enter the password again"):
        by_mail(lab, box.port + 1, username=USER)
    by_mail(lab, box.port + 1, kind="host", username=USER)  # not by way of a kind that uses neither
    by_mail(lab, box.port + 1, username=USER)
    with lab.runtime.db.read() as session:
        assert session.scalars(select(Channel.password)).one() is None


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"sender": "nobody"}, "no e-mail address"), ({"sender": ""}, "messages come from"), ({"port": "0"}, "port is a number"),
        ({"server": ""}, "none of its own"), ({"server": "http://mail"}, "name or an address alone"),
        ({"security": "rot13"}, "kept secret"), ({"kind": "pigeon"}, "how messages go out"),
        ({"sender_name": "A\r\nBcc: b"}, "cannot be used"), ({"kind": "webhook"}, "not a web address"),
        ({"kind": "webhook", "url": "http://127.0.0.1/x"}, "needs a secret"),
        ({"kind": "host", "security": "x" * 300}, "kept secret"), ({"kind": "host", "sender": "nobody"}, "no e-mail address"),
        ({"kind": "host", "url": "no address"}, "not a web address"),
    ],
)  # fmt: skip
def test_a_channel_that_cannot_be_is_refused_in_a_sentence(lab: Lab, more: dict[str, str], says: str) -> None:
    usual = EnteredChannel("mail", server="mail.example.org", sender="muster@example.com")
    with pytest.raises(Invalid, match=says):
        lab.runtime.db.transact(
            lambda session: change_channel(session, lab.runtime, HOST, replace(usual, **more), who="sam")
        )


def test_a_letter_survives_long_lines_dots_and_every_script() -> None:
    server = Server("h", 25, "none", "", "", "muster@example.com", "Ünï")
    words = "x" * 5000 + "\n.\n..\n" + "日本語 " * 300
    text = {"subject": "日本語 " * 30, "text": words, "html": f"<p>{words}</p>"}
    wire = smtp._wire(compose(server, "a@example.org", "日本語\nBcc: x", text, identity="<1@x>", at=0))
    assert wire.endswith(b"\r\n.\r\n")
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    assert b"\r\n.\r\n" not in wire[:-5]
    assert b"\nBcc" not in wire
