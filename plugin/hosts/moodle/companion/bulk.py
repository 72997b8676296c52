"""What Muster's own plugin in Moodle adds: many records a call, with what Moodle's functions leave out.

Each is used where the service of the token has it; everything works without, as it did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from plugin.core.text.stored import later
from plugin.hosts.moodle.people import User, is_id, rfc3339, users_in
from plugin.hosts.moodle.plain_text import plain_values
from plugin.hosts.moodle.rest import Rest
from plugin.hosts.port import Garbled, Outcome, Record

USERS, ENROLMENTS = "local_muster_get_users", "local_muster_get_enrolments"
COMPLETIONS, COURSES_MORE = "local_muster_get_completions", "local_muster_get_courses"
SET, NOTIFY = "local_muster_set_enrolments", "local_muster_send_messages"
PEOPLE, PLACES, DONE = 5000, 50_000, 50_000
"""Records a call."""


def users(rest: Rest, after: int = 0) -> Iterator[tuple[list[User], str | None]]:
    """Everybody's whole profile in order of their ids, and the last id read; ``None`` after the last of them."""
    while True:
        listed = users_in(_rows(rest, USERS, {"after": after, "limit": PEOPLE}))
        found = [_user(one) for one in listed]
        after = int(found[-1]["id"]) if found else after
        yield found, str(after) if len(found) >= PEOPLE else None
        if len(found) < PEOPLE:
            return


def _user(listed: User) -> User:
    """As Moodle's own functions give her: what is empty is left out."""
    found = {name: value for name, value in listed.items() if value != ""}
    found["customfields"] = [{"shortname": name, "value": value} for name, value in dict(found.pop("custom")).items()]
    return found


def enrolled(rest: Rest, course: str) -> tuple[set[str], set[str]]:
    """Who is enrolled in a course by whatever method, and who of them actively.

    :raises Fault: where the course does not exist or may not be looked into.
    """
    everybody, active, after = set[str](), set[str](), 0
    while True:
        found = _rows(rest, ENROLMENTS, {"courseid": course, "after": after, "limit": PLACES})
        everybody |= {str(one["userid"]) for one in found}
        active |= {str(one["userid"]) for one in found if one.get("active")}
        if len(found) < PLACES:
            return everybody, active
        after = int(found[-1]["id"])


def completions(rest: Rest, since: int = 0, after: int = 0) -> Iterator[tuple[list[Record], str | None]]:
    """Completions of all courses, or those since an instant, and the last id read; ``None`` after the last of them."""
    while True:
        asked = {"after": after, "limit": DONE, "since": since}
        found = _rows(rest, COMPLETIONS, asked)
        after = int(found[-1]["id"]) if found else after
        yield [_completion(one) for one in found], str(after) if len(found) >= DONE else None
        if len(found) < DONE:
            return


def _completion(one: Mapping[str, Any]) -> Record:
    ident = f"{one['userid']}:{one['courseid']}"
    at = rfc3339(int(one["timecompleted"]))
    return Record(
        ident, {"id": ident, "person": str(one["userid"]), "course": str(one["courseid"]), "state": "done", "at": at}
    )


def course_words(rest: Rest) -> dict[str, dict[str, bool]]:
    """By course, whether anything is set that completes it, and whether it greets whom is enrolled."""
    return {
        str(one["id"]): {"criteria": bool(one.get("criteria")), "welcome": bool(one.get("welcome"))}
        for one in _listed(rest, COURSES_MORE, "courses", {})
    }


def suspend(rest: Rest, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Suspend these (person, course) without a word to them. By pair: ``done``, ``absent`` or ``refused``, and why."""
    rows = [{"userid": person, "courseid": course, "suspend": 1} for person, course in pairs]
    return {
        (str(one["userid"]), str(one["courseid"])): (str(one.get("outcome")), str(one.get("why") or ""))
        for one in _listed(rest, SET, "outcomes", {"enrolments": rows})
    }


def notify(rest: Rest, items: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Send these as notifications, in one call. One that went out before is not sent again, so that the call may be repeated.

    :raises HostTrouble: where it is not known what went out, or nothing did.
    """
    known = [one for one in items if is_id(str(one["person"]))]
    rows = [
        {"key": one["message"], "userid": one["person"], "subject": str(one.get("subject") or ""),
         "text": str(one.get("text") or ""), "html": str(one.get("html") or ""), "link": str(one.get("link") or "")}
        for one in known
    ]  # fmt: skip
    found = {str(one["key"]): one for one in _listed(rest, NOTIFY, "outcomes", {"messages": rows})} if rows else {}
    return [_told(str(one["message"]), found.get(str(one["message"])), known=one in known) for one in items]


def _told(key: str, said: Mapping[str, Any] | None, *, known: bool) -> Outcome:
    if not known or (said and said.get("outcome") == "gone"):
        return Outcome(key, "gone", "Moodle has no such person.")
    word, why = (str(said.get("outcome")), str(said.get("why") or "")) if said else ("", "")
    if word in ("done", "same"):
        return Outcome(key, word)
    if word == "refused":
        return Outcome(key, word, later("Moodle did not send it: %(said)s", said=why[:400]))
    return Outcome(key, "retry", "Moodle did not say whether it sent this message.")


def _listed(rest: Rest, function: str, name: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = rest.call(function, asked)
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Garbled(later("The answer of Muster's plugin in Moodle has no %(name)s.", name=name))
    return found


def _rows(rest: Rest, function: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What came as one text (the plugin's ``packed.php``): the names of the fields once, and each row as a list."""
    answer = rest.call(function, asked)
    try:
        names = str(answer["fields"]).split(",")
        return [dict(zip(names, plain_values(row, rest.language), strict=True)) for row in json.loads(answer["rows"])]
    except (TypeError, KeyError, ValueError):
        raise Garbled(later("The answer of Muster's plugin in Moodle has no %(name)s.", name=function)) from None
