"""The generic host API, version 1: records pulled page by page, signed webhooks pushed, signed hints heard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from plugin.core.clock import Clock
from plugin.core.network.http import READ_TIMEOUT, CallFailed, HttpAnswer, Outbound
from plugin.core.network.signing import BadSignature, signed_headers, verify
from plugin.core.network.waits import LONGEST_WAIT, asked_to_wait
from plugin.core.text.stored import later
from plugin.core.text.texts import clean_lines, shown, usable
from plugin.hosts.client_credentials import access_token, credentials_in
from plugin.hosts.moodle.moodle_hints import hear_event
from plugin.hosts.port import (
    KINDS,
    OUTCOMES,
    Caps,
    ConnectionSpec,
    Garbled,
    Hint,
    LeftOutRecord,
    Locked,
    MarkTooOld,
    Outcome,
    Page,
    Record,
    Refused,
    Reply,
    Wait,
)
from plugin.hosts.standard_hints import hear_standard

PAGE = 1000
ANSWERED = 30.0
"""Seconds in which a push is answered, or it is repeated (HOST-API, Push); a page of records may take as long."""
IDS = 200
LONGEST_LIST = 6000
"""Characters of an address that ids may take: many servers refuse one longer than 8,000."""
_TYPES = {"seats": "seats.changed", "messages": "message.send", "resets": "completions.reset"}
_KEYS = {"seats": "seat", "messages": "message", "resets": "reset"}
_NOT_OFFERED = {
    "seats": "The learning site does not offer to take enrolments.",
    "messages": "The learning site does not offer to take messages: choose another way at Hosts › Messages.",
    "resets": "The learning site does not offer to let courses begin anew.",
}
_USUAL = 100
_LONGEST_ID = 255
_LONGEST_WHY = 1000


class WebhookHost:
    """Speaks HOST-API to one connection."""

    def __init__(self, spec: ConnectionSpec, http: Outbound, clock: Clock) -> None:
        self._spec, self._http, self._clock = spec, http, clock
        self._api = spec.api_url.rstrip("/")

    # --- reading

    def describe(self) -> Caps:
        """``GET {api}/``."""
        document = self._get("")
        kinds, writes = document.get("kinds"), document.get("writes")
        writes = (
            {"seats": _USUAL} if writes is None else writes
        )  # a host without a word on it is given a webhook for that
        if document.get("version") != 1 or not isinstance(kinds, dict) or not isinstance(writes, dict):
            raise Garbled("The host's description is not that of version 1 of the host API.")
        return Caps(
            name=str(document.get("name") or ""),
            time_zone=str(document.get("time_zone") or ""),
            reads={
                kind: tuple(map(str, how)) for kind, how in kinds.items() if kind in KINDS and isinstance(how, list)
            },
            writes={name: size for name, size in writes.items() if isinstance(size, int) and size > 0},
            reads_status=document.get("reads_status", True) is not False,
            tells_same=document.get("tells_same", True) is not False,
            resets_completion=document.get("resets_completion") is True,
            writes_all_or_nothing=document.get("writes_all_or_nothing") is True,
        )

    def read(
        self, kind: str, *, since: str | None = None, cursor: str | None = None, ids: Sequence[str] | None = None
    ) -> Iterator[Page]:
        """Page by page; a cursor that comes twice is a loop."""
        if ids is not None:
            yield from self._read_ids(kind, ids)
            return
        seen = {cursor}
        while True:
            asked = {"limit": PAGE, "cursor": cursor, "since": since}
            document = self._get(kind, {name: value for name, value in asked.items() if value is not None})
            if since is not None and document.get("items") is None:
                document["items"] = []  # nothing was changed; of a whole read it would mean that nothing is left
            (rows, aside), (gone, unnamed) = _records(document), _gone(document)
            given = {row.id for row in rows}  # a host cannot give what it does not have: such a record came back
            page = Page(kind, rows, [one for one in gone if one not in given], aside=[*aside, *unnamed])
            cursor = _following(document, kind, seen)
            if cursor is None:
                yield replace(page, mark=_word(document.get("mark")), whole=since is None)
                return
            yield replace(page, cursor=cursor)

    def _read_ids(self, kind: str, ids: Sequence[str]) -> Iterator[Page]:
        """Exactly these. Ids that a list cannot name are looked for among all, and never said to be gone."""
        for wanted in _lists([one for one in ids if _can_be_listed(one)]):
            rows: list[Record] = []
            unnamed: list[LeftOutRecord] = []
            cursor: str | None = None
            seen: set[str | None] = {None}
            while True:
                asked = {"ids": ",".join(wanted), "limit": PAGE} | ({"cursor": cursor} if cursor else {})
                document = self._get(kind, asked)
                given, aside = _records(document)
                rows += [row for row in given if row.id in wanted]
                unnamed += aside
                cursor = _following(document, kind, seen)
                if cursor is None:
                    break
            found = {row.id for row in rows} | {one.id for one in unnamed}  # there, if in no way that can be kept
            yield Page(kind, rows, [name for name in wanted if name not in found], aside=unnamed)
        others = {one for one in ids if not _can_be_listed(one)}
        if others:
            for page in self.read(kind):
                if rows := [row for row in page.rows if row.id in others]:
                    yield Page(kind, rows)

    def _get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = self._asked(path, parameters)
        except CallFailed as failure:
            raise _trouble(failure) from None
        asked = parameters or {}
        _check_status(answer, self._clock, kind=bool(path), marked="since" in asked or "cursor" in asked)
        document = _json(answer)
        if not isinstance(document, dict):
            raise Garbled("The host answered something else than a JSON object.")
        return document

    def _asked(self, path: str, parameters: Mapping[str, Any] | None) -> HttpAnswer:
        """The host's answer; a token by client credentials that it does not accept any more costs one more try."""
        asked, token, refused = credentials_in(self._spec.api_token), self._spec.api_token, ""
        while True:
            if asked is not None:
                token = access_token(asked, self._http, self._clock, refused=refused)
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            answer = self._http.get(
                f"{self._api}/{path}", headers=headers, params=parameters, read_timeout=ANSWERED if parameters else READ_TIMEOUT
            )  # fmt: skip
            if answer.status != 401 or asked is None or refused:
                return answer
            refused = token

    # --- writing

    def prepare(self, kind: str, items: Sequence[Mapping[str, Any]], correlation: str) -> str:
        """The webhook's body. Its timestamp is the moment of preparing, so a repeat is the same to the letter."""
        data: dict[str, Any] = {"items": [_without_ours(item) for item in items]}
        if correlation:
            data["correlation"] = correlation
        stamp = datetime.fromtimestamp(self._clock.true(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps({"type": _TYPES[kind], "timestamp": stamp, "data": data}, separators=(",", ":"))

    def look(self, kind: str, body: str) -> None:
        """The host itself tells what it found."""

    def send(self, call_id: str, kind: str, body: str) -> Reply:
        """POST the webhook; every item is answered for, or repeated by the caller.

        What the description does not list is not offered, so it is not asked for either.
        """
        if not _takes(self._spec.caps, kind):
            return _for_all(kind, body, "refused", _NOT_OFFERED[kind])
        headers = signed_headers(self._spec.webhook_secret, call_id, body, at=self._clock.true())
        try:
            answer = self._http.post(
                self._spec.webhook_url, data=body.encode(), headers=headers, max_bytes=4_000_000, read_timeout=ANSWERED
            )  # fmt: skip
        except CallFailed as failure:
            raise _trouble(failure) from None
        if answer.status == 202:
            job = _json(answer)
            name = job.get("job") if isinstance(job, dict) else None
            if (
                not isinstance(name, str | int)
                or not 0 < len(str(name)) <= _LONGEST_ID
                or str(name) != _plain(str(name))
            ):
                raise Garbled("The host took the work but named no job to ask after.")
            return Reply(job=str(name))
        _check_status(answer, self._clock, kind=False)
        if not answer.body.strip():
            return self._all_done(kind, body)
        return Reply(outcomes=_outcomes(_json(answer), _KEYS[kind]))

    def _all_done(self, kind: str, body: str) -> Reply:
        if not self._spec.caps.writes_all_or_nothing:
            raise Garbled("The host answered without outcomes, and does not say that it writes all or nothing.")
        return _for_all(kind, body, "done")

    def poll(self, job: str) -> Reply:
        """``GET {api}/jobs-status/{job}``."""
        document = self._get(f"jobs-status/{quote(job, safe='')}")
        if document.get("state") != "done":
            return Reply(job=job)
        outcomes = document.get("outcomes")
        keys = ("seat", "message", "reset")
        found = [one for one in outcomes or [] if isinstance(one, dict)]
        key = next((name for name in keys if any(name in one for one in found)), "seat")
        return Reply(outcomes=_outcomes(document, key))

    # --- hearing

    def hear(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """A signed hint, or an event as Totara and plugins of Moodle post it (``reference/hosts.md`` §1, §2.9).

        Nothing in either is believed but that these records are worth another look.
        """
        secret = self._spec.hooks_secret or self._spec.webhook_secret
        if secret and not any(name.lower() == "webhook-signature" for name in headers):
            return hear_event(secret, headers, body, now=self._clock.true(), generic=True)
        try:
            message_id = verify(secret, headers, body)
        except BadSignature:
            raise Locked("The signature of this message does not fit.") from None
        return hear_standard(message_id, body)


def _takes(caps: Caps, kind: str) -> bool:
    """Whether the description offers a write: resets by a word of their own, which needs no batch size beside it."""
    return not caps.reads or (caps.resets_completion if kind == "resets" else kind in caps.writes)


def _for_all(kind: str, body: str, outcome: str, why: str = "") -> Reply:
    """One outcome for every item of a body."""
    return Reply([Outcome(item[_KEYS[kind]], outcome, why) for item in json.loads(body)["data"]["items"]])


def _without_ours(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as it goes out: whose it was is our own affair."""
    shown = dict(item)
    shown.pop("ours", None)
    return shown


def _records(document: Mapping[str, Any]) -> tuple[list[Record], list[LeftOutRecord]]:
    """The records of an answer, and those that nobody could be named by: one of them costs no other.

    :raises Garbled: where there is no list, or nothing in it has an id that is text.
    """
    items = document.get("items")
    if not isinstance(items, list):
        raise Garbled("The host's answer has no list of items.")
    rows, aside = [], []
    for item in items:
        ident = item.get("id") if isinstance(item, dict) else None
        if usable(ident):
            rows.append(Record(str(ident), {name: value for name, value in item.items() if value is not None}))
        else:
            aside.append(LeftOutRecord(shown(item if ident is None else ident)))
    if aside and not any(isinstance(item, dict) and isinstance(item.get("id"), str) for item in items):
        raise Garbled("The host gave a record without a proper id.")
    return rows, aside


def _can_be_listed(ident: str) -> bool:
    """Whether ``ids=a,b,c`` can name an id: one with a comma would be read as two, outer blanks as none."""
    return "," not in ident and ident == ident.strip()


def _lists(ids: Sequence[str]) -> Iterator[list[str]]:
    """Ids in parts that one address can hold: at most 200, and no address longer than servers take."""
    part: list[str] = []
    size = 0
    for ident in ids:
        own = len(quote(ident)) + 3
        if part and (len(part) >= IDS or size + own > LONGEST_LIST):
            yield part
            part, size = [], 0
        part.append(ident)
        size += own
    if part:
        yield part


def _gone(document: Mapping[str, Any]) -> tuple[list[str], list[LeftOutRecord]]:
    """The ids that were deleted, and what stands among them that can be nobody's.

    :raises Garbled: where it is no list.
    """
    values = document.get("gone") or []
    if not isinstance(values, list):
        raise Garbled("The host's list of deleted ids is malformed.")
    gone = [value for value in values if usable(value)]
    return gone, [LeftOutRecord(shown(value)) for value in values if value is not None and not usable(value)]


def _word(value: Any) -> str | None:
    """A cursor or a mark; nothing where there is none, which an empty one is not either.

    :raises Garbled: for what could be sent back as neither text nor number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Garbled("The host gave a cursor or a mark that is no text.")
    return str(value)


def _following(document: Mapping[str, Any], kind: str, seen: set[str | None]) -> str | None:
    """The cursor of the next page, added to those seen; ``None`` on the last one.

    :raises Garbled: for one that came before.
    """
    cursor = _word(document.get("next"))
    if cursor is not None and cursor in seen:
        raise Garbled(later("The host's list of %(kind)s goes in circles: it gave the same cursor twice.", kind=kind))
    seen.add(cursor)
    return cursor


def _outcomes(document: Any, key: str) -> list[Outcome]:
    listed = document.get("outcomes") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise Garbled("The host's answer has no list of outcomes.")
    found = []
    for one in listed:
        if not isinstance(one, dict) or not isinstance(one.get(key), str) or one.get("outcome") not in OUTCOMES:
            continue  # an item answered in a way nobody understands counts as not answered, and is asked again
        found.append(Outcome(one[key], one["outcome"], _plain(str(one.get("why") or "")), _seconds(one.get("after"))))
    return found


def _seconds(after: Any) -> int | None:
    """How long a host asks us to wait: nothing below a second, nothing above a day."""
    if isinstance(after, bool) or not isinstance(after, int | float) or after != after:
        return None
    return int(min(max(after, 1), LONGEST_WAIT))


def _plain(text: str) -> str:
    """Words of the host as a database takes them and a page shows them: no NUL, no half characters, not endless."""
    return clean_lines(text, _LONGEST_WHY)


def _json(answer: HttpAnswer) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        raise Garbled("The host answered something that is not JSON.") from None


def _trouble(failure: CallFailed) -> Exception:
    if failure.blocked:
        return Locked(failure.reason)
    return Wait(failure.reason)


def _check_status(answer: HttpAnswer, clock: Clock, *, kind: bool = True, marked: bool = False) -> None:
    """Translate a status (HOST-API, "Errors").

    :param kind: whether something was asked for that a host need not offer. :param marked: whether a mark or a cursor was sent.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    if status in (401, 403):
        right = "The host does not accept our token." if status == 401 else "The host refuses us this."
        raise Locked(_detail(answer) or right)
    if status == 404 and kind:
        raise Refused(_detail(answer) or "The host does not offer this.")
    if status == 410 and marked:
        raise MarkTooOld("The host no longer knows what changed since the last read.")
    if status in (408, 425, 429) or status >= 500:
        raise Wait(_detail(answer) or f"The host answered {status}.", asked_to_wait(answer.headers, clock.true()))
    raise Garbled(later("The host answered %(status)s, which the contract does not know here.", status=status))


def _detail(answer: HttpAnswer) -> str:
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        return ""
    detail = document.get("detail") if isinstance(document, dict) else None
    return _plain(str(detail))[:500] if detail else ""
