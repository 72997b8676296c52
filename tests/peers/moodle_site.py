"""A running Moodle of somebody's, arranged for a test through its own web services and cleaned up afterwards.

``MUSTER_PEER_MOODLE_URL`` and ``MUSTER_PEER_MOODLE_TOKEN`` are what Muster itself is given (docs/hosts/moodle.md lists the functions
of its service). ``MUSTER_PEER_MOODLE_ADMIN_TOKEN`` is for the arranging: users, courses and cohorts made, changed and deleted; without
it the first token is used. The site has three text profile fields with the short names ``orgpath``, ``position`` and ``manager``.
"""

from __future__ import annotations

import functools
import os
import secrets
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from plugin.hosts.moodle.rest import PATH, flat

URL = os.environ.get("MUSTER_PEER_MOODLE_URL", "").rstrip("/")
TOKEN = os.environ.get("MUSTER_PEER_MOODLE_TOKEN", "")
ADMIN = os.environ.get("MUSTER_PEER_MOODLE_ADMIN_TOKEN", "") or TOKEN
COMMAND = os.environ.get("MUSTER_PEER_MOODLE_COMMAND", "")
"""A command for what no web service of Moodle's does: ``php tests/peers/moodle_arrange.php MOODLE``."""
MAPPING = {"organisation": "profile:orgpath", "position": "profile:position", "manager": "profile:manager"}
NO_COMMAND = "set MUSTER_PEER_MOODLE_COMMAND: no web service of Moodle's does this"
WHY = "set MUSTER_PEER_MOODLE_URL and MUSTER_PEER_MOODLE_TOKEN to run against a Moodle"


def call(function: str, *, token: str = ADMIN, **asked: Any) -> Any:
    """One bare REST call, with nothing of Muster's in between."""
    form = [("wstoken", token), ("moodlewsrestformat", "json"), ("wsfunction", function), *flat(asked)]
    answer = requests.post(URL + PATH, data=form, timeout=600).json()
    assert not (isinstance(answer, dict) and "exception" in answer), (function, answer)
    return answer


@functools.cache
def functions() -> frozenset[str]:
    """The web service functions that Muster's account may call; none where no Moodle is named."""
    if not (URL and TOKEN):
        return frozenset()
    return frozenset(one["name"] for one in call("core_webservice_get_site_info", token=TOKEN)["functions"])


def command(*words: object) -> str:
    """Do something at the Moodle that no web service does; the words are told in ``moodle_arrange.php``. Returns what it said."""
    done = subprocess.run(
        [*shlex.split(COMMAND), *(str(word) for word in words)], check=True, capture_output=True, timeout=120, text=True
    )
    return done.stdout.strip()


@dataclass
class Site:
    """What one run of tests made at the site."""

    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    users: list[int] = field(default_factory=list)
    made_courses: list[int] = field(default_factory=list)
    cohorts: list[int] = field(default_factory=list)

    def make_people(self, profiles: Sequence[Mapping[str, str]], called: Sequence[str] = ()) -> list[int]:
        """Users with these profile fields; a manager is given by her place in the list.

        :param called: first and last name of each, for whoever looks at pages with them.
        """
        first = len(self.users)
        names = [f"peer{self.mark}{first + number:04}" for number in range(len(profiles))]
        rows = []
        for number, (name, profile) in enumerate(zip(names, profiles, strict=True)):
            fields = dict(profile)
            if fields.get("manager", "").isdigit():
                fields["manager"] = f"peer{self.mark}{int(fields['manager']):04}"
            given, _space, family = (called[number] if called else f"Peer{self.mark} {name}").partition(" ")
            rows.append({
                "username": name, "password": "Learner-1!", "firstname": given, "lastname": family, "email": f"{name}@example.com",
                "idnumber": name.upper(), "customfields": [{"type": key, "value": value} for key, value in fields.items()],
            })  # fmt: skip
        made = [
            int(one["id"])
            for start in range(0, len(rows), 50)
            for one in call("core_user_create_users", users=rows[start : start + 50])
        ]
        self.users += made
        return made

    def change(self, user: int, **fields: str) -> None:
        """Change plain fields, or profile fields given as ``field_NAME``."""
        custom = [
            {"type": name.removeprefix("field_"), "value": value}
            for name, value in fields.items()
            if name.startswith("field_")
        ]
        plain = {name: value for name, value in fields.items() if not name.startswith("field_")}
        call("core_user_update_users", users=[{"id": user, **plain, **({"customfields": custom} if custom else {})}])

    def delete(self, user: int) -> None:
        call("core_user_delete_users", userids=[user])
        self.users.remove(user)

    def course(self, name: str, called: str = "", *, manual: bool = True) -> int:
        """A new course; without ``manual``, one that nobody can be enrolled in by hand."""
        short = f"{name}-{secrets.token_hex(3)}"
        row = {"fullname": called or f"Peer {short}", "shortname": short, "categoryid": 1, "enablecompletion": 1}
        made = int(call("core_course_create_courses", courses=[row])[0]["id"])
        self.made_courses.append(made)
        if not manual:
            command("close", made)
        return made

    def cohort(self, users: Sequence[int], category: int = 0, called: str = "") -> int:
        """A new cohort of the site, or of one category of courses, with these members."""
        name = f"peer-{self.mark}-{len(self.cohorts)}"
        kind = {"type": "id", "value": category} if category else {"type": "system", "value": ""}
        row = {"categorytype": kind, "name": called or name, "idnumber": name}
        made = int(call("core_cohort_create_cohorts", cohorts=[row])[0]["id"])
        self.cohorts.append(made)
        members = [
            {"cohorttype": {"type": "id", "value": made}, "usertype": {"type": "id", "value": user}} for user in users
        ]
        for start in range(0, len(members), 150):
            call("core_cohort_add_cohort_members", members=members[start : start + 150])
        return made

    def enrol_by_hand(self, users: Sequence[int], course: int, start: int = 77) -> None:
        """Enrol as a teacher would, from a day of her choice on."""
        rows = [{"roleid": 5, "userid": user, "courseid": course, "timestart": start} for user in users]
        for first in range(0, len(rows), 100):
            call("enrol_manual_enrol_users", enrolments=rows[first : first + 100])

    @staticmethod
    def roster(course: int, *, active: bool = True) -> set[int]:
        """Who is in a course, by the page of participants' own function."""
        options = [{"name": "userfields", "value": "id"}] + ([{"name": "onlyactive", "value": 1}] if active else [])
        return {int(one["id"]) for one in call("core_enrol_get_enrolled_users", courseid=course, options=options)}

    def clean(self) -> None:
        """Delete what was made."""
        for course in self.made_courses:
            call("core_course_delete_courses", courseids=[course])
        if self.cohorts:
            call("core_cohort_delete_cohorts", cohortids=self.cohorts)
        for start in range(0, len(self.users), 100):
            call("core_user_delete_users", userids=self.users[start : start + 100])
