"""Reading people: page by page over everybody, or by id. Never all in one answer: Moodle needs 5 ms a user for that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from plugin.core.database.slices import slices
from plugin.core.text.stored import later
from plugin.hosts.moodle.mapping import values_of
from plugin.hosts.moodle.rest import CAPABILITY, Fault, Rest
from plugin.hosts.moodle.versions import is_missing
from plugin.hosts.port import Garbled, Locked, Record

LISTED, BY_FIELD = "core_enrol_get_enrolled_users", "core_user_get_users_by_field"
PROFILES = "core_user_get_course_user_profiles"
FRONT_PAGE = 1
"""The course of the front page, in which Moodle counts everybody as enrolled: the one list of people that has pages."""
NARROW, WIDE, DETAILS = 2000, 500, 300
"""People a call: ids alone, listed profiles, whole profiles. Some 0.5, 2 and 5 ms each for Moodle."""
SCAN, GAP = 500, 20_000
"""Where the account may not list: ids a call, and ids in a row without anybody after which the last person was seen."""
MANY = 20_000
"""People above which not everybody's whole profile is read each time."""
SLOTS = 8
"""Of many people, every eighth is read whole in a poll: what lists do not show (suspended, zone) is known in two hours."""
FIELDS = (
    "id", "username", "firstname", "lastname", "email", "idnumber", "department", "institution", "city", "country", "firstaccess",
    "customfields",
)  # fmt: skip
"""What a list shows. Moodle drops ``suspended``, ``timezone`` and ``lang`` from it without a word."""
_MD5, _TIMED = re.compile(r"[0-9a-f]{32}"), re.compile(r"\.[0-9]{9,11}$")
User = Mapping[str, Any]
Some = tuple[list[User], str | None]
"""Some people, and where to go on; ``None`` after the last of them."""


class People:
    """The users of one Moodle."""

    def __init__(self, rest: Rest, bulk: Callable[[int], Iterator[Some]] | None = None) -> None:
        """:param bulk: everybody after an id, where Muster's plugin in Moodle gives them."""
        self._rest, self._bulk, self._tells_deleted = rest, bulk, True

    @property
    def language(self) -> str:
        """Of the site, as its account has it, without a region: ``de`` of Moodle's ``de_du``."""
        return self._rest.language.partition("_")[0]

    def pages(self, cursor: str | None = None) -> Iterator[Some]:
        """Everybody's whole profile.

        Falls back to asking for id after id where the account may not list the participants of the front page.
        """
        if self._bulk is not None:
            yield from (
                (_people(found), following) for found, following in self._bulk(int((cursor or "0").lstrip("i")))
            )
            return
        if cursor is not None and cursor.startswith("i"):
            yield from self._scanned(int(cursor[1:]))
            return
        try:
            ids = self.ids()
        except Fault as fault:
            if fault.code not in CAPABILITY:
                raise
            yield from self._scanned(1)
            return
        left = [one for one in ids if cursor is None or one > int(cursor)]
        for start in range(0, max(len(left), 1), DETAILS):
            part = left[start : start + DETAILS]
            last = start + DETAILS >= len(left)
            yield self.by_ids([str(one) for one in part]), None if last else str(part[-1])

    def ids(self) -> list[int]:
        """Ids of everybody, in order.

        :raises Fault: where the account may not list them.
        """
        return sorted(int(one["id"]) for users in self._listed("id", NARROW) for one in users)

    def listed(self, slot: int) -> Iterator[tuple[list[User], list[User], bool]]:
        """Everybody as lists show them, of those in this slot the whole profile; and whether these are the last."""
        for listed in self._listed(",".join(FIELDS), WIDE):
            users = _people(listed)
            whole = self.by_ids([str(one["id"]) for one in users if int(one["id"]) % SLOTS == slot])
            known = {str(one["id"]) for one in whole}
            yield [one for one in users if str(one["id"]) not in known], whole, len(listed) < WIDE

    def _listed(self, fields: str, most: int) -> Iterator[list[User]]:
        start = 0
        while True:
            options = {"userfields": fields, "limitfrom": start, "limitnumber": most, "sortby": "id"}
            found = users_in(self._rest.call(LISTED, {"courseid": FRONT_PAGE, "options": as_options(options)}))
            yield found
            start += most
            if len(found) < most:
                return

    def _scanned(self, start: int) -> Iterator[Some]:
        empty = 0
        while True:
            found = self.by_field("id", [str(one) for one in range(start, start + SCAN)])
            start += SCAN
            empty = 0 if found else empty + SCAN
            yield found, None if empty >= GAP else f"i{start}"
            if empty >= GAP:
                return

    def by_ids(self, ids: Sequence[str]) -> list[User]:
        """Exactly these, without those that do not exist (any more)."""
        return self.by_field("id", [one for one in ids if is_id(one)])

    def by_field(self, name: str, values: Sequence[str]) -> list[User]:
        """Users whose ``id``, ``idnumber``, ``username`` or ``email`` is one of these."""
        found: list[User] = []
        for part in slices(values, SCAN):
            found += self._some(name, list(part))
        return _people(found)

    def _some(self, name: str, values: list[str]) -> list[User]:
        """One value that Moodle does not take must not hide the others: the list is halved until it stands alone."""
        try:
            return users_in(self._rest.call(BY_FIELD, {"field": name, "values": values}))
        except Fault as fault:
            if fault.code in CAPABILITY:
                raise Locked(later("Moodle's service account may not see users: %(said)s", said=fault.said)) from None
            if name == "id" and is_missing(fault.code):
                return self._without_deleted(values)
            if fault.code != "invalidparameter" or name == "id":
                raise
            if len(values) == 1:
                return []
            middle = len(values) // 2
            return self._some(name, values[:middle]) + self._some(name, values[middle:])

    def _without_deleted(self, ids: list[str]) -> list[User]:
        """Somebody here is deleted, and Moodle's hourly clean-up has been there since: it refuses all that are asked with her.

        Another function leaves the deleted out and so tells who is left to be asked for (decision 144); else by halves.
        """
        if len(ids) == 1:
            return []
        left = self._not_deleted(ids)
        if len(left) < len(ids):
            return self._some("id", left) if left else []
        middle = len(ids) // 2
        return self._some("id", ids[:middle]) + self._some("id", ids[middle:])

    def _not_deleted(self, ids: list[str]) -> list[str]:
        """Those of these whom Moodle still has; all of them where the service does not have the function that tells."""
        found: set[str] = set()
        try:
            for part in slices(ids, DETAILS) if self._tells_deleted else ():
                asked = [{"userid": one, "courseid": FRONT_PAGE} for one in part]
                found |= {str(one["id"]) for one in users_in(self._rest.call(PROFILES, {"userlist": asked}))}
        except (Fault, Locked):
            self._tells_deleted = False
        return [one for one in ids if one in found] if self._tells_deleted else ids


