"""A host that is reached over LTI alone: the members of the contexts Muster was opened from. It cannot be written to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from plugin.core.clock import Clock
from plugin.core.network.http import Outbound
from plugin.core.runtime import Runtime
from plugin.core.text.stored import later
from plugin.hosts.port import (
    Caps,
    Check,
    ConnectionSpec,
    Garbled,
    Hint,
    HostTrouble,
    Locked,
    Outcome,
    Page,
    Record,
    Refused,
    Reply,
    Wait,
)
from plugin.lti.names import Member, read_members
from plugin.lti.services import ServiceTrouble

_KINDS = ("people", "audiences", "members", "courses", "enrolments")
_KEYS = {"seats": "seat", "messages": "message", "resets": "reset"}
_NO_WAY = "This learning site is connected by LTI alone, which cannot enrol anybody or send messages."


class NrpsHost:
    """Reads the rosters of the contexts that launches named: each is an audience and a course of the same id."""

    def __init__(self, spec: ConnectionSpec, http: Outbound, clock: Clock) -> None:
        self._spec = spec
        self._rosters: dict[str, list[Member]] = {}
        contexts = spec.settings.get("contexts")
        self._contexts: dict[str, Mapping[str, Any]] = dict(sorted(contexts.items())) if contexts else {}

    def describe(self) -> Caps:
        """Nothing is asked: what this can do is the same everywhere."""
        return Caps(reads={kind: ("full",) for kind in _KINDS}, reads_status=False)

    def read(
        self, kind: str, *, since: str | None = None, cursor: str | None = None, ids: Sequence[str] | None = None
    ) -> Iterator[Page]:
        """One page for each context; the cursor is the context to go on with.

        :raises Refused: for deltas and ids, which this service does not have.
        """
        if kind not in _KINDS or since is not None or ids is not None:
            raise Refused(later("Names and roles offer no %(kind)s in this way.", kind=kind))
        names = [name for name in self._contexts if cursor is None or name >= cursor]
        for position, name in enumerate(names):
            following = names[position + 1] if position + 1 < len(names) else None
            yield Page(kind, self._rows(kind, name), cursor=following, whole=following is None)
        if not names:
            yield Page(kind, (), whole=True)

    def _rows(self, kind: str, context: str) -> list[Record]:
        title = str(self._contexts[context].get("title") or context)
        if kind in ("audiences", "courses"):
            return [Record(context, {"name": title, "code": context})]
        here = [member for member in self._roster(context) if member.active]
        if kind == "people":
            return [Record(member.user, {**member.fields, "state": "active"}) for member in here]
        if kind == "members":
            return [Record(f"{context}:{one.user}", {"audience": context, "person": one.user}) for one in here]
        return [
            Record(f"{context}:{one.user}", {"person": one.user, "course": context, "state": "active", "by": "other"})
            for one in here
        ]

    def _roster(self, context: str) -> list[Member]:
        """A context's members, asked for once in the life of this object. A context that is gone has none."""
        if context not in self._rosters:
            if self._spec.service is None:
                raise Locked("This connection belongs to no registration, so it has no LTI services.")
            try:
                pages = read_members(self._spec.service, str(self._contexts[context]["url"]))
                self._rosters[context] = [member for page in pages for member in page]
            except ServiceTrouble as trouble:
                if trouble.status not in (404, 410):
                    raise _trouble(trouble) from None
                self._rosters[context] = []
        return self._rosters[context]

    def prepare(self, kind: str, items: Sequence[Mapping[str, Any]], correlation: str) -> str:
        """The items as they are."""
        return json.dumps({"items": list(items)})

    def look(self, kind: str, body: str) -> str | None:
        """Nothing is ever written, so nothing has to be looked at before."""
        return None

    def send(self, call_id: str, kind: str, body: str) -> Reply:
        """Answer for each seat by what the roster shows; nothing can be changed there."""
        return Reply([self._outcome(kind, item) for item in json.loads(body)["items"]])

    def _outcome(self, kind: str, item: Mapping[str, Any]) -> Outcome:
        key = str(item[_KEYS[kind]])
        if kind != "seats" or item.get("course") not in self._contexts:
            return Outcome(key, "refused", _NO_WAY)
        there = any(one.user == item.get("person") and one.active for one in self._roster(str(item["course"])))
        if there:
            return Outcome(key, "found")
        return Outcome(key, "refused", _NO_WAY) if item.get("want") == "in" else Outcome(key, "same")

    def poll(self, job: str) -> Reply:
        """There are no jobs."""
        raise Refused("There is no such job.")

    def hear(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """There are no hints."""
        raise Locked("This learning site is connected by LTI alone and sends no hints.")


def _trouble(trouble: ServiceTrouble) -> HostTrouble:
    if not trouble.permanent:
        return Wait(trouble.why, trouble.after)
    return Locked(trouble.why) if trouble.status in (None, 401, 403) else Garbled(trouble.why)


def checklist(runtime: Runtime, spec: ConnectionSpec) -> list[Check]:
    """Read the roster of each course known, up to three."""
    host = NrpsHost(spec, runtime.http, runtime.clock)
    contexts = spec.settings.get("contexts") or {}
    if not contexts:
        return [
            Check(
                "Courses", None, "No course is known yet: each one is learnt when Muster is opened from it.",
                "Open Muster from a course, with names and roles allowed for the tool.",
            )
        ]  # fmt: skip
    return [_roster(host, name, str(one.get("title") or name)) for name, one in sorted(contexts.items())[:3]]


def _roster(host: NrpsHost, name: str, title: str) -> Check:
    try:
        count = len(host._rows("members", name))
    except HostTrouble as trouble:
        return Check(
            later("Course %(title)s", title=title),
            False,
            trouble.why,
            later("Allow names and roles for Muster at the learning site."),
        )
    return Check(
        later("Course %(title)s", title=title), True, later("Its members can be read: %(count)s.", count=count)
    )
