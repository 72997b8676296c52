"""A report as letters: which one is under way is written down before it is handed in, so that none is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.delivery.messages.channels import channel_of, server_of
from plugin.delivery.messages.smtp import Attachment, Mailer, MailTrouble, compose, message_id, usable
from plugin.reports.sending.schedules import is_allowed, leaving
from plugin.reports.sending.tables import ReportSending

DEADLINE = 120.0
"""Seconds for one letter with its file."""
_OUTSIDE = "This address is outside the domains that the site allows."
_STOPPED = "Muster stopped while this was being sent: it may have arrived."
Change = Callable[[Callable[[ReportSending], None]], bool]


def outcome(recipients: Sequence[dict[str, Any]]) -> str:
    """What became of all letters together: ``sent``, ``partly``, ``failed``; empty where nothing was tried."""
    sent = sum(one["state"] == "sent" for one in recipients)
    if not recipients:
        return ""
    return "sent" if sent == len(recipients) else "partly" if sent else "failed"


def given_up(recipients: Sequence[dict[str, Any]], why: str) -> list[dict[str, Any]]:
    """The same, with those that still wait as refused."""
    return [
        {**one, "state": "refused", "why": why} if one["state"] in ("owed", "retry") else dict(one)
        for one in recipients
    ]


def post(runtime: Runtime, host_id: int, row: ReportSending, who: str, data: bytes | None, change: Change) -> str:
    """Send to everybody who still waits; returns why somebody still does, where that is so.

    :param data: the file; ``None`` where it does not leave and the letter says where it lies.
    :param change: writes down what happened; says no where another worker has the sending by now.
    """
    with runtime.db.read() as session:
        host = session.get_one(Host, host_id)
        domains, channel = leaving(host).domains, channel_of(session, host_id)
        title = host.title or host.name
    for place, one in enumerate(row.recipients):
        if one["state"] == "begun":
            change(_mark(runtime, place, "maybe", _STOPPED))
        elif one["state"] in ("owed", "retry") and not is_allowed(str(one["to"]), domains):
            change(_mark(runtime, place, "refused", _OUTSIDE))
    waiting = [
        (place, str(one["to"])) for place, one in enumerate(row.recipients)
        if one["state"] in ("owed", "retry") and is_allowed(str(one["to"]), domains)
    ]  # fmt: skip
    if not waiting:
        return ""
    trouble = ""
    try:
        server = server_of(runtime, channel)
        with Mailer(server, deadline=DEADLINE) as mailer:
            for place, to in waiting:
                if not change(_mark(runtime, place, "begun", "")):
                    return ""
                identity = message_id(host_id, f"report:{row.id}:{place}", server.sender)
                file = None if data is None else Attachment(row.file_name, row.media, data)
                letter = compose(server, str(usable(to)), "", _text(row, who, title, attached=data is not None),
                                 identity=identity, at=runtime.clock.true(), attachment=file)  # fmt: skip
                try:
                    posted = mailer.send(str(usable(to)), letter)
                except MailTrouble:  # of this letter nothing was sent
                    change(_mark(runtime, place, "retry", ""))
                    raise
                change(_mark(runtime, place, posted.word, posted.why))
                trouble = posted.why if posted.word == "retry" else trouble
    except MailTrouble as error:
        return error.why
    return trouble


def _mark(runtime: Runtime, place: int, state: str, why: str) -> Callable[[ReportSending], None]:
    at = runtime.clock.now()

    def work(row: ReportSending) -> None:
        found = [dict(one) for one in row.recipients]
        found[place] |= {"state": state, "why": why, "at": at}
        row.recipients = found

    return work


def _text(row: ReportSending, who: str, title: str, *, attached: bool) -> dict[str, str]:
    rows = f"{row.rows:,} row{'' if row.rows == 1 else 's'}"
    where = (
        f"The file {row.file_name} is attached: {rows}." if attached
        else f"The file {row.file_name} ({rows}) lies in Muster under Reports, Sent to me, for thirty days."
    )  # fmt: skip
    lines = [where, f"Sent by Muster for {title}, by a schedule of {who}, with what its owner may see now."]
    return {
        "subject": f"{row.name} ({title})",
        "text": "\n\n".join(lines),
        "html": "".join(f"<p>{escape(line)}</p>" for line in lines),
    }
