"""Some people of a Moodle, for a look at what a mapping would make of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from plugin.core.database.slices import slices
from plugin.hosts.moodle.groups import Groups
from plugin.hosts.moodle.host import MoodleHost
from plugin.hosts.moodle.mapping import BY, MoodleMapping, MoodleSample, preview, values_of
from plugin.hosts.moodle.people import User, spellings
from plugin.hosts.port import HostDialect
from plugin.hosts.preview import SAMPLES, Mapper, MappingPreview

_COHORTS = 200
_POSSIBLE = {
    "username": re.compile(r"[a-z0-9._@-]{1,100}"),
    "email": re.compile(r"[^@\s,<>]{1,100}@[^@\s,<>]{1,150}"),
    "idnumber": re.compile(r"[^\x00]{1,255}"),
}
"""Values that Moodle would not refuse to look for."""


def sample(host: HostDialect, count: int = SAMPLES) -> MoodleSample:
    """Some people, their cohorts, and whom the values of their profiles might name as managers. Changes nothing.

    :raises HostTrouble: as Moodle answers.
    """
    if not isinstance(host, MoodleHost):
        raise TypeError("only a Moodle gives samples of a Moodle")
    parts = host.parts()
    page = next(parts.people.pages(), ([], None))[0]
    step = max(1, len(page) // count)
    users = list(page[::step][:count])
    return MoodleSample(users, _cohorts(parts.groups, users), _managers(host, users))


def _cohorts(groups: Groups, users: Sequence[User]) -> dict[str, list[Mapping[str, Any]]]:
    by_id = {str(one["id"]): one for one in groups.cohorts()[:_COHORTS]}
    wanted = {str(user["id"]) for user in users}
    found: dict[str, list[Mapping[str, Any]]] = {}
    ids = list(by_id)
    for part in slices(ids, 25):
        for cohort, members in groups.members_of(part).items():
            for user in wanted & set(members):
                found.setdefault(user, []).append(by_id[cohort])
    return found


def _managers(host: MoodleHost, users: Sequence[User]) -> dict[str, dict[str, list[str]]]:
    """For each way of naming a manager: by reference, the names of those it fits."""
    written = sorted({value for user in users for value in values_of(user).values()})
    found: dict[str, dict[str, list[str]]] = {}
    for by in BY:
        possible = [value for value in spellings(by, written) if _POSSIBLE[by].fullmatch(value)]
        named: dict[str, list[str]] = {}
        for user in host.parts().people.by_field(by, possible):
            named.setdefault(str(user.get(by) or "").strip().casefold(), []).append(str(user.get("fullname") or ""))
        found[by] = named
    return found


def clean(entered: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as it is stored.

    :raises Invalid: for a source that cannot be.
    """
    return dict(MoodleMapping.from_dict(entered).to_dict())


def _preview(people: Any, mapping: Mapping[str, Any]) -> MappingPreview:
    return preview(people, mapping)


def _offers(people: MoodleSample) -> list[str]:
    """The sources that these people have a value in; the site's own fields first."""
    seen = {name for user in people.users for name in values_of(user)}
    return sorted(seen, key=lambda name: (not name.startswith("profile:"), name))


MAPPER = Mapper(clean, sample, _preview, _offers)
