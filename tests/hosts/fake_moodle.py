"""A Moodle on a real socket: answers, errors and traps as recorded from Moodle 4.5 and 5.1."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

PATH = "/webservice/rest/server.php"
STUDENT, TEACHER = 5, 4
FUNCTIONS = (
    "core_webservice_get_site_info", "core_user_get_users_by_field", "core_user_get_course_user_profiles",
    "core_enrol_get_enrolled_users", "core_cohort_search_cohorts", "core_cohort_get_cohorts", "core_cohort_get_cohort_members",
    "core_course_get_courses_by_field", "core_completion_get_course_completion_status", "enrol_manual_enrol_users",
    "enrol_manual_unenrol_users", "core_message_send_instant_messages", "tool_mobile_call_external_functions", "tool_mobile_get_config",
)  # fmt: skip


COMPANION = (
    "local_muster_get_users", "local_muster_get_enrolments", "local_muster_get_completions", "local_muster_get_courses",
    "local_muster_set_enrolments", "local_muster_send_messages",
)  # fmt: skip
"""What Muster's plugin adds, where it is installed."""


class MoodleError(Exception):
    """What Moodle answers instead, in HTTP 200."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(code)
        self.code, self.said = code, said or f"The message of {code}"


@dataclass
class Enrolment:
    role: int = STUDENT
    suspended: bool = False
    start: int = 0
    end: int = 0
    method: str = "manual"


@dataclass
class FakeMoodle:
    """The site. Change it freely between calls; ``mood`` is what stands between it and its callers."""

    base: str = ""
    release: str = "4.5"
    """4.5 or 5.1."""
    token: str = "t0ken"
    shut_out: str = ""
    """``expired``: the token is deleted at its next use; ``service``: its account may not use the service."""
    mood: str = "ok"
    """ok, html, garbage, maintenance, off, busy, down, truncated (takes a batch and drops its end)."""
    functions: set[str] = field(default_factory=lambda: set(FUNCTIONS))
    denied: set[str] = field(default_factory=set)
    """Capabilities that the account lacks."""
    language: str = "en"
    zone: str = "Europe/Berlin"
    filtered: bool = False
    """The last call asked for the site's filters."""
    max_input_vars: int = 1000
    shows_notices: bool = False
    """PHP writes its warnings before the answer (``display_errors``)."""
    clashes: int = 0
    """How many enrol calls still fail with dmlwriteexception."""
    before: Callable[[str], None] | None = None
    """Called with the function's name before each call."""
    users: dict[int, dict[str, Any]] = field(default_factory=dict)
    deleted: dict[int, dict[str, Any]] = field(default_factory=dict)
    cleaned: set[int] = field(default_factory=set)
    """Deleted users over whom Moodle's hourly clean-up has gone: whoever asks for one of them is refused."""
    cohorts: dict[int, dict[str, Any]] = field(default_factory=dict)
    members: dict[int, set[int]] = field(default_factory=dict)
    courses: dict[int, dict[str, Any]] = field(default_factory=dict)
    enrolments: dict[tuple[int, int], Enrolment] = field(default_factory=dict)
    """By (course, user)."""
    completed: dict[tuple[int, int], int] = field(default_factory=dict)
    seen: dict[tuple[int, int], int] = field(default_factory=dict)
    messages: list[tuple[int, str]] = field(default_factory=list)
    notified: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By key, whom Muster's plugin notified, and of what."""
    deaf: set[int] = field(default_factory=set)
    """Users whom Moodle takes no notification for."""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    # --- making a world

    def user(self, number: int, **fields: Any) -> int:
        """Add or change a user; ``custom`` are profile fields by short name."""
        row = self.users.setdefault(
            number,
            {"id": number, "username": f"user{number:03}", "firstname": f"First{number}", "lastname": f"Last{number}",
             "email": f"user{number}@example.com", "idnumber": f"EMP{number:05}", "department": "Ops", "institution": "Acme",
             "suspended": False, "lang": "en", "timezone": "Europe/London", "firstaccess": 0, "custom": {}},
        )  # fmt: skip
        row["custom"] = {**row["custom"], **fields.pop("custom", {})}
        row.update(fields)
        return number

    def course(self, number: int, **fields: Any) -> int:
        """Add or change a course."""
        row = self.courses.setdefault(
            number,
            {
                "id": number,
                "shortname": f"C{number}",
                "fullname": f"Course {number}",
                "visible": 1,
                "manual": True,
                "criteria": True,
                "completion": 1,
            },
        )
        row.update(fields)
        return number

    def cohort(self, number: int, *users: int, category: bool = False, **fields: Any) -> int:
        """Add or change a cohort; its members are exactly these."""
        row = self.cohorts.setdefault(number, {"id": number, "name": f"Cohort {number}", "idnumber": f"CH{number}"})
        row.update(fields, category=category)
        self.members[number] = set(users)
        return number

    def delete(self, number: int) -> None:
        """Delete a user as Moodle does: out of her cohorts and courses, in no list, but still there for who asks by id."""
        user = self.users.pop(number, None)
        if user is not None:
            scrambled = {
                "username": f"{user['email']}.1795467535",
                "email": f"{number:032x}",
                "idnumber": "",
                "custom": {},
            }
            self.deleted[number] = {**user, **scrambled}
        for users in self.members.values():
            users.discard(number)
        for key in [key for key in self.enrolments if key[1] == number]:
            del self.enrolments[key]

    def clean_up(self) -> None:
        """As Moodle's hourly task does: contexts of deleted users go."""
        self.cleaned |= set(self.deleted)

    def roster(self, course: int) -> set[int]:
        """Who is actively enrolled."""
        return {user for (of, user), row in self.enrolments.items() if of == course and not row.suspended}

    # --- answering

    def answer(self, form: list[tuple[str, str]]) -> Any:
        """One call."""
        document = nested(form[: self.max_input_vars])
        name = document.pop("wsfunction", None)
        token = document.pop("wstoken", None)
        document.pop("moodlewsrestformat", None)
        self.filtered = document.pop("moodlewssettingfilter", "0") == "1"
        if token != self.token:
            raise MoodleError("invalidtoken")
        if self.shut_out:
            self.token = "" if self.shut_out == "expired" else self.token
            raise MoodleError("accessexception", "Access control exception")
        if not name:
            raise MoodleError("invalidparameter", "Invalid parameter value detected (Missing function name)")
        if self.before is not None:
            self.before(name)
        if self.token != token:
            raise MoodleError("invalidtoken")
        return self.call(name, document)

    def call(self, name: str, asked: dict[str, Any]) -> Any:
        """One function."""
        self.calls.append((name, asked))
        if name not in (*FUNCTIONS, *COMPANION):
            raise self.missing()
        if name not in self.functions:
            raise MoodleError("accessexception")
        with self.lock:
            return getattr(self, name)(asked)

    def missing(self, what: str = "") -> MoodleError:
        """What a lookup of something that does not exist becomes."""
        if self.release != "4.5":
            return MoodleError("invalidrecordunknown")
        return MoodleError("invaliduser" if what == "user" else "invalidrecord")

    def need(self, capability: str) -> None:
        if capability in self.denied:
            raise MoodleError(
                "nopermissions", f"Sorry, but you do not currently have permissions to do that ({capability})."
            )

    def core_webservice_get_site_info(self, _asked: dict[str, Any]) -> Any:
        functions = [{"name": name, "version": "2024100705.01"} for name in sorted(self.functions)]
        return {"sitename": "Acceptance LMS", "username": "ws_muster", "userid": 2, "siteurl": self.base, "lang": self.language, "release": {"4.5": "4.5.5+", "5.1": "5.1.3"}[self.release],
                "functions": functions}  # fmt: skip

    def profile(self, user: dict[str, Any]) -> dict[str, Any]:
        found = {key: value for key, value in user.items() if key != "custom" and value not in ("", None)}
        found["fullname"] = f"{user['firstname']} {user['lastname']}"
        found = {key: escaped(value) if isinstance(value, str) else value for key, value in found.items()}
        if custom := [
            {"type": "text", "value": value, "displayvalue": value, "name": key.title(), "shortname": key}
            for key, value in user["custom"].items() if value
        ]:  # fmt: skip
            found["customfields"] = custom
        if "moodle/user:viewalldetails" in self.denied:
            for key in ("username", "email", "idnumber", "department", "institution"):
                found.pop(key, None)
        return found

    def core_user_get_users_by_field(self, asked: dict[str, Any]) -> Any:
        if asked.get("field") not in ("id", "idnumber", "username", "email"):
            raise MoodleError("codingerror")
        values = set(items(asked.get("values")))
        if asked["field"] == "username" and any(value != value.lower() or " " in value for value in values):
            raise MoodleError("invalidparameter")
        everybody = sorted((self.users | self.deleted).items())
        matching = [user for _, user in everybody if str(user[asked["field"]]) in values]
        if any(user["id"] in self.cleaned for user in matching):
            raise self.missing("user")
        shown = [self.profile(user) for user in matching]
        return [one for one in shown if one.get(asked["field"])]

    def core_enrol_get_enrolled_users(self, asked: dict[str, Any]) -> Any:
        course = integer(asked.get("courseid"))
        options = {one["name"]: one["value"] for one in items(asked.get("options"))}
        if course != 1 and course not in self.courses:
            raise self.missing()
        self.need("moodle/site:viewparticipants" if course == 1 else "moodle/course:viewparticipants")
        if options.get("onlyactive"):
            self.need("moodle/course:enrolreview")
        users = sorted(self.users) if course == 1 else sorted(user for of, user in self.enrolments if of == course)
        if options.get("onlyactive") and course != 1:
            users = [user for user in users if not self.enrolments[course, user].suspended]
        start, most = int(options.get("limitfrom", 0)), int(options.get("limitnumber", 0)) or None
        part = users[start : start + most] if most else users[start:]
        wanted = set(options["userfields"].split(",")) | {"id", "fullname"} if "userfields" in options else None
        found = []
        for user in part:
            row = {
                key: value
                for key, value in self.profile(self.users[user]).items()
                if key not in ("suspended", "timezone", "lang")
            }
            row["lastcourseaccess"] = self.seen.get((course, user), 0)
            found.append({key: value for key, value in row.items() if wanted is None or key in wanted})
        return found

    def core_user_get_course_user_profiles(self, asked: dict[str, Any]) -> Any:
        found = []
        for one in items(asked.get("userlist")):
            user, course = integer(one.get("userid")), integer(one.get("courseid"))
            if user in self.users:
                row = self.enrolments.get((course, user))
                roles = [{"roleid": row.role, "name": "", "shortname": "student", "sortorder": 5}] if row else []
                found.append({**self.profile(self.users[user]), "roles": roles})
        return found

    def core_cohort_search_cohorts(self, asked: dict[str, Any]) -> Any:
        self.need("moodle/cohort:view")
        rows = [row for _, row in sorted(self.cohorts.items()) if asked.get("includes") == "all" or not row["category"]]
        start = integer(asked.get("limitfrom", 0))
        return {"cohorts": [self._cohort(row) for row in rows[start : start + integer(asked.get("limitnum", 25))]]}

    def _shown(self, name: str) -> str:
        """A name as ``format_string`` makes it: filters only where they are asked for, tags stripped, escaped."""
        if self.filtered:
            name = re.sub(r'(<span lang="\w+" class="multilang">.*?</span>\s*)+', self._one_language, name)
        return escaped(re.sub(r"<[^>]+>", "", name))

    def _one_language(self, found: re.Match[str]) -> str:
        texts = dict(re.findall(r'<span lang="(\w+)" class="multilang">(.*?)</span>', found[0]))
        return str(texts.get(self.language) or next(iter(texts.values())))

    def _cohort(self, row: dict[str, Any]) -> dict[str, Any]:
        name = row["name"] if self.release == "4.5" else self._shown(row["name"])
        return {"id": row["id"], "name": name, "idnumber": row["idnumber"], "description": "", "visible": True}

    def core_cohort_get_cohorts(self, asked: dict[str, Any]) -> Any:
        self.need("moodle/cohort:view")
        wanted = {integer(one) for one in items(asked.get("cohortids"))}
        return [self._cohort(row) for number, row in sorted(self.cohorts.items()) if not wanted or number in wanted]

    def core_cohort_get_cohort_members(self, asked: dict[str, Any]) -> Any:
        self.need("moodle/cohort:view")
        wanted = [integer(one) for one in items(asked.get("cohortids"))]
        if any(one not in self.cohorts for one in wanted):
            raise self.missing()
        return [{"cohortid": one, "userids": sorted(self.members[one])} for one in wanted]

    def core_course_get_courses_by_field(self, asked: dict[str, Any]) -> Any:
        name, value = asked.get("field", ""), asked.get("value", "")
        ids = {int(one) for one in value.split(",") if one} if name in ("id", "ids") else set(self.courses) | {1}
        if name == "ids" and ids - set(self.courses):
            raise MoodleError("", 'Attempt to assign property "contextvalidated" on null')
        shown = [row for number, row in sorted(self.courses.items()) if number in ids]
        if "moodle/course:viewhiddencourses" in self.denied:
            shown = [row for row in shown if row["visible"]]
        courses = [
            {"id": row["id"], "fullname": self._shown(row["fullname"]), "shortname": self._shown(row["shortname"]), "visible": row["visible"], "enablecompletion": row["completion"],
             "enrollmentmethods": ["manual"] if row["manual"] else []} for row in shown
        ]  # fmt: skip
        site = [{"id": 1, "fullname": "Acceptance LMS", "shortname": "acc", "visible": 1}] if 1 in ids else []
        return {"courses": site + courses, "warnings": []}

    def core_completion_get_course_completion_status(self, asked: dict[str, Any]) -> Any:
        course, user = integer(asked.get("courseid")), integer(asked.get("userid"))
        if "report/completion:view" in self.denied:
            raise MoodleError("cannotviewreport", "You cannot view this report")
        if course not in self.courses:
            raise self.missing()
        if not self.courses[course]["criteria"]:
            raise MoodleError("nocriteriaset")
        if (course, user) not in self.enrolments:
            raise MoodleError("usernotenroled")
        at = self.completed.get((course, user))
        criterion = {
            "type": 1,
            "title": "Self completion",
            "status": "Yes" if at else "No",
            "complete": bool(at),
            "timecompleted": at,
        }
        return {
            "completionstatus": {"completed": bool(at), "aggregation": 1, "completions": [criterion]},
            "warnings": [],
        }

    def install_companion(self) -> None:
        """Muster's plugin is installed and its functions are in the service."""
        self.functions |= set(COMPANION)

    def local_muster_get_users(self, asked: dict[str, Any]) -> Any:
        self.need("moodle/user:viewalldetails")
        after, most = integer(asked.get("after", 0)), integer(asked.get("limit", 1000))
        chosen = [user for number, user in sorted(self.users.items()) if number > after][:most]
        fields = [
            "id", "fullname", "username", "firstname", "lastname", "email", "idnumber", "department", "institution", "city", "country",
            "suspended", "lang", "timezone", "firstaccess",
        ]  # fmt: skip
        rows = []
        for profile in map(self.profile, chosen):
            custom = {one["shortname"]: one["value"] for one in profile.get("customfields", [])}
            rows.append([custom, *(profile.get(name, "") for name in fields)])
        return packed(["custom", *fields], rows)

    def local_muster_get_enrolments(self, asked: dict[str, Any]) -> Any:
        course, after = integer(asked["courseid"]), integer(asked.get("after", 0))
        if course not in self.courses:
            raise self.missing()
        rows = [(number, key, row) for number, (key, row) in enumerate(sorted(self.enrolments.items()), 1)]
        found = [
            [number, user, row.method, not row.suspended]
            for number, (of, user), row in rows
            if of == course and number > after
        ]
        return packed(["id", "userid", "method", "active"], found[: integer(asked.get("limit", 10000))])

    def local_muster_get_completions(self, asked: dict[str, Any]) -> Any:
        self.need("report/completion:view")
        since, after = integer(asked.get("since", 0)), integer(asked.get("after", 0))
        rows = enumerate(sorted(self.completed.items()), 1)
        found = [[number, user, course, at] for number, ((course, user), at) in rows if number > after and at >= since]
        return packed(["id", "userid", "courseid", "timecompleted"], found[: integer(asked.get("limit", 5000))])

    def local_muster_get_courses(self, _asked: dict[str, Any]) -> Any:
        return {"courses": [
            {"id": number, "criteria": row["criteria"], "welcome": bool(row.get("welcome"))}
            for number, row in sorted(self.courses.items())
        ]}  # fmt: skip

    def local_muster_set_enrolments(self, asked: dict[str, Any]) -> Any:
        found = []
        for one in items(asked.get("enrolments")):
            course, user = integer(one["courseid"]), integer(one["userid"])
            row, said = self.enrolments.get((course, user)), {"outcome": "absent", "why": ""}
            if course not in self.courses or "enrol/manual:enrol" in self.denied:
                said = {"outcome": "refused", "why": "You may not do that here"}
            elif row is not None:
                row.suspended, said["outcome"] = one["suspend"] == "1", "done"
            found.append({"userid": user, "courseid": course, **said})
        return {"outcomes": found}

    def local_muster_send_messages(self, asked: dict[str, Any]) -> Any:
        self.need("moodle/site:sendmessage")
        outcomes = []
        for one in items(asked.get("messages")):
            user, said = integer(one["userid"]), {"outcome": "done", "why": ""}
            if user not in self.users:
                said["outcome"] = "gone"
            elif one["key"] in self.notified:
                said["outcome"] = "same"
            elif user in self.deaf:
                said = {"outcome": "refused", "why": "Moodle did not take this notification."}
            else:
                self.notified[one["key"]] = (user, one["subject"])
            outcomes.append({"key": one["key"], **said})
        return {"outcomes": outcomes}

    def tool_mobile_get_config(self, asked: dict[str, Any]) -> Any:
        assert asked == {"section": "locationsettings"}
        settings = {"timezone": self.zone, "forcetimezone": "99"}
        return {"settings": [{"name": name, "value": value} for name, value in settings.items()], "warnings": []}

    def tool_mobile_call_external_functions(self, asked: dict[str, Any]) -> Any:
        responses: list[dict[str, Any]] = []
        for one in items(asked.get("requests")):
            try:
                arguments = {key: str(value) for key, value in json.loads(one["arguments"]).items()}
                responses.append({"error": False, "data": json.dumps(self.call(one["function"], arguments))})
            except MoodleError as error:
                responses.append({"error": True, "exception": json.dumps({"errorcode": error.code})})
                break
        return {"responses": responses}

    # --- writing

    def _writable(self, course: int, capability: str) -> None:
        if course not in self.courses:
            raise MoodleError("invalidparameter") if capability.endswith(":enrol") else self.missing()
        self.need(capability)

    def enrol_manual_enrol_users(self, asked: dict[str, Any]) -> Any:
        made: dict[tuple[int, int], Enrolment] = {}
        for one in items(asked.get("enrolments")):
            if set(one) - {"roleid", "userid", "courseid", "timestart", "timeend", "suspend"} or not {
                "roleid",
                "userid",
                "courseid",
            } <= set(one):
                raise MoodleError("invalidparameter")
            course, user = integer(one["courseid"]), integer(one["userid"])
            self._writable(course, "enrol/manual:enrol")
            if user in self.deleted:
                raise MoodleError("userdeleted")
            if user not in self.users:
                raise self.missing("user")
            if integer(one["roleid"]) != STUDENT or "moodle/role:assign" in self.denied:
                raise MoodleError("wsusercannotassign")
            if not self.courses[course]["manual"]:
                raise MoodleError("wsnoinstance")
            old = self.enrolments.get((course, user))
            made[course, user] = Enrolment(
                role=old.role if old else STUDENT, suspended=one.get("suspend", "0") == "1", start=integer(one.get("timestart", 0)),
                end=integer(one.get("timeend", 0)), method=old.method if old else "manual",
            )  # fmt: skip
        if self.clashes:
            self.clashes -= 1
            raise MoodleError("dmlwriteexception", "Error writing to database")
        if self.mood == "truncated":
            made = dict(list(made.items())[: max(1, len(made) - 2)])
        self.enrolments.update(made)
        return None

    def enrol_manual_unenrol_users(self, asked: dict[str, Any]) -> Any:
        rows = [(integer(one["courseid"]), integer(one["userid"])) for one in items(asked.get("enrolments"))]
        for course, user in rows:
            self._writable(course, "enrol/manual:unenrol")
            if user not in self.users:
                raise MoodleError("userdeleted") if user in self.deleted else self.missing("user")
        for key in rows:
            self.enrolments.pop(key, None)
        return None

    def core_message_send_instant_messages(self, asked: dict[str, Any]) -> Any:
        self.need("moodle/site:sendmessage")
        sent, bad = [], False
        for one in items(asked.get("messages")):
            user = integer(one["touserid"])
            bad |= user not in self.users
            if user in self.users:
                self.messages.append((user, one["text"]))
                sent.append(
                    {
                        "msgid": len(self.messages),
                        "text": one["text"],
                        "timecreated": 1,
                        "conversationid": 1,
                        "useridfrom": 2,
                    }
                )
            else:
                sent.append({"msgid": -1, "errormessage": "User does not exist"})
        if bad and len(sent) > 1:
            raise MoodleError("formatnotsupported")
        if self.mood == "unclear":
            raise MoodleError("formatnotsupported")
        return sent


