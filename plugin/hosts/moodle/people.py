"""Reading people: page by page over everybody, or by id. Never all in one answer: Moodle needs 5 ms a user for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from plugin.hosts.moodle.mapping import values_of
from plugin.hosts.moodle.rest import CAPABILITY, MOST_VARIABLES, Fault, Rest
from plugin.hosts.port import Garbled, Locked, Record

LISTED, BY_FIELD = "core_enrol_get_enrolled_users", "core_user_get_users_by_field"
FRONT_PAGE = 1
"""The course of the front page, in which Moodle counts everybody as enrolled: the one list of people that has pages."""
PAGE = 500
SCAN = 500
GAP = 20_000
"""Ids in a row without anybody after which a scan by id has seen the last person."""
WANTED = ",".join(
    ("id", "username", "firstname", "lastname", "email", "idnumber", "department", "institution", "city", "country", "lang",
     "timezone", "suspended", "firstaccess", "customfields")
)  # fmt: skip
User = Mapping[str, Any]


class People:
    """The users of one Moodle."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def pages(self, cursor: str | None = None) -> Iterator[tuple[list[User], str | None]]:
        """Everybody, with where to go on; ``None`` after the last page.

        Falls back to asking for id after id where the account may not list the participants of the front page.
        """
        if cursor is None or cursor.startswith("o"):
            try:
                yield from self._listed(int(cursor[1:]) if cursor else 0)
                return
            except Fault as fault:
                if fault.code not in CAPABILITY or cursor:
                    raise
        yield from self._scanned(int(cursor[1:]) if cursor else 1)

    def _listed(self, start: int) -> Iterator[tuple[list[User], str | None]]:
        while True:
            options = {"userfields": WANTED, "limitfrom": start, "limitnumber": PAGE, "sortby": "id"}
            found = users_in(self._rest.call(LISTED, {"courseid": FRONT_PAGE, "options": as_options(options)}))
            start += PAGE
            last = len(found) < PAGE
            yield _people(found), None if last else f"o{start}"
            if last:
                return

    def _scanned(self, start: int) -> Iterator[tuple[list[User], str | None]]:
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
        for start in range(0, len(values), MOST_VARIABLES - 10):
            part = list(values[start : start + MOST_VARIABLES - 10])
            found += self._some(name, part)
        return _people(found)

    def _some(self, name: str, values: list[str]) -> list[User]:
        """One value that Moodle does not take must not hide the others: the list is halved until it stands alone."""
        try:
            return users_in(self._rest.call(BY_FIELD, {"field": name, "values": values}))
        except Fault as fault:
            if fault.code in CAPABILITY:
                raise Locked(f"Moodle's service account may not see users: {fault.said}") from None
            if fault.code != "invalidparameter" or name == "id":
                raise
            if len(values) == 1:
                return []
            middle = len(values) // 2
            return self._some(name, values[:middle]) + self._some(name, values[middle:])


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
    return [one for one in users if one.get("username") != "guest"]


def person_record(user: User) -> Record:
    """A user as a record of the port."""
    values = values_of(user)
    first, zone = user.get("firstaccess"), str(user.get("timezone") or "")
    found = {
        "id": str(user["id"]), "name": user.get("fullname"), "given_name": user.get("firstname"),
        "family_name": user.get("lastname"), "email": user.get("email"), "username": user.get("username"),
        "number": user.get("idnumber"), "state": "suspended" if user.get("suspended") else "active",
        "time_zone": zone if "/" in zone or zone == "UTC" else None, "language": user.get("lang"),
        "first_login": rfc3339(first) if isinstance(first, int) and first > 0 else None,
        "fields": {
            name.removeprefix("profile:"): value for name, value in values.items()
            if name not in ("username", "email", "idnumber")
        },
    }  # fmt: skip
    return Record(str(user["id"]), {name: value for name, value in found.items() if value is not None})


def rfc3339(instant: int) -> str:
    """Epoch seconds as the port writes them."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
