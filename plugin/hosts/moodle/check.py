"""The checklist of a Moodle: address, token, each function of the service, and the rights of its account.

Nothing is changed at Moodle: what needs a write is tried together with something impossible, so that Moodle takes all of it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import gettext as _

from plugin.core.runtime import Runtime
from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.courses import STATUS
from plugin.hosts.moodle.groups import COURSES, LIST, MEMBERS, SEARCH
from plugin.hosts.moodle.host import CONFIG
from plugin.hosts.moodle.mapping import MoodleMapping
from plugin.hosts.moodle.messages import SEND
from plugin.hosts.moodle.people import BY_FIELD, FRONT_PAGE, LISTED, PROFILES, People, as_options
from plugin.hosts.moodle.rest import CAPABILITY, INFO, TOGETHER, Fault, Rest
from plugin.hosts.moodle.versions import ENROL, UNENROL, who_is_missing
from plugin.hosts.moodle.writing import STUDENT, whole_number
from plugin.hosts.port import Check, ConnectionSpec, Garbled, HostTrouble, Locked

NEEDED = {
    BY_FIELD: lambda: _("People cannot be read."), LISTED: lambda: _("People cannot be listed, nor who is enrolled."),
    SEARCH: lambda: _("Cohorts cannot be listed."), LIST: lambda: _("Cohorts cannot be read again one by one."),
    MEMBERS: lambda: _("Members of cohorts cannot be read."), COURSES: lambda: _("Courses cannot be read."),
    STATUS: lambda: _("Completions cannot be read, so nobody is ever certified."), ENROL: lambda: _("Nobody can be enrolled."),
    UNENROL: lambda: _("Nobody can be removed from a course."), SEND: lambda: _("No messages can be sent through Moodle."),
}  # fmt: skip
HELPFUL = {
    PROFILES: lambda: _("Enrolments are not looked at again as they are written, only once a day."),
    bulk.USERS: lambda: _(
        "Muster's plugin is not installed in Moodle: changes are seen every fifteen minutes, not at once."
    ),
    CONFIG: lambda: _("The site's time zone is not read: enter it under Configuration."),
    TOGETHER: lambda: _("Completions are asked for one by one, which takes Moodle longer."),
}


def _service() -> str:
    return str(_("Add it under Site administration › Server › Web services › External services › Functions."))


def _role(*more: str) -> str:
    """Where rights are given; and which, where it is not the one of the piece."""
    where = _(
        "Allow it in the role of Muster's account, under Site administration › Users › Permissions › Define roles."
    )
    return " ".join((where, *more))


def checklist(runtime: Runtime, spec: ConnectionSpec) -> list[Check]:
    """Try each piece; what Moodle answers becomes a sentence with the way out, never an error."""
    if not spec.api_url:
        fix = _("Enter the address of the site's front page as the API address.")
        return [Check(_("Site"), None, _("No address is set."), fix)]
    rest = Rest(spec, runtime.http, runtime.clock)
    try:
        info = rest.call(INFO)
        functions = {str(one["name"]) for one in info["functions"]}
    except HostTrouble as trouble:
        return [_unreachable(trouble)]
    except (TypeError, KeyError):
        fix = _("Check the address: it is that of the site's front page.")
        return [Check(_("Site"), False, _("This does not answer as a Moodle."), fix)]
    about = {"name": info.get("sitename") or "Moodle", "release": info.get("release") or _("release unknown")}
    checks = [
        Check(_("Site"), True, _("%(name)s (%(release)s) answers at %(site)s.", site=rest.site, **about)),
        Check(_("Token"), True, _("The token is that of the account %(name)s.", name=info.get("username") or "?")),
        *(_function(name, name in functions, what, needed=True) for name, what in NEEDED.items()),
        *(_function(name, name in functions, what, needed=False) for name, what in HELPFUL.items()),
    ]
    tries = _Tries(rest, functions, info, whole_number(spec.settings.get("role"), STUDENT))
    return [*checks, *tries.all(), _mapping(spec), _hints(spec)]


def _unreachable(trouble: HostTrouble) -> Check:
    if isinstance(trouble, Locked):
        fix = _(
            "Check that web services and the REST protocol are switched on (Site administration › Server › Web services"
            " › Overview), that the token is valid, and that core_webservice_get_site_info is in its service."
        )
    elif isinstance(trouble, Garbled):
        fix = _("Enter the address of the site's front page, with https, exactly as the site itself uses it.")
    else:
        fix = _(
            "Check the address, and that the site can be reached from here and is not in maintenance; then test again."
        )
    return Check(_("Site"), False, trouble.why, fix)


def _function(name: str, there: bool, what: Callable[[], str], *, needed: bool) -> Check:
    if there:
        return Check(name, True, _("The service of the token offers this function."))
    if name == bulk.USERS:
        return Check(
            name, None, what(), _("Install it: Hosts › Connect a learning site › Moodle › Connect with the plugin.")
        )
    return Check(name, False if needed else None, _("This function is not in the service.") + " " + what(), _service())


def _mapping(spec: ConnectionSpec) -> Check:
    if MoodleMapping.from_dict(spec.mapping).empty:
        return Check(
            _("Mapping"), None,
            _("No organisation, position or manager is mapped; cohorts and individuals can be assigned."),
            _("Choose the fields under Mapping."),
        )  # fmt: skip
    return Check(_("Mapping"), True, _("Organisation, position or manager are taken from profiles or cohorts."))


def _hints(spec: ConnectionSpec) -> Check:
    if spec.hooks_secret or spec.webhook_secret:
        return Check(_("Hints"), True, _("Events posted by a webhook plugin are verified and taken as hints."))
    return Check(
        _("Hints"), None, _("There is no secret for hints: Moodle is read by the clock alone, which is enough."),
        _("Only with a webhook plugin in Moodle: make a secret under Configuration."),
    )  # fmt: skip


class _Tries:
    """What the account may do, tried."""

    def __init__(self, rest: Rest, functions: set[str], info: Any, role: int) -> None:
        self._rest, self._functions, self._role = rest, functions, role
        self._account = str(info.get("userid") or "")
        self._course = ""
        self._courses_seen: list[str] = []

    def all(self) -> list[Check]:
        tries: Sequence[tuple[str, str, Callable[[], Check]]] = (
            ("moodle/site:viewparticipants", LISTED, self._lists), ("moodle/user:viewalldetails", BY_FIELD, self._details),
            ("moodle/course:enrolreview", LISTED, self._review), ("moodle/cohort:view", SEARCH, self._cohorts),
            ("moodle/course:view", COURSES, self._courses), ("report/completion:view", STATUS, self._completion),
            ("enrol/manual:enrol", ENROL, self._role_assignable), ("moodle/site:sendmessage", SEND, self._messages),
        )  # fmt: skip
        found = []
        for name, function, attempt in tries:
            if function not in self._functions:
                found.append(Check(name, None, _("Cannot be tried without the function that needs it."), _service()))
                continue
            try:
                found.append(attempt())
            except HostTrouble as trouble:
                found.append(Check(name, False, trouble.why, _role()))
        return found

    def _lists(self) -> Check:
        try:
            self._list()
        except Fault as fault:
            if fault.code not in CAPABILITY:
                raise
            return Check(
                "moodle/site:viewparticipants", None,
                _("The account may not list everybody page by page: people are looked for id by id, which takes longer."),
                _role(),
            )  # fmt: skip
        return Check("moodle/site:viewparticipants", True, _("Everybody can be listed page by page."))

    def _list(self, **more: Any) -> Any:
        options = {"userfields": "id", "limitnumber": 1, **more}
        return self._rest.call(LISTED, {"courseid": FRONT_PAGE, "options": as_options(options)})

    def _details(self) -> Check:
        """A caller without rights gets fewer fields, not an error; her own account she always sees, so others are looked at."""
        name = "moodle/user:viewalldetails"
        others = [str(number) for number in range(2, 100) if str(number) != self._account]
        users = People(self._rest).by_ids(others)
        if not users:
            also = _("Also %(right)s is needed.", right="moodle/user:viewdetails")
            return Check(name, False, _("The account sees nobody."), _role(also))
        lacking = [field for field in ("username", "email") if not any(one.get(field) for one in users)]
        if lacking:
            wanted = _("Allow %(first)s and %(second)s.", first=name, second="moodle/site:viewuseridentity")
            lacks = (
                _("People come without %(first)s and %(second)s.", first=lacking[0], second=lacking[1])
                if len(lacking) == 2
                else _("People come without %(field)s.", field=lacking[0])
            )
            return Check(name, False, lacks, _role(wanted))
        if not any("suspended" in one for one in users):
            wanted = _("Allow %(right)s.", right="moodle/user:viewhiddendetails")
            return Check(name, False, _("Moodle does not say who is suspended."), _role(wanted))
        return Check(name, True, _("People come with username, e-mail address and whether they are suspended."))

    def _review(self) -> Check:
        name = "moodle/course:enrolreview"
        try:
            self._list(onlyactive=1)
        except Fault as fault:
            if fault.code not in CAPABILITY:
                raise
            return Check(
                name, None,
                _("The account cannot tell active enrolments from suspended ones: whoever is in a course counts as"
                  " found there, and a suspension made in Moodle goes unnoticed."), _role(),
            )  # fmt: skip
        return Check(name, True, _("Active enrolments can be told from suspended ones."))

    def _cohorts(self) -> Check:
        asked = {"query": "", "context": {"contextid": 1}, "includes": "all", "limitnum": 5}
        found = self._rest.call(SEARCH, asked)["cohorts"]
        if found and MEMBERS in self._functions:
            self._rest.call(MEMBERS, {"cohortids": [found[0]["id"]]})
        seen = _("Cohorts can be read.") if found else _("Cohorts can be read; there are none.")
        return Check("moodle/cohort:view", True, seen)

    def _courses(self) -> Check:
        name = "moodle/course:view"
        found = [one for one in self._rest.call(COURSES)["courses"] if one["id"] != FRONT_PAGE]
        if not found:
            fix = _("Make a course, or allow moodle/course:view and :viewhiddencourses.")
            return Check(name, None, _("No course can be seen."), fix)
        manual = [one for one in found if "manual" in (one.get("enrollmentmethods") or ())]
        self._course = str((manual or found)[0]["id"])
        self._courses_seen = [str(one["id"]) for one in found[:10]]
        if len(manual) < len(found):
            numbers = {"some": len(found) - len(manual), "all": len(found)}
            return Check(
                name, None, _("%(some)s of %(all)s courses have no manual enrolments: nobody enters there.", **numbers),
                _("Where Muster is to enrol: add or switch on Manual enrolments, under Participants › Enrolment methods."),
            )  # fmt: skip
        seen = _("%(all)s courses can be read, and all of them have manual enrolments.", all=len(found))
        return Check(name, True, seen)

    def _completion(self) -> Check:
        name = "report/completion:view"
        options = as_options({"userfields": "id", "limitnumber": 5})
        for course in self._courses_seen:
            others = self._rest.call(LISTED, {"courseid": course, "options": options})
            someone = next((str(one["id"]) for one in others if str(one["id"]) != self._account), "")
            if not someone:
                continue
            try:
                self._rest.call(STATUS, {"courseid": course, "userid": someone})
            except Fault as fault:
                if fault.code in CAPABILITY:
                    raise
            return Check(name, True, _("Completions of others can be read."))
        return Check(name, None, _("Cannot be tried: nobody is enrolled in the courses that were looked at."))

    def _role_assignable(self) -> Check:
        """One row that may be good and one that cannot be: Moodle says what is wrong with the first, or takes both back."""
        name = "enrol/manual:enrol"
        if not self._course:
            return Check(name, None, _("Cannot be tried without a course."))
        row = {"roleid": self._role, "courseid": self._course, "timestart": 0, "timeend": 0, "suspend": 1}
        rows = [{**row, "userid": self._account}, {**row, "userid": 0}]
        try:
            self._rest.call(ENROL, {"enrolments": rows})
        except Fault as fault:
            if who_is_missing(ENROL, fault.code) == "person":
                return Check(name, True, _("The account may enrol people and give them the role."))
            if fault.code == "wsusercannotassign":
                return Check(
                    name, False, _("The account may not give the role with the id %(id)s.", id=self._role),
                    _("Site administration › Users › Permissions › Define roles › Allow role assignments: tick it there."),
                )  # fmt: skip
            if fault.code == "wsnoinstance":
                fix = _("Add Manual enrolments to a course.")
                return Check(name, None, _("Cannot be tried: no course has manual enrolments."), fix)
            raise
        fix = _("Report this to whoever runs Muster.")
        return Check(name, False, _("Moodle accepted an enrolment that cannot be."), fix)

    def _messages(self) -> Check:
        answer = self._rest.call(SEND, {"messages": [{"touserid": 0, "text": "-", "textformat": 1}]})
        refused = isinstance(answer, list) and answer and answer[0].get("msgid") == -1
        sentence = (
            _("The account may send messages. People who take them from contacts alone are reached with"
              " moodle/site:messageanyuser.")
            if refused
            else _("Moodle answered a message to nobody in an unknown way.")
        )  # fmt: skip
        return Check("moodle/site:sendmessage", bool(refused), sentence, "" if refused else _role())
