"""Reading what happens in courses: who is enrolled, and who has completed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from plugin.core.database.slices import slices
from plugin.core.logs import log
from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.groups import Groups
from plugin.hosts.moodle.people import LISTED, as_options, is_id, rfc3339, users_in
from plugin.hosts.moodle.rest import TOGETHER, Fault, Rest
from plugin.hosts.moodle.versions import is_missing
from plugin.hosts.port import Garbled, Page, Record

STATUS = "core_completion_get_course_completion_status"
NARROW = 1000
"""Enrolled people a call; with their ids alone that is ten times faster than with whole profiles."""
FEW = 20
"""Open seats of a course below which asking for each is cheaper than finding out who was there lately."""
AT_ONCE = 25
NO_CRITERIA = "nocriteriaset"
"""The errorcode of a course in which nothing is set that completes it."""
ANY = 2
"""Completion aggregation: one criterion suffices."""
_WHOLE = "course:"
_log = log("moodle")


class Courses:
    """Enrolments and completions of one Moodle."""

    def __init__(self, rest: Rest, functions: frozenset[str], groups: Groups, *, reads_status: bool) -> None:
        self._rest, self._functions, self._groups, self._reads_status = rest, functions, groups, reads_status

    # --- enrolments

    def enrolled(self, course: str, *, active: bool = False) -> set[str]:
        """Ids of everybody enrolled in a course by whatever method; with ``active``: whose enrolment is active now.

        :raises Fault: where the course does not exist or may not be looked into.
        """
        found: set[str] = set()
        for users in self._pages(course, "id", active=active):
            found |= {str(one["id"]) for one in users}
        return found

    def _pages(self, course: str, wanted: str, *, active: bool) -> Iterator[Sequence[Mapping[str, Any]]]:
        start = 0
        while True:
            options = {"userfields": wanted, "limitfrom": start, "limitnumber": NARROW, "sortby": "id"}
            if active:
                options["onlyactive"] = 1
            users = users_in(self._rest.call(LISTED, {"courseid": course, "options": as_options(options)}))
            yield users
            start += NARROW
            if len(users) < NARROW:
                return

    def states(self, course: str) -> tuple[set[str], set[str]]:
        """Who is enrolled, and who of them actively; the same where this account may not tell them apart."""
        if bulk.ENROLMENTS in self._functions:
            return bulk.enrolled(self._rest, course)
        everybody = self.enrolled(course)
        return everybody, self.enrolled(course, active=True) if self._reads_status and everybody else everybody

    def enrolments(self, courses: Sequence[str] | None, cursor: str | None) -> Iterator[Page]:
        """Enrolments course by course, of these courses or of all. The cursor is the last course that was read."""
        if courses is None:
            courses = [row.id for page in self._groups.courses() for row in page.rows]
        ids = sorted({one for one in courses if is_id(one)}, key=int)
        left = [one for one in ids if cursor is None or int(one) > int(cursor)]
        for number, course in enumerate(left, 1):
            last = number == len(left)
            yield Page("enrolments", self._of(course), cursor=None if last else course, whole=last)
        if not left:
            yield Page("enrolments", [], whole=True)

    def enrolments_by_ids(self, ids: Sequence[str]) -> Iterator[Page]:
        """Exactly these (``course:user``), or all of a course (``course:`` and its id), read by course in any case."""
        whole = {one.removeprefix(_WHOLE) for one in ids if one.startswith(_WHOLE)}
        asked: dict[str, set[str]] = {course: set() for course in whole if is_id(course)}
        for one in ids:
            course, _colon, user = one.partition(":")
            if is_id(course) and is_id(user):
                asked.setdefault(course, set()).add(user)
        for course, users in sorted(asked.items(), key=lambda item: int(item[0])):
            rows = self._of(course)
            if course not in whole:
                rows = [row for row in rows if row.fields["person"] in users]
            there = {row.fields["person"] for row in rows}
            yield Page("enrolments", rows, [f"{course}:{user}" for user in sorted(users, key=int) if user not in there])

    def _of(self, course: str) -> list[Record]:
        try:
            everybody, active = self.states(course)
        except Fault as fault:
            if is_missing(fault.code):
                return []  # the course is gone, and its enrolments with it
            raise
        rows = []
        for user in sorted(everybody, key=int):
            ident = f"{course}:{user}"
            state = "active" if user in active else "suspended"
            rows.append(Record(ident, {"id": ident, "person": user, "course": course, "state": state}))
        return rows

    # --- completions

    def completions(self, ids: Sequence[str], since: str | None) -> Iterator[Page]:
        """Exactly these (``user:course``). Of somebody who is not enrolled (any more) nothing is said.

        :param since: epoch seconds; only of those who opened the course since.
        """
        pairs = [(one.partition(":")[0], one.partition(":")[2]) for one in ids]
        pairs = [pair for pair in pairs if is_id(pair[0]) and is_id(pair[1])]
        if since is not None and since.isdigit():
            pairs = self._seen_since(pairs, int(since))
        for part in slices(pairs, AT_ONCE):
            rows, gone, criteria = [], [], dict[str, bool]()
            for (user, course), answer in self._statuses(part, criteria):
                record = _completion(user, course, answer)
                if record is not None:
                    rows.append(record)
                else:
                    gone.append(f"{user}:{course}")
            if criteria:  # learnt on the way: no other call tells it
                yield Page(
                    "courses", [Record(one, {"criteria": there}) for one, there in criteria.items()], partial=True
                )
            yield Page("completions", rows, gone)

    def _seen_since(self, pairs: Sequence[tuple[str, str]], since: int) -> list[tuple[str, str]]:
        """Those who opened their course since, latest first: one narrow call a thousand people."""
        by_course: dict[str, list[str]] = {}
        for user, course in pairs:
            by_course.setdefault(course, []).append(user)
        found: list[tuple[int, str, str]] = []
        for course, users in by_course.items():
            seen = self._last_seen(course) if len(users) > FEW else None
            for user in users:
                at = since if seen is None else seen.get(user, 0)
                if at >= since:
                    found.append((at, user, course))
        return [(user, course) for _at, user, course in sorted(found, key=lambda one: -one[0])]

    def _last_seen(self, course: str) -> dict[str, int] | None:
        try:
            pages = list(self._pages(course, "id,lastcourseaccess", active=False))
        except Fault:
            return {}  # the course is gone or closed to us: nothing to be learnt there
        seen = {str(one["id"]): one.get("lastcourseaccess") for users in pages for one in users}
        if any(at is None for at in seen.values()):
            return None  # the site hides when people were there
        return {user: int(at or 0) for user, at in seen.items()}

    def _statuses(
        self, pairs: Sequence[tuple[str, str]], criteria: dict[str, bool]
    ) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
        """The status of each who has one; ``criteria`` notes of each course whether it can be completed."""
        left = list(pairs)
        while left:
            answers = (
                self._together(left) if TOGETHER in self._functions and len(left) > 1 else [self._status(*left[0])]
            )
            if not answers:
                raise Garbled("Moodle answered none of the calls made together.")
            for pair, answer in zip(left, answers, strict=False):
                if isinstance(answer, str):
                    criteria |= {pair[1]: False} if answer == NO_CRITERIA else {}
                else:
                    criteria[pair[1]] = True
                    yield pair, answer
            left = left[len(answers) :]

    def _status(self, user: str, course: str) -> Mapping[str, Any] | str:
        try:
            answer = self._rest.call(STATUS, {"courseid": course, "userid": user})
        except Fault as fault:
            _log.info("no completion status", course=course, code=fault.code)
            return fault.code
        return _checked(answer)

    def _together(self, pairs: Sequence[tuple[str, str]]) -> list[Mapping[str, Any] | str]:
        """Several calls in one; Moodle stops at the first that fails, which then has an errorcode instead of a status."""
        asked = [
            {"function": STATUS, "arguments": json.dumps({"courseid": int(course), "userid": int(user)})}
            for user, course in pairs
        ]
        answer = self._rest.call(TOGETHER, {"requests": asked})
        responses = answer.get("responses") if isinstance(answer, dict) else None
        if not isinstance(responses, list) or len(responses) > len(pairs):
            raise Garbled("Moodle's answer has no responses to the calls made together.")
        found: list[Mapping[str, Any] | str] = []
        for one in responses:
            if not isinstance(one, dict) or one.get("error"):
                found.append(_code(one))
                continue
            try:
                found.append(_checked(json.loads(str(one.get("data")))))
            except ValueError:
                raise Garbled("Moodle's answer to calls made together is not JSON.") from None
        return found


def _code(response: Any) -> str:
    """The errorcode of one of several calls, empty where it is not to be made out."""
    try:
        return str(json.loads(str(response["exception"]))["errorcode"])
    except (ValueError, TypeError, KeyError):
        return ""


def _checked(answer: Any) -> Mapping[str, Any]:
    status = answer.get("completionstatus") if isinstance(answer, dict) else None
    if not isinstance(status, dict) or not isinstance(status.get("completions"), list):
        raise Garbled("Moodle's answer has no completion status.")
    return status


def _completion(user: str, course: str, status: Mapping[str, Any]) -> Record | None:
    """The completion, or ``None`` where the course is not complete. Its moment is that of the criterion that decided."""
    if not status.get("completed"):
        return None
    times = [
        int(one["timecompleted"]) for one in status["completions"]
        if isinstance(one, dict) and one.get("complete") and isinstance(one.get("timecompleted"), int) and one["timecompleted"]
    ]  # fmt: skip
    at = (min(times) if status.get("aggregation") == ANY else max(times)) if times else None
    ident = f"{user}:{course}"
    found = {"id": ident, "person": user, "course": course, "state": "done", "at": rfc3339(at) if at else None}
    return Record(ident, {name: value for name, value in found.items() if value is not None})
