"""Messages through Moodle's own messaging, one recipient a call, each at most once (rules 8.6).

Moodle drops no repeats, and a batch with one bad recipient answers an error after the good ones were sent.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from plugin.hosts.moodle.people import is_id
from plugin.hosts.moodle.rest import Fault, Rest, Unclear
from plugin.hosts.port import Garbled, HostTrouble, Outcome

SEND = "core_message_send_instant_messages"
LONGEST = 4000
"""Bytes; Moodle refuses a message of more than 4096."""
_BEFORE = ("invalidparameter", "nopermissions", "requireloginerror", "disabled")
"""Errors that Moodle finds before it sends anything."""
_ANYBODY = "(People who take messages from contacts alone are reached with the capability moodle/site:messageanyuser.)"
_MAYBE = "Moodle did not say whether it sent this message."


@dataclass(frozen=True)
class _Sent:
    outcome: Outcome
    trouble: HostTrouble | None = None


class Messages:
    """Sends messages of one Moodle."""

    def __init__(self, rest: Rest, parallel: int) -> None:
        self._rest, self._parallel = rest, parallel

    def send(self, items: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """Send each once.

        :raises HostTrouble: only when nothing at all went out.
        """
        with ThreadPoolExecutor(self._parallel) as pool:
            sent = list(pool.map(self._one, items))
        troubles = [one.trouble for one in sent if one.trouble is not None]
        if troubles and len(troubles) == len(sent):
            raise troubles[0]
        return [one.outcome for one in sent]

    def _one(self, item: Mapping[str, Any]) -> _Sent:
        key, person = str(item["message"]), str(item["person"])
        if not is_id(person):
            return _Sent(Outcome(key, "gone", "Moodle has no such person."))
        message = {"touserid": person, "text": message_text(item), "textformat": 1}
        try:
            answer = self._rest.call(SEND, {"messages": [message]})
        except Fault as fault:
            unclear = fault.code not in _BEFORE
            return _Sent(
                Outcome(key, "maybe" if unclear else "refused", f"{_MAYBE} {fault.why}" if unclear else fault.why)
            )
        except (Unclear, Garbled) as trouble:
            return _Sent(Outcome(key, "maybe", f"{_MAYBE} {trouble.why}"))
        except HostTrouble as trouble:
            return _Sent(Outcome(key, "retry", trouble.why), trouble)
        return _Sent(_outcome(key, answer))


def _outcome(key: str, answer: Any) -> Outcome:
    one = answer[0] if isinstance(answer, list) and len(answer) == 1 else None
    number = one.get("msgid") if isinstance(one, dict) else None
    if not isinstance(one, dict) or isinstance(number, bool) or not isinstance(number, int):
        return Outcome(key, "maybe", _MAYBE)
    if number > 0:
        return Outcome(key, "done")
    said = str(one.get("errormessage") or "it gives no reason")[:400]
    return Outcome(key, "refused", f"Moodle did not send it: {said} {_ANYBODY}")


def message_text(item: Mapping[str, Any]) -> str:
    """One message as HTML: Moodle's have no subject, so it stands in bold above."""
    subject, link = html.escape(str(item.get("subject") or "")), str(item.get("link") or "")
    title = f"<p><strong>{subject}</strong></p>" if subject else ""
    foot = (
        f'<p><a href="{html.escape(link)}">{html.escape(link)}</a></p>'
        if link.startswith(("https://", "http://"))
        else ""
    )
    body = str(item.get("html") or "")
    if not body or len((title + body + foot).encode()) > LONGEST:
        room = LONGEST - len((title + foot).encode()) - 20
        plain = html.escape(str(item.get("text") or "")).encode()[: max(0, room)].decode(errors="ignore")
        plain = plain[: plain.rfind("&")] if "&" in plain[-8:] and ";" not in plain[plain.rfind("&") :] else plain
        body = f"<p>{plain}</p>"
    return title + body + foot
