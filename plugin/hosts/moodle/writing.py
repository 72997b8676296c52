"""Writing to Moodle: enrolments in batches that are all or nothing, so that one bad row is looked for and stands alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from plugin.core.database.slices import slices
from plugin.core.text.stored import later
from plugin.hosts.moodle.companion.bulk import SET, suspend
from plugin.hosts.moodle.courses import Courses
from plugin.hosts.moodle.people import PROFILES, People, is_id
from plugin.hosts.moodle.rest import CAPABILITY, Fault, Rest
from plugin.hosts.moodle.versions import ENROL, UNENROL, who_is_missing
from plugin.hosts.port import HostTrouble, Outcome

STUDENT = 5
"""The id of the student role on a site where nobody changed the roles."""
PARALLEL = 4
ROWS = {ENROL: 140, UNENROL: 400}
"""A call: rows × fields stay under what PHP reads of a form unless told otherwise."""
ALONE = 25
"""Rows that are not worth being split among parallel calls."""
BUDGET = 60.0
"""Seconds after which what is left of a call waits for the next one; well within the lease of a call."""
KNOWN_FOR = 120.0
"""Seconds for which it is believed who was in a course before us."""
_CLASH = "dmlwriteexception"
"""Two writers enrolled the same person at once; a repeat succeeds."""
_COURSE_WIDE = ("wsnoinstance", *CAPABILITY)
_GONE = {
    "person": "Moodle has no such person (any more).", "course": "Moodle has no such course (any more).",
    "either": "Moodle has no such person, or no such course (any more).",
}  # fmt: skip
_DELETED = "Moodle has deleted this person."
_REFUSED = {
    "wsnoinstance": "The course has no manual enrolments, or they are switched off: add or switch them on in the course under"
    " Participants › Enrolment methods.",
    "wsusercannotassign": "Muster's account in Moodle may not assign this role: allow it under Site administration › Users ›"
    " Permissions › Define roles › Allow role assignments.",
    "nopermissions": "Muster's account in Moodle lacks a capability in this course.",
    "requireloginerror": "Muster's account in Moodle may not enter this course.",
    "errorcoursecontextnotvalid": "Muster's account in Moodle may not enter this course.",
}


@dataclass(frozen=True)
class EnrolmentRow:
    """One enrolment to be written."""

    seat: str
    person: str
    course: str
    want: str


@dataclass
class _Seen:
    """Who was in a course when we looked."""

    at: float
    everybody: set[str]
    active: set[str]


class EnrolmentWriter:
    """Writes enrolments of one Moodle."""

    def __init__(self, rest: Rest, courses: Courses, functions: frozenset[str], settings: Mapping[str, Any]) -> None:
        self._rest, self._courses, self._functions = rest, courses, functions
        self._role = whole_number(settings.get("role"), STUDENT)
        self.parallel = max(1, min(16, whole_number(settings.get("parallel"), PARALLEL)))
        self._seen: dict[str, _Seen] = {}
        self._until = 0.0

    # --- looking first

    def look(self, document: dict[str, Any]) -> dict[str, Any]:
        """What Moodle has already, noted before the first write: afterwards nobody could tell ours from a teacher's."""
        found, absent, closed = [], [], {}
        for item in document["items"]:
            course, person, want = str(item["course"]), str(item["person"]), item["want"]
            if not is_id(course) or want == "out" or (want == "in" and item.get("ours")):
                continue
            if course not in closed:
                try:
                    seen = self._who(course)
                except Fault as fault:
                    if fault.code in CAPABILITY:
                        closed[course] = f"{_REFUSED['requireloginerror']} {fault.why}"
                    continue  # else there is no such course, which the write will say
                if want == "in" and person in seen.active:
                    found.append(item["seat"])
                elif want == "suspended" and person not in seen.everybody:
                    absent.append(item["seat"])
        return {**document, "looked": {"found": found, "absent": absent, "closed": closed}}

    def _who(self, course: str) -> _Seen:
        seen = self._seen.get(course)
        if seen is None or time.monotonic() - seen.at > KNOWN_FOR:
            at = time.monotonic()
            everybody, active = self._courses.states(course)
            self._seen[course] = seen = _Seen(at, set(everybody), set(active))
        return seen

    # --- writing

    def send(self, document: Mapping[str, Any]) -> list[Outcome]:
        """Write what is wanted, with all values every time; every item is answered for.

        :raises HostTrouble: when the whole call is to be repeated; what was written already is written again the same.
        """
        self._until = time.monotonic() + BUDGET
        looked = document.get("looked") or {}
        outcomes: list[Outcome] = []
        rows: list[EnrolmentRow] = []
        for item in document["items"]:
            row = EnrolmentRow(str(item["seat"]), str(item["person"]), str(item["course"]), str(item["want"]))
            known = _known(row, looked)
            if known is None:
                rows.append(row)
            else:
                outcomes.append(known)
        entering = [row for row in rows if row.want != "out"]
        leaving = [row for row in rows if row.want == "out"]
        if SET in self._functions:
            quiet = [row for row in entering if row.want == "suspended"]
            told, entering = self._suspend(quiet), [row for row in entering if row.want != "suspended"]
            outcomes += told
        outcomes += self._in_parallel(ENROL, entering) + self._in_parallel(UNENROL, leaving)
        outcomes = self._read_back(outcomes, [row for row in entering if row.want == "in"])
        self._remember(rows, outcomes)
        return outcomes

    def _remember(self, rows: Sequence[EnrolmentRow], outcomes: Sequence[Outcome]) -> None:
        """What we wrote since we looked."""
        done = {one.key for one in outcomes if one.outcome == "done"}
        for row in rows:
            seen = self._seen.get(row.course)
            if seen is None or row.seat not in done:
                continue
            for there, now_in in ((seen.everybody, row.want != "out"), (seen.active, row.want == "in")):
                (there.add if now_in else there.discard)(row.person)

    def _suspend(self, rows: Sequence[EnrolmentRow]) -> list[Outcome]:
        """Without the welcome message that Moodle's own function sends again. Who is not there need not be suspended."""
        found: list[Outcome] = []
        for part in slices(rows, ROWS[ENROL]):
            said = suspend(self._rest, [(row.person, row.course) for row in part])
            for row in part:
                word, why = said.get((row.person, row.course), ("", later("Moodle did not answer for this place.")))
                words = {"done": "done", "absent": "same", "refused": "refused"}
                found.append(Outcome(row.seat, words.get(word, "retry"), why))
        return found

    def _in_parallel(self, function: str, rows: Sequence[EnrolmentRow]) -> list[Outcome]:
        if not rows:
            return []
        rounds = -(-len(rows) // (ROWS[function] * self.parallel))  # no round ends with writers that have nothing to do
        size = max(ALONE, -(-len(rows) // (rounds * self.parallel)))
        parts = list(slices(rows, size))
        if len(parts) == 1:
            return self._write(function, parts[0])
        with ThreadPoolExecutor(self.parallel) as pool:
            return [one for part in pool.map(lambda part: self._write(function, part), parts) for one in part]

    def _write(self, function: str, rows: Sequence[EnrolmentRow], clashes: int = 0) -> list[Outcome]:
        if time.monotonic() > self._until:
            return [Outcome(row.seat, "retry", "Moodle was too slow.", 5) for row in rows]
        try:
            self._rest.call(function, {"enrolments": [self._values(function, row) for row in rows]})
        except Fault as fault:
            if fault.code == _CLASH and clashes < 2:
                time.sleep(0.2 * (clashes + 1))
                return self._write(function, rows, clashes + 1)
            return self._apart(function, rows, fault)
        return [Outcome(row.seat, "done") for row in rows]

    def _values(self, function: str, row: EnrolmentRow) -> dict[str, Any]:
        """A plain enrolment overwrites what was set before, so everything is said."""
        if function == UNENROL:
            return {"userid": row.person, "courseid": row.course}
        suspend = int(row.want == "suspended")
        return {
            "roleid": self._role,
            "userid": row.person,
            "courseid": row.course,
            "timestart": 0,
            "timeend": 0,
            "suspend": suspend,
        }

    def _apart(self, function: str, rows: Sequence[EnrolmentRow], fault: Fault) -> list[Outcome]:
        """Moodle took none of these and does not say for whose sake: by course, then by halves."""
        courses = list(dict.fromkeys(row.course for row in rows))
        if len(courses) > 1:
            middle = set(courses[: len(courses) // 2])
            parts = [row for row in rows if row.course in middle], [row for row in rows if row.course not in middle]
        elif len(rows) == 1 or fault.code in _COURSE_WIDE:
            return [self._verdict(row, fault) for row in rows]
        else:
            parts = list(rows[: len(rows) // 2]), list(rows[len(rows) // 2 :])
        return self._write(function, parts[0]) + self._write(function, parts[1])

    def _verdict(self, row: EnrolmentRow, fault: Fault) -> Outcome:
        """What became of one row that Moodle refused when it stood alone."""
        if fault.code == _CLASH:
            return Outcome(row.seat, "retry", "Moodle could not write to its database.", 5)
        if fault.code == "userdeleted":
            return Outcome(row.seat, "gone", _DELETED)
        missing = who_is_missing(fault.function, fault.code)
        if missing:
            return Outcome(row.seat, "gone", _GONE[self._looked_up(row) if missing == "either" else missing])
        said = f" Moodle says: {fault.said}" if fault.said else ""
        return Outcome(row.seat, "refused", (_REFUSED[fault.code] + said) if fault.code in _REFUSED else fault.why)

    def _looked_up(self, row: EnrolmentRow) -> str:
        """Which of the two does not exist, where the refusal does not tell."""
        try:
            there = People(self._rest).by_ids([row.person])
        except HostTrouble:  # nothing was written, and either is a reason to look at both again
            return "either"
        return "course" if there else "person"

    # --- reading back

    def _read_back(self, outcomes: list[Outcome], rows: Sequence[EnrolmentRow]) -> list[Outcome]:
        """Whether Moodle did what it said. A form that was cut loses its end: the last of each course are looked at, and
        where one of them is missing, the whole course."""
        done = {one.key for one in outcomes if one.outcome == "done"}
        last = {row.course: row for row in rows if row.seat in done}
        if not last or PROFILES not in self._functions:
            return outcomes
        try:
            doubtful = [row.course for row in last.values() if not self._has_role(row)]
            there = {course: self._courses.enrolled(course) for course in doubtful}
        except Fault:  # it was written, and may not be looked at: the daily comparison will tell
            return outcomes
        missing = {row.seat for row in rows if row.course in there and row.person not in there[row.course]}
        why = later("Moodle said that it enrolled her, and did not.")
        return [
            Outcome(one.key, "retry", why, 5) if one.key in missing and one.outcome == "done" else one
            for one in outcomes
        ]

    def _has_role(self, row: EnrolmentRow) -> bool:
        answer = self._rest.call(PROFILES, {"userlist": [{"userid": row.person, "courseid": row.course}]})
        roles = answer[0].get("roles") if isinstance(answer, list) and answer and isinstance(answer[0], dict) else None
        return any(isinstance(one, dict) and one.get("roleid") == self._role for one in roles or [])


def _known(row: EnrolmentRow, looked: Mapping[str, Any]) -> Outcome | None:
    """What needs no write."""
    if not is_id(row.person):
        return Outcome(row.seat, "gone", _GONE["person"])
    if not is_id(row.course):
        return Outcome(row.seat, "gone", _GONE["course"])
    if row.course in looked.get("closed", {}):
        return Outcome(row.seat, "refused", looked["closed"][row.course])
    if row.seat in looked.get("found", ()):
        return Outcome(row.seat, "found")
    if row.seat in looked.get("absent", ()):
        return Outcome(row.seat, "same")
    return None


def whole_number(value: Any, otherwise: int) -> int:
    """A number of a connection's settings."""
    text = str(value if value is not None else "")
    return int(text) if text.isdigit() else otherwise
