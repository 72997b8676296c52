"""Names and Role Provisioning Services 2.0: the members of one context, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from requests.utils import parse_header_links

from plugin.core.network.http import HttpAnswer
from plugin.lti.services import NRPS_SCOPE, ServiceTrouble, as_json

CLAIM = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
MEDIA = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
LIMIT = 1000
"""Members asked for at a time: a platform may load a whole course for each page, so few large pages are cheaper."""
MOST_PAGES = 500

Service = Callable[..., HttpAnswer]
"""``service(scopes, method, url, headers=…)``: a call with a token (:func:`plugin.lti.services.call_service`)."""


@dataclass(frozen=True)
class Member:
    """One member of a context. ``active`` is false for those the platform calls inactive or deleted."""

    user: str
    active: bool
    roles: tuple[str, ...]
    fields: Mapping[str, str]


_FIELDS = {
    "name": "name", "given_name": "given_name", "family_name": "family_name", "email": "email",
    "username": "ext_user_username", "number": "lis_person_sourcedid",
}  # fmt: skip


def read_members(service: Service, url: str) -> Iterator[Sequence[Member]]:
    """The members of a context.

    :param url: ``context_memberships_url`` of a verified launch. Pages are followed within its origin only, so that the
        token goes nowhere else.
    :raises ServiceTrouble: when the platform does not answer as it should.
    """
    following: str | None = _with_limit(url)
    seen: set[str] = set()
    while following is not None:
        if following in seen or len(seen) >= MOST_PAGES:
            raise ServiceTrouble("The learning site's list of members goes in circles.", permanent=True)
        seen.add(following)
        answer = service([NRPS_SCOPE], "GET", following, headers={"Accept": MEDIA})
        listed = as_json(answer).get("members")
        if not isinstance(listed, list):
            raise ServiceTrouble(
                "The learning site's answer has no list of members.", permanent=True, status=answer.status
            )
        yield [member for one in listed if (member := _member(one)) is not None]
        following = next_page(url, following, answer)


def _with_limit(url: str) -> str:
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "limit"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("limit", str(LIMIT))])))


def next_page(first: str, current: str, answer: HttpAnswer) -> str | None:
    """The link to the next page, its letters as they are (PyLTI1p3 makes them small, and so breaks cursors).

    :param first: the address of the first page: others are followed within its origin only.
    :raises ServiceTrouble: for a page at another address.
    """
    for link in parse_header_links(answer.headers.get("Link", "")):
        if str(link.get("rel", "")).lower() == "next" and link.get("url"):
            address = urljoin(current, link["url"])
            if urlsplit(address)[:2] != urlsplit(first)[:2]:
                raise ServiceTrouble("The learning site's list goes on at another address.", permanent=True)
            return address
    return None


def _member(one: Any) -> Member | None:
    """A member, or nothing where it lacks a user: one bad row spoils no other. Whether its id can be kept, the mirror says."""
    if not isinstance(one, dict):
        return None
    user = one.get("user_id")
    if isinstance(user, int) and not isinstance(user, bool):
        user = str(user)
    if not isinstance(user, str):
        return None
    roles = one.get("roles")
    given = tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else ()
    fields = {name: value for name, key in _FIELDS.items() if isinstance(value := one.get(key), str) and value}
    return Member(user, str(one.get("status") or "Active").lower() == "active", given, fields)
