"""Moodle behind the port: describe, read, write, hear."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from plugin.core.clock import Clock
from plugin.core.logs import log
from plugin.core.network.http import Outbound
from plugin.core.network.signing import BadSignature, verify
from plugin.core.text.stored import later
from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.courses import STATUS, Courses
from plugin.hosts.moodle.groups import COURSES, LIST, MEMBERS, SEARCH, Groups
from plugin.hosts.moodle.jobs import Jobs
from plugin.hosts.moodle.mapping import MoodleMapping
from plugin.hosts.moodle.messages import SEND, Messages
from plugin.hosts.moodle.moodle_hints import hear_event
from plugin.hosts.moodle.people import (
    BY_FIELD,
    FRONT_PAGE,
    LISTED,
    MANY,
    SLOTS,
    People,
    as_options,
    is_id,
    person_record,
)
from plugin.hosts.moodle.rest import CAPABILITY, INFO, Fault, Rest
from plugin.hosts.moodle.versions import ENROL, UNENROL
from plugin.hosts.moodle.writing import EnrolmentWriter, whole_number
from plugin.hosts.port import Caps, ConnectionSpec, Garbled, Hint, Locked, MarkTooOld, Page, Refused, Reply
from plugin.hosts.standard_hints import hear_standard

CONFIG = "tool_mobile_get_config"
LATE = 3600
"""Seconds by which Moodle may decide on a completion later than it was earned."""
SEATS, MESSAGES = 300, 20
"""Items a call: of seats for each parallel writer."""
POLL = 15 * 60
"""Seconds between polls; which slot of people is read whole follows the clock."""
_log = log("moodle")


class MoodleHost:
    """Speaks to one Moodle. Lives as long as one pull or one drain, and remembers what it read for that long."""

    def __init__(self, spec: ConnectionSpec, http: Outbound, clock: Clock) -> None:
        self._spec, self._clock = spec, clock
        self.rest = Rest(spec, http, clock)
        self._functions: frozenset[str] | None = None
        self._caps = spec.caps
        self._parts: _Parts | None = None

    def describe(self) -> Caps:
        """What the service of our token may do, function by function."""
        info = self.rest.call(INFO)
        listed = info.get("functions") if isinstance(info, dict) else None
        if not isinstance(listed, list):
            raise Garbled("Moodle's description of itself has no list of functions.")
        names = frozenset(str(one.get("name")) for one in listed if isinstance(one, dict))
        self._functions, self._parts = names, None
        self.rest.language = str(info.get("lang") or "en")
        self._caps = Caps(
            name=str(info.get("sitename") or ""),
            time_zone=self._zone(names),
            reads={kind: how for kind, how in _reads(names).items() if how},
            writes={
                name: size for name, size, needed in (
                    ("seats", SEATS * self._parallel, {ENROL, UNENROL, LISTED}), ("messages", MESSAGES, {SEND}),
                ) if needed <= names
            },
            reads_status=LISTED in names and self._tells_active(), tells_same=False, resets_completion=False,
            writes_all_or_nothing=False, keyed_messages=bulk.NOTIFY in names, greets_leavers=bulk.SET not in names,
        )  # fmt: skip
        return self._caps

    def _zone(self, names: frozenset[str]) -> str:
        """The site's own time zone; empty where its function is not in the service, or the site has none but its server's."""
        if CONFIG not in names:
            return ""
        try:
            answer = self.rest.call(CONFIG, {"section": "locationsettings"})
            settings = {str(one["name"]): str(one["value"]) for one in answer["settings"]}
        except (Fault, TypeError, KeyError):
            return ""
        forced, usual = settings.get("forcetimezone", ""), settings.get("timezone", "")
        return next((one for one in (forced, usual) if one not in ("", "99")), "")

    @property
    def _parallel(self) -> int:
        return max(1, min(16, whole_number(self._spec.settings.get("parallel"), 4)))

    def _tells_active(self) -> bool:
        """Whether we may ask for active enrolments alone (``moodle/course:enrolreview``)."""
        options = {"userfields": "id", "limitnumber": 1, "onlyactive": 1}
        try:
            self.rest.call(LISTED, {"courseid": FRONT_PAGE, "options": as_options(options)})
        except Fault as fault:
            if fault.code in CAPABILITY:
                return False
            raise
        return True

    def parts(self) -> _Parts:
        """What reads and writes, made once it is known what the service offers."""
        if self._parts is None:
            names = self._functions if self._functions is not None else self._known_functions()
            self._parts = _Parts(self.rest, names, self._spec, self._caps, self._clock.now())
        return self._parts

    def _known_functions(self) -> frozenset[str]:
        info = self.rest.call(INFO)
        listed = info.get("functions") if isinstance(info, dict) else None
        self.rest.language = str(info.get("lang") or "en") if isinstance(info, dict) else "en"
        self._functions = frozenset(str(one.get("name")) for one in listed or [] if isinstance(one, dict))
        return self._functions

    # --- reading

    def read(
        self, kind: str, *, since: str | None = None, cursor: str | None = None, ids: Sequence[str] | None = None
    ) -> Iterator[Page]:
        """Whole, or exactly these ids. Moodle keeps no marks; ``since`` narrows ids of completions alone."""
        parts = self.parts()
        try:
            if ids is not None:
                yield from parts.by_ids(kind, ids, since)
            elif since is not None and kind == "completions":
                yield from parts.completions_since(since)
            elif since is not None and kind == "people":
                yield from parts.people_since(since, self._clock.now())
            else:
                yield from parts.whole(kind, cursor)
        except Fault as fault:
            if fault.code in CAPABILITY:
                raise Locked(
                    later(
                        "Muster's account in Moodle lacks a right (%(function)s): %(said)s",
                        function=fault.function,
                        said=fault.said,
                    )
                ) from None
            raise
        finally:
            _log.info("moodle read", kind=kind, calls=self.rest.calls, bytes=self.rest.received)

    # --- writing

    def prepare(self, kind: str, items: Sequence[Mapping[str, Any]], correlation: str) -> str:
        """The items as they are; :meth:`look` adds what was found before the first sending."""
        return json.dumps({"items": list(items), "correlation": correlation}, separators=(",", ":"))

    def look(self, kind: str, body: str) -> str | None:
        """Who is in these courses already."""
        document = json.loads(body)
        if kind != "seats" or "looked" in document:
            return None
        return json.dumps(self.parts().seats.look(document), separators=(",", ":"))

    def send(self, call_id: str, kind: str, body: str) -> Reply:
        """Write enrolments or messages."""
        document = json.loads(body)
        if kind == "seats":
            return Reply(outcomes=self.parts().seats.send(document))
        if kind == "messages":
            tell = partial(bulk.notify, self.rest) if self._notifies() else Messages(self.rest, self._parallel).send
            return Reply(outcomes=tell(document["items"]))
        raise Refused("Moodle cannot do this.")

    def _notifies(self) -> bool:
        """Whether messages go out as notifications of Muster's plugin; nothing is asked where it never was installed."""
        known = self._functions is not None or (bool(self._caps.reads) and self._caps.keyed_messages)
        return known and bulk.NOTIFY in self.parts().functions

    def poll(self, job: str) -> Reply:
        """Moodle answers at once; there are no jobs."""
        raise Refused("Moodle has no such job.")

    # --- hearing

    def hear(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """A hint signed as Standard Webhooks, or an event posted by a plugin."""
        secret = self._spec.hooks_secret or self._spec.webhook_secret
        if not secret:
            raise Locked("There is no secret to verify this message with.")
        if any(name.lower() == "webhook-signature" for name in headers):
            try:
                return hear_standard(verify(secret, headers, body), body)
            except BadSignature:
                raise Locked("The signature of this message does not fit.") from None
        return hear_event(secret, headers, body)


class _Parts:
    """Everything that shares what was read once."""

    def __init__(self, rest: Rest, functions: frozenset[str], spec: ConnectionSpec, caps: Caps, now: int) -> None:
        self.people = People(rest, partial(bulk.users, rest) if bulk.USERS in functions else None)
        self.rest, self.functions, self.now = rest, functions, now
        self.groups = Groups(rest, functions)
        self.jobs = Jobs(MoodleMapping.from_dict(spec.mapping), self.people, self.groups)
        self.courses = Courses(rest, functions, self.groups, reads_status=caps.reads_status)
        self.seats = EnrolmentWriter(rest, self.courses, functions, spec.settings)

    def whole(self, kind: str, cursor: str | None) -> Iterator[Page]:
        """Everything of a kind."""
        if kind == "people":
            return self._people(cursor)
        if kind == "units":
            return self.jobs.units()
        if kind == "jobs":
            return self.jobs.jobs()
        if kind == "audiences":
            return self.groups.audiences()
        if kind == "members":
            return self.groups.members(cursor)
        if kind == "courses":
            return self.groups.courses()
        if kind == "enrolments":
            return self.courses.enrolments(None, cursor)
        if kind == "completions" and bulk.COMPLETIONS in self.functions:
            return self._completions(0, cursor)
        raise Refused(later("Moodle cannot give all %(kind)s.", kind=kind))

    def completions_since(self, mark: str) -> Iterator[Page]:
        """What was completed since, with an hour to spare: Moodle may decide later on what was done before."""
        return self._completions(max(0, int(mark) - LATE) if mark.isdigit() else 0, None)

    def _completions(self, since: int, cursor: str | None) -> Iterator[Page]:
        mark = str(self.now)
        for rows, following in bulk.completions(self.rest, since, int(cursor or 0)):
            last = following is None
            yield Page("completions", rows, cursor=following, mark=mark if last else None, whole=last and not since)

    def _people(self, cursor: str | None) -> Iterator[Page]:
        noting, count = cursor is None, 0
        if noting:
            self.jobs.begin()
        for users, following in self.people.pages(cursor):
            count += len(users)
            if noting:
                self.jobs.note(users, last=following is None)
            last = following is None
            mark = f"n{count if noting else MANY + 1}" if last else None
            yield Page("people", [person_record(one) for one in users], cursor=following, mark=mark, whole=last)

    def people_since(self, mark: str, now: int) -> Iterator[Page]:
        """What a poll shows of many people: lists, which cost less than half; few are simply read whole.

        :raises MarkTooOld: to be read whole.
        """
        if bulk.USERS in self.functions or not mark[1:].isdigit() or int(mark[1:]) <= MANY:
            raise MarkTooOld("People are read whole each time.")
        self.jobs.begin()
        try:
            for listed, whole, last in self.people.listed(now // POLL % SLOTS):
                self.jobs.note([*listed, *whole], last=last)
                yield Page("people", [person_record(one, listed=True) for one in listed], partial=True)
                yield Page("people", [person_record(one) for one in whole], mark=mark if last else None)
        except Fault as fault:
            if fault.code in CAPABILITY:
                raise MarkTooOld("People cannot be listed, and are read id by id.") from None
            raise

    def by_ids(self, kind: str, ids: Sequence[str], since: str | None) -> Iterator[Page]:
        """Exactly these of a kind."""
        if kind == "people":
            rows = [person_record(one) for one in self.people.by_ids(ids)]
            there = {row.id for row in rows}
            return iter([Page(kind, rows, [one for one in ids if is_id(one) and one not in there])])
        if kind == "jobs":
            return self.jobs.jobs_by_ids(ids)
        if kind == "audiences":
            return self.groups.audiences_by_ids(ids)
        if kind == "members":
            return self.groups.members_by_ids(ids)
        if kind == "courses":
            return self.groups.courses_by_ids(ids)
        if kind == "completions":
            return self.courses.completions(ids, since)
        if kind == "enrolments":
            return self.courses.enrolments_by_ids(ids)
        raise Refused(later("Moodle cannot give %(kind)s by id.", kind=kind))


def _reads(names: frozenset[str]) -> dict[str, tuple[str, ...]]:
    people = ("full", "ids") if {BY_FIELD, LISTED} <= names else ()
    return {
        "people": (*people, "delta") if people else (), "units": people[:1], "jobs": people,
        "audiences": ("full", "ids") if LIST in names else ("full",) if SEARCH in names else (),
        "members": ("full", "ids") if MEMBERS in names and {SEARCH, LIST} & names else (),
        "courses": ("full", "ids") if COURSES in names else (),
        "completions": (*(("full", "delta") if bulk.COMPLETIONS in names else ()), "ids", "pairs") if STATUS in names else (),
        "enrolments": ("full", "ids", "courses") if LISTED in names and COURSES in names else (),
    }  # fmt: skip