def nested(form: list[tuple[str, str]]) -> dict[str, Any]:
    """PHP's array syntax."""
    found: dict[str, Any] = {}
    for name, value in form:
        parts = re.findall(r"[^\[\]]+", name)
        place = found
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    return found


def escaped(text: str) -> str:
    """As Moodle escapes: an ampersand that begins an entity already is left alone."""
    return re.sub(r"&(?![a-zA-Z0-9#]{1,8};)", "&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def packed(fields: list[str], rows: list[list[Any]]) -> dict[str, str]:
    """As Muster's plugin gives many rows (its ``packed.php``)."""
    return {"fields": ",".join(fields), "rows": json.dumps(rows)}


def items(value: Any) -> list[Any]:
    """A PHP list."""
    return list(value.values()) if isinstance(value, dict) else []


def integer(value: Any) -> int:
    """A parameter that must be a number."""
    if not re.fullmatch(r"-?\d+", str(value)):
        raise MoodleError("invalidparameter")
    return int(value)


def _handler(fake: FakeMoodle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            form = parse_qsl(body.decode(), keep_blank_values=True)
            status, kind, answer = self._answer(form)
            if status == 0:
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status == 429:
                self.send_header("Retry-After", "17")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _answer(self, form: list[tuple[str, str]]) -> tuple[int, str, bytes]:
            if self.path != PATH:
                return 404, "text/html", b"<html>Not found</html>"
            gates = {
                "html": (200, "text/html", b"<!DOCTYPE html><html><body>Log in</body></html>"),
                "garbage": (200, "application/json", b'[{"id": 1'), "maintenance": (503, "text/html", b"<html>Maintenance</html>"),
                "off": (403, "text/html", b""), "busy": (429, "text/html", b""), "down": (0, "", b""), "error": (500, "text/html", b""),
            }  # fmt: skip
            try:
                if fake.mood in gates:
                    return gates[fake.mood]
                found = fake.answer(form)
                if fake.mood in gates:
                    return gates[fake.mood]
            except MoodleError as error:
                found = {
                    "exception": "core\\exception\\moodle_exception",
                    "errorcode": error.code,
                    "message": error.said,
                }
            notice = b"<br />\n<b>Warning</b>:  PHP Request Startup: Input variables exceeded<br />\n"
            cut = notice if fake.shows_notices and len(form) > fake.max_input_vars else b""
            return 200, "application/json; charset=utf-8", cut + json.dumps(found).encode()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def serve_moodle(people: int = 60, release: str = "4.5") -> Iterator[FakeMoodle]:
    """A site with people, two courses and two cohorts, one of them in a category."""
    fake = FakeMoodle(release=release)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    server.daemon_threads = True
    fake.base = f"http://localhost:{server.server_address[1]}"
    fake.user(2, username="ws_muster", idnumber="", firstname="Muster", lastname="Connector")
    for number in range(3, 3 + people):
        path = "/Acme/Claims/Days" if number % 3 else "/Acme/Claims/Nights"
        boss = "" if number == 3 else f"user{max(3, number // 2):03}"
        fake.user(
            number, custom={"orgpath": path, "position": "Lead" if number % 10 == 3 else "Agent", "manager": boss}
        )
    fake.course(11)
    fake.course(12)
    fake.cohort(1, *range(3, 13))
    fake.cohort(2, *range(10, 20), category=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def now() -> int:
    """The true time."""
    return int(time.time())
