"""The port to a host: records, and four verbs: describe, read, write, hear.

Nothing above this room sees HTTP, tokens, cursors or a host's JSON; nothing in it sees certifications.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from plugin.core.network.http import HttpAnswer

KINDS = ("people", "units", "jobs", "audiences", "members", "courses", "completions", "enrolments")


class HostTrouble(Exception):
    """The host could not do what we asked. ``why`` is a sentence for the administrator."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Wait(HostTrouble):
    """Later: too many calls, down, or no answer in time. ``after``: seconds the host asked for, if it did."""

    def __init__(self, why: str, after: int | None = None) -> None:
        super().__init__(why)
        self.after = after


class Locked(HostTrouble):
    """Our credentials or rights do not suffice: the connection is paused until somebody acts."""


class Refused(HostTrouble):
    """This request will never be granted."""


class Garbled(HostTrouble):
    """The answer breaks the contract: the connection is paused, nothing of it is believed."""


class MarkTooOld(HostTrouble):
    """The host no longer knows the mark: read in full."""


@dataclass(frozen=True)
class Record:
    """One record of a kind, as the host gave it: its id and its fields, with absent and null alike missing."""

    id: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class LeftOutRecord:
    """A record that was left out, because nobody could be named by its id.

    :ivar id: what stood there, as it can be shown. :ivar cost: ``id``, see :mod:`plugin.mirror.problems`.
    """

    id: str
    cost: str = "id"


@dataclass(frozen=True)
class Page:
    """Part of a read.

    :ivar gone: ids the host says were deleted.
    :ivar cursor: where an interrupted read goes on; ``None`` on the last page.
    :ivar mark: on the last page: what to pass as ``since`` next time; ``None`` where the host has no deltas.
    :ivar whole: the last page of a whole read, so that whoever was not seen is suspect.
    :ivar partial: fields that a record does not name stay as they are, instead of being empty.
    :ivar aside: records that were left out.
    """

    kind: str
    rows: Sequence[Record]
    gone: Sequence[str] = ()
    cursor: str | None = None
    mark: str | None = None
    whole: bool = False
    partial: bool = False
    aside: Sequence[LeftOutRecord] = ()


@dataclass(frozen=True)
class Caps:
    """What a host can do. What is not listed is not offered."""

    name: str = ""
    time_zone: str = ""
    reads: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By kind: ``full``, ``delta``, ``ids``; of enrolments also ``courses``: as ids, ``course:…`` for all of a course;
    of completions also ``pairs``: an id is the learner's and the course's, ``person:course``, whether there is one or not."""
    writes: Mapping[str, int] = field(default_factory=dict)
    """``seats``, ``messages``, ``resets``: the batch size; 0 or absent: not offered."""
    reads_status: bool = True
    tells_same: bool = True
    resets_completion: bool = False
    writes_all_or_nothing: bool = False
    keyed_messages: bool = True
    """The host drops a message whose key it has seen, so that one may be sent again (rules 8.6)."""
    greets_leavers: bool = False
    """The host sends a course's welcome message to whom we suspend there as well."""

    def can(self, kind: str, how: str) -> bool:
        """Whether a kind can be read that way."""
        return how in self.reads.get(kind, ())

    def to_json(self) -> dict[str, Any]:
        """For the connection's row."""
        return {
            "name": self.name, "time_zone": self.time_zone, "reads": {k: list(v) for k, v in self.reads.items()},
            "writes": dict(self.writes), "reads_status": self.reads_status, "tells_same": self.tells_same,
            "resets_completion": self.resets_completion, "writes_all_or_nothing": self.writes_all_or_nothing,
            "keyed_messages": self.keyed_messages, "greets_leavers": self.greets_leavers,
        }  # fmt: skip

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Caps:
        """The reverse of :meth:`to_json`."""
        return cls(**{name: document[name] for name in cls.__dataclass_fields__ if name in document})


@dataclass(frozen=True)
class Outcome:
    """What became of one item: ``done``, ``same``, ``found``, ``retry``, ``refused`` or ``gone``.

    A dialect whose messages have no key also says ``maybe``: it went out and nobody knows what became of it.

    :ivar after: for ``retry``: seconds the host asked for.
    """

    key: str
    outcome: str
    why: str = ""
    after: int | None = None


OUTCOMES = ("done", "same", "found", "retry", "refused", "gone")


@dataclass(frozen=True)
class Reply:
    """The answer to a write: outcomes, or the host's job that will have them."""

    outcomes: Sequence[Outcome] | None = None
    job: str | None = None


@dataclass(frozen=True)
class Hint:
    """Somebody says: look at these records again. ``kind`` is one of :data:`KINDS`, or ``all``."""

    kind: str
    ids: Sequence[str]
    key: str


@dataclass(frozen=True)
class Check:
    """One piece of a connection, tried.

    :ivar ok: ``None`` where it could not be tried, because something before it failed or nothing is set.
    :ivar sentence: what was seen. :ivar fix: what to do about it, in the host's own words; empty where nothing is.
    """

    name: str
    ok: bool | None
    sentence: str
    fix: str = ""


@dataclass(frozen=True)
class ConnectionSpec:
    """How to reach a host: the connection's row without its state."""

    name: str
    kind: str
    api_url: str = ""
    api_token: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""
    hooks_secret: str = ""
    mapping: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    caps: Caps = field(default_factory=Caps)
    service: Callable[..., HttpAnswer] | None = field(default=None, repr=False, compare=False)
    """``service(scopes, method, url, headers=…, data=…)``: a call of an LTI service of the registration, with a token."""


class HostDialect(Protocol):
    """A dialect. Every method may raise the troubles above."""

    def describe(self) -> Caps:
        """Ask the host what it can do."""

    def read(
        self, kind: str, *, since: str | None = None, cursor: str | None = None, ids: Sequence[str] | None = None
    ) -> Iterator[Page]:
        """Read a kind: whole, since a mark, or exactly these ids. ``cursor`` goes on with a read cut short.

        ``ids`` with ``since``: of these, only those that may have changed; nothing is said of the others.
        """

    def prepare(self, kind: str, items: Sequence[Mapping[str, Any]], correlation: str) -> str:
        """The body of a write, the same for the same items; ``kind``: ``seats``, ``messages`` or ``resets``."""

    def look(self, kind: str, body: str) -> str | None:
        """Before the first sending: the body with what the host has already, to be kept and sent instead.

        ``None`` where there is nothing to look at, or it was looked at before. Changes nothing at the host.
        """

    def send(self, call_id: str, kind: str, body: str) -> Reply:
        """Make a write. Repeated with the same id and body where no answer came."""

    def poll(self, job: str) -> Reply:
        """Ask after a job; ``Reply()`` with neither while it runs."""

    def hear(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Verify and translate one message.

        :raises Locked: bad signature. :raises Refused: not understood.
        """
