"""Assignment and Grade Services 2.0, as far as a tool needs them to report a result: line items and scores.

PyLTI1p3 asks for every scope of the claim at once, reads only the first page of line items and small-letters the link to
the next one, and takes whatever label an answer has; none of that holds here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from plugin.core.network.http import HttpAnswer
from plugin.lti.names import Service, next_page
from plugin.lti.services import ServiceTrouble, as_json, trouble_of

CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"
LINE_ITEM, LINE_ITEM_READ, SCORE = f"{_SCOPE}lineitem", f"{_SCOPE}lineitem.readonly", f"{_SCOPE}score"
TAG = "certified"
"""Of the line items that Muster makes."""
HIGHEST = 1
"""A result is *certified* or nothing: one of one."""

_CLAIMS = "https://purl.imsglobal.org/spec/lti/claim/"
_MEDIA = "application/vnd.ims.lis."
ITEM_MEDIA, LIST_MEDIA = f"{_MEDIA}v2.lineitem+json", f"{_MEDIA}v2.lineitemcontainer+json"
SCORE_MEDIA = f"{_MEDIA}v1.score+json"
_LONGEST = 2000
_MOST_PAGES = 100


@dataclass(frozen=True)
class GradeEndpoint:
    """What one link of a course offers (AGS §3.1).

    :ivar line_item: the link's own, or ``""``. :ivar line_items: the address of all of the course, or ``""``.
    :ivar certification: the code that the link's custom parameter ``certification`` names, or ``""``.
    """

    context: str
    title: str
    link: str
    line_item: str
    line_items: str
    scopes: tuple[str, ...]
    certification: str


def endpoint_of(claims: Mapping[str, Any]) -> GradeEndpoint | None:
    """The endpoint that a verified launch names; ``None`` where there is none, or none that can be used."""
    service, context, link = claims.get(CLAIM), claims.get(_CLAIMS + "context"), claims.get(_CLAIMS + "resource_link")
    if not isinstance(service, dict) or not isinstance(context, dict):
        return None
    name, scopes = context.get("id"), service.get("scope")
    own, every = _address(service.get("lineitem")), _address(service.get("lineitems"))
    if not isinstance(name, str) or not name or len(name) > 255 or not isinstance(scopes, list) or not (own or every):
        return None
    custom = claims.get(_CLAIMS + "custom")
    wanted = custom.get("certification") if isinstance(custom, dict) else None
    given = link.get("id") if isinstance(link, dict) else None
    return GradeEndpoint(
        context=name,
        title=str(context.get("title") or context.get("label") or name)[:255],
        link=str(given or "")[:255],
        line_item=own,
        line_items=every,
        scopes=tuple(sorted({one for one in scopes if isinstance(one, str) and one.startswith(_SCOPE)})),
        certification=wanted.strip()[:100] if isinstance(wanted, str) else "",
    )


def _address(value: Any) -> str:
    fits = isinstance(value, str) and value.startswith(("https://", "http://")) and len(value) <= _LONGEST
    return value if fits else ""


def may_read(scopes: Sequence[str]) -> str:
    """The narrowest scope by which line items may be read, or ``""``."""
    return LINE_ITEM_READ if LINE_ITEM_READ in scopes else LINE_ITEM if LINE_ITEM in scopes else ""


def find_line(service: Service, line_items: str, scope: str, resource: str) -> str | None:
    """The address of the course's line item with our tag and this resource id; ``None`` where there is none.

    :raises ServiceTrouble: when the platform does not answer as it should.
    """
    query = {"resource_id": resource, "tag": TAG}
    for listed in _pages(service, _with_query(line_items, query), scope):
        for one in listed:  # a platform may look past the filter
            if isinstance(one, dict) and one.get("resourceId") == resource and one.get("tag") == TAG:
                return _ours(line_items, one)
    return None


def make_line(service: Service, line_items: str, resource: str, label: str) -> str:
    """Add a line item to the course and return its address (AGS §3.2.5).

    :raises ServiceTrouble: when the platform does not make one.
    """
    body = {"scoreMaximum": HIGHEST, "label": label, "resourceId": resource, "tag": TAG}
    headers = {"Accept": ITEM_MEDIA, "Content-Type": ITEM_MEDIA}
    answer = service([LINE_ITEM], "POST", line_items, headers=headers, data=json.dumps(body).encode())
    return _ours(line_items, as_json(answer))


def line_stands(service: Service, line_item: str, scope: str) -> bool:
    """Whether a line item is still there.

    :raises ServiceTrouble: when the platform says neither yes nor no.
    """
    answer = service([scope], "GET", line_item, headers={"Accept": ITEM_MEDIA})
    if answer.ok or answer.status in (404, 410):
        return answer.ok
    raise trouble_of(answer)


def send_score(service: Service, line_item: str, user: str, at: int) -> HttpAnswer:
    """Report that somebody has reached it: full score, *Completed*, *FullyGraded* (AGS §3.4).

    :param user: her LTI ``sub``. :param at: instant of the result; a later one replaces an earlier one.
    :returns: the platform's answer, also 4xx and 5xx.
    :raises ServiceTrouble: when no token is given or no answer comes.
    """
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {
        "userId": user, "scoreGiven": HIGHEST, "scoreMaximum": HIGHEST, "activityProgress": "Completed",
        "gradingProgress": "FullyGraded", "timestamp": moment,
    }  # fmt: skip
    headers = {"Content-Type": SCORE_MEDIA}
    return service([SCORE], "POST", _below(line_item, "/scores"), headers=headers, data=json.dumps(body).encode())


def _below(line_item: str, path: str) -> str:
    """A line item's address may end in a query (Moodle's does): what hangs on it goes before that (AGS §3.1)."""
    parts = urlsplit(line_item)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def _with_query(url: str, more: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])))


def _pages(service: Service, url: str, scope: str) -> Iterator[list[Any]]:
    following: str | None = url
    seen: set[str] = set()
    while following is not None:
        if following in seen or len(seen) >= _MOST_PAGES:
            raise ServiceTrouble("The learning site's list of grade columns goes in circles.", permanent=True)
        seen.add(following)
        answer = service([scope], "GET", following, headers={"Accept": LIST_MEDIA})
        if not answer.ok:
            raise trouble_of(answer)
        try:
            listed = json.loads(answer.body)
        except ValueError:
            listed = None
        if not isinstance(listed, list):
            raise ServiceTrouble("The learning site's answer has no list of grade columns.", permanent=True)
        yield listed
        following = next_page(url, following, answer)


def _ours(line_items: str, item: Mapping[str, Any]) -> str:
    """The address of a line item, within the origin of the list, so that the token goes nowhere else."""
    address = _address(item.get("id"))
    if not address or urlsplit(address)[:2] != urlsplit(line_items)[:2]:
        raise ServiceTrouble("The learning site's grade column has no address that Muster can use.", permanent=True)
    return address