def spellings(field: str, references: Iterable[str]) -> list[str]:
    """How references to people are looked for by a field. Letter case is nothing to us and something to Moodle: usernames it
    keeps in lower case and finds in no other, the rest it finds as it is written, which is mostly so or in lower case."""
    written = set(references)
    lower = {one.lower() for one in written}
    return sorted(lower if field == "username" else lower | written)


def as_options(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Moodle's list of names and values."""
    return [{"name": name, "value": value} for name, value in options.items()]


def is_id(value: str) -> bool:
    """Whether a text can be an id of Moodle's."""
    return value.isascii() and value.isdigit() and len(value) <= 18


def users_in(answer: Any) -> list[User]:
    """The users of an answer.

    :raises Garbled: when it is no list of users.
    """
    if not isinstance(answer, list):
        raise Garbled("Moodle answered something else than a list of users.")
    for one in answer:
        if not isinstance(one, dict) or isinstance(one.get("id"), bool) or not str(one.get("id") or "").isdigit():
            raise Garbled("Moodle gave a user without an id.")
    return answer


def _people(users: Sequence[User]) -> list[User]:
    return [one for one in users if not _is_guest(one) and not is_deleted(one)]


def _is_guest(user: User) -> bool:
    """The account of visitors, which is the first that Moodle makes."""
    return bool(user.get("username") == "guest" or ("username" not in user and str(user["id"]) == "1"))


def is_deleted(user: User) -> bool:
    """Whether Moodle deleted her: asked for by id it still gives her, without a word of it, but for what it made of her fields.

    The address becomes an MD5, the username the old address and a time (``delete_user`` in Moodle's ``moodlelib.php``).
    """
    email, username = str(user.get("email") or ""), str(user.get("username") or "")
    if user.get("idnumber"):
        return False
    return bool(_MD5.fullmatch(email) and _TIMED.search(username)) or (
        not email and "@" in username and bool(_TIMED.search(username))
    )


def person_record(user: User, *, listed: bool = False) -> Record:
    """A user as a record of the port.

    :param listed: as lists show her: what they do not show, or this account may not see in them, is left out.
    """
    first, zone = user.get("firstaccess"), str(user.get("timezone") or "")
    own = ("username", "email", "idnumber")
    found = {
        "id": str(user["id"]), "name": user.get("fullname"), "given_name": user.get("firstname"),
        "family_name": user.get("lastname"), "email": user.get("email"), "username": user.get("username"),
        "number": user.get("idnumber"), "first_login": rfc3339(first) if isinstance(first, int) and first > 0 else None,
        "fields": {name.removeprefix("profile:"): value for name, value in values_of(user).items() if name not in own},
    }  # fmt: skip
    if not listed:
        found["state"] = "suspended" if user.get("suspended") else "active"
        found["language"] = user.get("lang")
        found["time_zone"] = zone if "/" in zone or zone == "UTC" else None
    return Record(str(user["id"]), {name: value for name, value in found.items() if value is not None})


def rfc3339(instant: int) -> str:
    """Epoch seconds as the port writes them."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
