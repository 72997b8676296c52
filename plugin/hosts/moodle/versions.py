"""What differs between the Moodles that Muster speaks to, in one table; everything else here is the same in all of them.

Seen on 4.5.5 and 5.1.3. Nothing is decided by a version number: both answers of a row are understood wherever they may come.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReleaseDifference:
    """One matter in which two releases differ, as it is seen on the wire. ``codes``: the errorcodes of either."""

    matter: str
    first: str
    """In 4.5."""
    second: str
    """In 5.1."""
    codes: frozenset[str] = frozenset()


NO_RECORD = ReleaseDifference(
    "A call names a record that does not exist",
    "invalidrecord; of a user invaliduser",
    "invalidrecordunknown whatever it was of; while the site shows debugging, invalidrecord, invalidcourseid or invaliduser",
    frozenset(("invalidrecord", "invalidrecordunknown", "invalidcourseid", "invaliduser")),
)
COHORT_NAMES = ReleaseDifference(
    "Names of cohorts",
    "as they were typed, with the marks of every language",
    "escaped as HTML, and in the account's language where filters are asked for",
)
COHORT_RIGHT = ReleaseDifference(
    "moodle/cohort:view to list cohorts",
    "in the context that is searched",
    "also in the system context, where another is searched",
)
WEB_ROOT = ReleaseDifference("Folder that the web server shows", "the site's own", "public, below the site's own")

_PERSON = frozenset(("invaliduser", "userdeleted"))
_COURSE = frozenset(("invalidcourseid", "invalidparameter"))
ENROL, UNENROL = "enrol_manual_enrol_users", "enrol_manual_unenrol_users"


def is_missing(code: str) -> bool:
    """Whether an errorcode says that something which was asked about does not exist, whatever it was."""
    return code in NO_RECORD.codes


def who_is_missing(function: str, code: str) -> str:
    """What a refused write says does not exist: ``person``, ``course``, ``either``, or nothing at all.

    Decided by what was asked. Enrolling looks the course up first and calls a missing one a bad parameter, so any record
    that is missing then is the person's. Removing answers alike for both, and only another question tells.
    """
    if code in _PERSON:
        return "person"
    if code in _COURSE:
        return "course"
    if not is_missing(code):
        return ""
    return "person" if function == ENROL else "either"
