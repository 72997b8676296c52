"""The session a launch opens: a handle in the path, bound to a partitioned cookie wherever the browser keeps it.

Nothing relies on third-party cookies; where one sticks, a leaked address alone opens nothing. Whether it lives, and what
its visitor may now, is asked at every request (:mod:`plugin.access.sessions`).
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Request, Response, current_app, g, request
from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.access import sessions
from plugin.access.rights import NONE, Rights
from plugin.access.sessions import ABSOLUTE, IDLE, Alive
from plugin.core.database import tenant
from plugin.core.db import DATABASE_AWAY
from plugin.core.runtime import Runtime
from plugin.lti.login import digest
from plugin.lti.tables import LaunchSession

__all__ = ["ABSOLUTE", "IDLE", "Launch", "cookie_name", "names_of_subjects", "open_session", "set_cookie"]
_TOUCH = 60


@dataclass(frozen=True)
class Launch:
    """Who is looking, as every page sees it.

    :ivar is_administrator: whether she came with an administrator's role; what she may is in ``rights``.
    :ivar ends: when the session ends at the latest.
    :ivar family: what sessions opened from one launch share.
    """

    host_id: int
    person: int | None
    subject: str
    name: str
    is_administrator: bool
    purpose: str
    locale: str = ""
    context: str = ""
    return_url: str = ""
    document_target: str = ""
    host_origin: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    rights: Rights = NONE
    scopes: Sequence[str] = ()
    ends: int = 0
    family: str = ""


def open_session(
    session: Session, runtime: Runtime, launch: Launch, *, ends: int | None = None, family: str = ""
) -> tuple[str, str]:
    """Store a session; returns its handle and its cookie's secret. Only hashes are kept.

    :param ends: the end of the session or launch it comes from; it never outlives that.
    :param family: of the session it was opened from.
    """
    handle, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    now = runtime.clock.true()
    sessions.forget(session, now)
    session.add(
        LaunchSession(
            digest=digest(handle), family=family or digest(handle), host_id=launch.host_id, subject=launch.subject,
            person=launch.person, name=launch.name, is_administrator=launch.is_administrator, purpose=launch.purpose,
            cookie_digest=digest(secret), cookie_seen=False, created=now, used=now,
            expires=min(now + ABSOLUTE, ends or now + ABSOLUTE),
            data={
                "locale": launch.locale, "context": launch.context, "return_url": launch.return_url,
                "document_target": launch.document_target, "host_origin": launch.host_origin, **launch.data,
            },
        )
    )  # fmt: skip
    return handle, secret


def names_of_subjects(session: Session, host_id: int, subjects: Sequence[str]) -> dict[str, str]:
    """What administrators are called, as their latest launch said; those nobody remembers are left out."""
    rows = session.execute(
        select(LaunchSession.subject, LaunchSession.name)
        .where(LaunchSession.host_id == host_id, LaunchSession.subject.in_(subjects), LaunchSession.name != "")
        .order_by(LaunchSession.created)
    )
    return {row[0]: row[1] for row in rows}


def cookie_name(handle: str, *, secure: bool) -> str:
    """Each session has a cookie of its own, so that a second launch does not end the first."""
    return f"{'__Host-' if secure else ''}muster-{digest(handle)[:12]}"


def set_cookie(answer: Response, name: str, value: str, *, secure: bool, seconds: int = ABSOLUTE) -> None:
    """A cookie that also a frame of another site keeps: partitioned. Over http in development a plain one."""
    if secure:
        answer.set_cookie(
            name, value, max_age=seconds, secure=True, httponly=True, samesite="None", partitioned=True, path="/"
        )
    else:
        answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="Lax", path="/")


def install(app: Flask) -> None:
    """Take the handle out of every address on the way in, and put it into every address on the way out."""

    @app.url_value_preprocessor
    def _take(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.handle = values.pop("handle", None) if values else None

    @app.url_defaults
    def _put(endpoint: str, values: dict[str, Any]) -> None:
        if "handle" not in values and app.url_map.is_endpoint_expecting(endpoint, "handle"):
            values["handle"] = g.get("handle")

    @app.before_request
    def _load() -> None:
        if request.url_rule is None and request.path.startswith("/t/"):
            g.handle = request.path.split("/", 3)[
                2
            ]  # that there is no such page is said inside the frame it was asked in
        g.launch, g.way_back, g.ended = None, "", ""
        if g.get("handle"):
            _look(current_app.extensions["muster"], g.handle)


def find_session(runtime: Runtime, handle: str, asked: Request) -> Launch | None:
    """The session of a handle; ``None`` where it ended, or its cookie is missing."""
    found = sessions.look(runtime, digest(handle))
    if not isinstance(found, Alive):
        return None
    with tenant.inside(found.row.host_id):
        return _with_cookie(runtime, handle, found, asked)


def _look(runtime: Runtime, handle: str) -> None:
    """Who is looking; or nobody, with the reason and the way back to the learning site."""
    found = sessions.look(runtime, digest(handle))
    if not isinstance(found, Alive):
        g.way_back = found.return_url
        if found.why == "person":
            g.ended = _("Your learning site says that your account is not active. Muster is closed to you until it is.")
        return
    with tenant.inside(found.row.host_id):
        g.launch = _with_cookie(runtime, handle, found, request)
    g.way_back = "" if g.launch else str(found.row.data.get("return_url", ""))


def _with_cookie(runtime: Runtime, handle: str, alive: Alive, asked: Request) -> Launch | None:
    """The launch of a session that lives; ``None`` where the cookie that was seen before is missing."""
    row, now = alive.row, runtime.clock.true()
    cookie = asked.cookies.get(cookie_name(handle, secure=runtime.settings.base_url.startswith("https://")))
    fits = cookie is not None and digest(cookie) == row.cookie_digest
    if row.cookie_seen and not fits:
        return None
    if fits != row.cookie_seen:
        runtime.db.transact(lambda session: _touch(session, row.digest, now, seen=True))
    elif now - row.used > _TOUCH:
        # Whoever looks at a page does not wait for a large save to let the database go: the next page notes it as well.
        with contextlib.suppress(*DATABASE_AWAY):
            runtime.db.briefly(lambda session: _touch(session, row.digest, now, seen=fits), seconds=1)
    data = dict(row.data)
    known = {
        name: str(data.pop(name, "")) for name in ("locale", "context", "return_url", "document_target", "host_origin")
    }
    return Launch(
        row.host_id, alive.person, row.subject, row.name, row.is_administrator, row.purpose, **known, data=data,
        rights=alive.rights, ends=row.expires, family=row.family or row.digest,
    )  # fmt: skip


def _touch(session: Session, key: str, now: int, *, seen: bool) -> None:
    session.execute(update(LaunchSession).where(LaunchSession.digest == key).values(used=now, cookie_seen=seen))
