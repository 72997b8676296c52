"""What launches tell of the courses they came from: who is in them, and where results are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.lti.grades import endpoint_of
from plugin.lti.names import CLAIM
from plugin.lti.tables import ScoreEndpoint
from plugin.mirror.tables import Connection

MOST = 200
MOST_LINKS = 2000
_CONTEXT = "https://purl.imsglobal.org/spec/lti/claim/context"


def learn_endpoint(session: Session, host_id: int, claims: Mapping[str, Any], at: int) -> bool:
    """Keep where the link of a launch takes results.

    :param claims: of a verified launch. :param at: now.
    :returns: whether something is different from what was known.
    """
    found = endpoint_of(claims)
    if found is None:
        return False
    row = session.get(ScoreEndpoint, (host_id, found.context, found.link), with_for_update=True)
    if row is None:
        links = select(func.count()).select_from(ScoreEndpoint).where(ScoreEndpoint.host_id == host_id)
        if session.scalars(links).one() >= MOST_LINKS:
            return False
        row = ScoreEndpoint(host_id=host_id, context=found.context, link=found.link, seen=at)
        session.add(row)
    told = {
        "title": found.title, "line_item": found.line_item, "line_items": found.line_items,
        "scopes": list(found.scopes), "certification": found.certification,
    }  # fmt: skip
    changed = any(getattr(row, name) != value for name, value in told.items())
    for name, value in told.items():
        setattr(row, name, value)
    row.seen = at
    session.flush()
    return changed


def learn_context(session: Session, host_id: int, claims: Mapping[str, Any]) -> bool:
    """Keep where a launch's course has its members, for a connection that reads by it.

    :param claims: of a verified launch.
    :returns: True when something new was learnt, so that everything is to be read.
    """
    service, context = claims.get(CLAIM), claims.get(_CONTEXT)
    if not isinstance(service, dict) or not isinstance(context, dict):
        return False
    name, url = context.get("id"), service.get("context_memberships_url")
    if not isinstance(name, str) or not name or len(name) > 255 or not isinstance(url, str):
        return False
    if not url.startswith(("https://", "http://")) or len(url) > 2000:
        return False
    row = session.scalars(select(Connection).where(Connection.host_id == host_id, Connection.kind == "nrps")).first()
    if row is None or dict(row.settings.get("contexts") or {}).get(name, {}).get("url") == url:
        return False
    session.refresh(row, with_for_update=True)
    known = dict(row.settings.get("contexts") or {})
    if name not in known and len(known) >= MOST:
        return False
    known[name] = {"url": url, "title": str(context.get("title") or context.get("label") or name)[:255]}
    row.settings = {**row.settings, "contexts": known, "whole_read": 0}
    row.marks = {}
    row.retry_at = 0
    return True
