"""Reading cohorts with their members, and courses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from plugin.core.database.slices import slices
from plugin.core.text.stored import later
from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.people import is_id
from plugin.hosts.moodle.rest import CAPABILITY, Fault, Rest
from plugin.hosts.moodle.versions import is_missing
from plugin.hosts.port import Garbled, Locked, Page, Record

SEARCH, LIST, MEMBERS = "core_cohort_search_cohorts", "core_cohort_get_cohorts", "core_cohort_get_cohort_members"
COURSES = "core_course_get_courses_by_field"
SITE = 1
"""The front page is a course to Moodle, and to nobody else."""
PAGE = 500
AT_ONCE = 25
ROWS = 5000


class Groups:
    """Cohorts and courses of one Moodle. What was listed once is kept as long as this object: one pull."""

    def __init__(self, rest: Rest, functions: frozenset[str]) -> None:
        self._rest, self._functions = rest, functions
        self._cohorts: list[dict[str, Any]] | None = None

    # --- cohorts

    def cohorts(self) -> list[dict[str, Any]]:
        """All cohorts, of the site and of its categories."""
        if self._cohorts is None:
            found = self._searched() if SEARCH in self._functions else self._call(LIST, {})
            self._cohorts = sorted(_with_ids(found, "cohorts"), key=lambda one: int(one["id"]))
        return self._cohorts

    def _searched(self) -> list[Any]:
        found: list[Any] = []
        while True:
            asked = {
                "query": "",
                "context": {"contextid": 1},
                "includes": "all",
                "limitfrom": len(found),
                "limitnum": PAGE,
            }
            answer = self._call(SEARCH, asked)
            page = answer.get("cohorts") if isinstance(answer, dict) else None
            if not isinstance(page, list):
                raise Garbled("Moodle's answer has no list of cohorts.")
            found += page
            if len(page) < PAGE:
                return found

    def audiences(self) -> Iterator[Page]:
        """Cohorts as audiences."""
        yield Page("audiences", [_audience(one) for one in self.cohorts()], whole=True)

    def audiences_by_ids(self, ids: Sequence[str]) -> Iterator[Page]:
        """Exactly these; Moodle leaves out what does not exist."""
        wanted = [one for one in ids if is_id(one)]
        rows: list[Record] = []
        for part in slices(wanted, 200):
            rows += [_audience(one) for one in _with_ids(self._call(LIST, {"cohortids": part}), "cohorts")]
        yield page_of("audiences", ids, rows)

    def members_of(self, cohorts: Sequence[str]) -> dict[str, list[str]]:
        """Who is in these cohorts; one that does not exist (any more) is left out."""
        if not cohorts:
            return {}
        try:
            answer = self._rest.call(MEMBERS, {"cohortids": list(cohorts)})
        except Fault as fault:
            if fault.code in CAPABILITY:
                raise Locked(
                    later("Moodle's service account may not see the members of a cohort: %(said)s", said=fault.said)
                ) from None
            if not is_missing(fault.code):
                raise
            if len(cohorts) == 1:
                return {}
            middle = len(cohorts) // 2
            return self.members_of(cohorts[:middle]) | self.members_of(cohorts[middle:])
        if not isinstance(answer, list) or not all(
            isinstance(one, dict) and isinstance(one.get("userids"), list) for one in answer
        ):
            raise Garbled("Moodle's answer has no members of cohorts.")
        return {str(one["cohortid"]): [str(user) for user in one["userids"]] for one in answer}

    def members(self, cursor: str | None) -> Iterator[Page]:
        """Memberships, some cohorts at a time; the cursor is the last cohort that was read."""
        ids = [str(one["id"]) for one in self.cohorts() if cursor is None or int(one["id"]) > int(cursor)]
        for start in range(0, len(ids), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            rows = [_member(cohort, user) for cohort, users in self.members_of(part).items() for user in users]
            last = start + AT_ONCE >= len(ids)
            tail = max(len(rows) - 1, 0) // ROWS * ROWS
            for first in range(0, tail, ROWS):
                yield Page("members", rows[first : first + ROWS], cursor=str(int(part[0]) - 1))
            yield Page("members", rows[tail:], cursor=None if last else part[-1], whole=last)
        if not ids:
            yield Page("members", [], whole=True)

    def members_by_ids(self, ids: Sequence[str]) -> Iterator[Page]:
        """Exactly these memberships (``cohort:user``)."""
        cohorts = sorted({one.partition(":")[0] for one in ids} - {""}, key=lambda one: (len(one), one))
        there = self.members_of([one for one in cohorts if is_id(one)])
        known = {f"{cohort}:{user}" for cohort, users in there.items() for user in users}
        rows = [_member(*one.split(":", 1)) for one in ids if one in known]
        yield page_of("members", ids, rows)

    # --- courses

    def courses(self) -> Iterator[Page]:
        """All courses that the account may see, hidden ones included where it may."""
        more = bulk.course_words(self._rest) if bulk.COURSES_MORE in self._functions else {}
        rows = [_course(self._rest, one) for one in self._listed({})]
        yield Page("courses", [Record(row.id, {**row.fields, **more.get(row.id, {})}) for row in rows], whole=True)

    def courses_by_ids(self, ids: Sequence[str]) -> Iterator[Page]:
        """Exactly these."""
        wanted = [one for one in ids if is_id(one)]
        rows: list[Record] = []
        for part in slices(wanted, 100):
            rows += [_course(self._rest, one) for one in self._some(part)]
        if rows and bulk.COURSES_MORE in self._functions:
            more = bulk.course_words(self._rest)
            rows = [Record(row.id, {**row.fields, **more.get(row.id, {})}) for row in rows]
        yield page_of("courses", ids, rows)

    def _some(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Moodle 4.5 fails altogether where one of several courses does not exist (any more): then each is asked for alone."""
        try:
            return self._listed({"field": "ids", "value": ",".join(ids)})
        except Fault:
            return [course for one in ids for course in self._listed({"field": "id", "value": one})]

    def _listed(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = self._call(COURSES, asked)
        found = _with_ids(answer.get("courses") if isinstance(answer, dict) else None, "courses")
        return [one for one in found if int(one["id"]) != SITE]

    def _call(self, function: str, asked: Mapping[str, Any]) -> Any:
        try:
            return self._rest.call(function, asked)
        except Fault as fault:
            if fault.code in CAPABILITY:
                raise Locked(
                    later(
                        "Moodle's service account lacks a right (%(function)s): %(said)s",
                        function=function,
                        said=fault.said,
                    )
                ) from None
            raise


def page_of(kind: str, ids: Sequence[str], rows: Sequence[Record]) -> Page:
    """A by-id answer: what is missing from it does not exist, unless its id is none that Moodle could be asked for."""
    found, asked = {row.id for row in rows}, set(ids)
    nameable = [one for one in ids if all(map(is_id, one.removeprefix("p:").split(":")))]
    return Page(kind, [row for row in rows if row.id in asked], [one for one in nameable if one not in found])


def _with_ids(answer: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(answer, list):
        raise Garbled(later("Moodle's answer has no list of %(what)s.", what=what))
    if not all(isinstance(one, dict) and is_id(str(one.get("id"))) for one in answer):
        raise Garbled(later("Moodle's list of %(what)s has one without an id.", what=what))
    return answer


def _audience(cohort: Mapping[str, Any]) -> Record:
    ident = str(cohort["id"])
    return Record(ident, {"id": ident, "name": cohort.get("name") or ident, "code": cohort.get("idnumber") or ""})


def _member(cohort: str, user: str) -> Record:
    ident = f"{cohort}:{user}"
    return Record(ident, {"id": ident, "audience": cohort, "person": user})


def _course(rest: Rest, course: Mapping[str, Any]) -> Record:
    """Which enrolment methods are switched on, and whether completion is tracked, Moodle says of courses we may enter."""
    ident, methods = str(course["id"]), course.get("enrollmentmethods")
    found = {
        "id": ident, "name": course.get("fullname") or ident, "code": course.get("shortname") or "",
        "url": f"{rest.site}/course/view.php?id={ident}", "visible": course.get("visible", 1) not in (0, False),
    }  # fmt: skip
    if course.get("enablecompletion") is not None:
        found["completion"] = bool(course["enablecompletion"])
    if isinstance(methods, list):
        found["enrollable"] = "manual" in methods
    return Record(ident, found)
