"""Endpoints: who is told of our events, under which secret, and what somebody does about them by hand."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.logs import correlation
from plugin.core.network import outcome_counts
from plugin.core.network.addresses import why_not_allowed
from plugin.core.outbox import TYPES
from plugin.core.runtime import Runtime
from plugin.core.tables import Event, Subscription
from plugin.delivery.endpoints.event_calls import PING, attempt, outcome, write_bodies
from plugin.delivery.tables import Endpoint, EndpointDelivery

MOST = 50
"""Endpoints of one host."""
OVERLAPS = (0, 3600, 24 * 3600, 7 * 24 * 3600)
"""Seconds for which an old secret may go on signing beside the new one."""
PING_DEADLINE = 10.0
_FORMS = 20


@dataclass(frozen=True)
class EnteredSubscription:
    """What somebody entered. ``names``: people's names and addresses may go out."""

    url: str
    name: str
    types: Sequence[str]
    names: bool = False


def new_secret() -> str:
    """A secret as Standard Webhooks writes it: 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def endpoint_of(session: Session, host_id: int, number: int, *, lock: bool = False) -> Endpoint:
    """An endpoint of this host.

    :raises NotFound: where it has none of this number.
    """
    row = session.get(Endpoint, (host_id, number), with_for_update=lock, populate_existing=lock)
    if row is None:
        raise NotFound(_("There is no such endpoint."))
    return row


def create(
    runtime: Runtime, host_id: int, wanted: EnteredSubscription, *, form: str, who: str
) -> tuple[int, str | None]:  # fmt: skip
    """Subscribe an address; returns its number and its secret, which is never shown again.

    :param form: names the form it was entered in; the same one sent twice makes one endpoint, and shows no secret.
    :raises Invalid: for an address or a choice of events that cannot be.
    """
    problem = _checked(runtime, wanted)
    secret, now = new_secret(), runtime.clock.now()

    def work(session: Session) -> tuple[int, str | None]:
        rows = session.scalars(select(Endpoint).where(Endpoint.host_id == host_id)).all()
        for row in rows:
            if form and form in row.settings.get("forms", ()):
                return row.id, None
        if problem:
            raise Invalid(problem)
        if len(rows) >= MOST:
            raise RefusedByRule(_("There are %(most)s endpoints already.", most=MOST))
        number = take_ids(session, host_id, "endpoint")
        row = Endpoint(host_id=host_id, id=number, url=wanted.url, name=wanted.name, secret=secret, created=now,
                       since=now, types=list(wanted.types), settings={"names": wanted.names, "forms": [form]})  # fmt: skip
        session.add(row)
        _subscribe(session, row)
        record(session, host_id, now, who, "endpoint_created", data={"endpoint": number, "url": wanted.url})
        return number, secret

    return runtime.db.transact(work)


def change(runtime: Runtime, host_id: int, number: int, wanted: EnteredSubscription, *, who: str) -> None:
    """Another address, name or choice of events. What is owed already goes to the address as it is then.

    :raises Invalid: for an address or a choice of events that cannot be.
    """
    problem = _checked(runtime, wanted)
    if problem:
        raise Invalid(problem)
    now = runtime.clock.now()

    def work(session: Session) -> None:
        row = endpoint_of(session, host_id, number, lock=True)
        if row.url != wanted.url:  # what was learnt of the old address says nothing of the new one
            row.failures, row.failing_since, row.retry_at = 0, 0, 0
        row.url, row.name, row.types = wanted.url, wanted.name, list(wanted.types)
        row.settings = {**row.settings, "names": wanted.names}
        _subscribe(session, row)
        record(session, host_id, now, who, "endpoint_changed", data={"endpoint": number, "url": wanted.url})

    runtime.db.transact(work)


def rotate(runtime: Runtime, host_id: int, number: int, *, overlap: int, form: str, who: str) -> str | None:
    """A new secret, never shown again; the old one signs beside it for so many seconds.

    ``None`` where the same form was sent before.
    """
    if overlap not in OVERLAPS:
        raise Invalid(_("Choose for how long the old secret goes on."))
    secret, now = new_secret(), runtime.clock.now()

    def work(session: Session) -> str | None:
        row = endpoint_of(session, host_id, number, lock=True)
        forms = list(row.settings.get("forms", ()))
        if form and form in forms:
            return None
        row.old_secret, row.old_until = (row.secret, now + overlap) if overlap else (None, 0)
        row.secret = secret
        row.settings = {**row.settings, "forms": [*forms, form][-_FORMS:]}
        record(session, host_id, now, who, "endpoint_secret_rotated", data={"endpoint": number, "overlap": overlap})
        return secret

    return runtime.db.transact(work)


def switch(runtime: Runtime, host_id: int, number: int, state: str, *, who: str) -> None:
    """Pause an endpoint, or let it go on; what it is owed meanwhile waits for 14 days.

    :raises Invalid: for another state.
    """
    if state not in ("active", "paused"):
        raise Invalid(_("Choose Pause or Resume."))
    now = runtime.clock.now()

    def work(session: Session) -> None:
        row = endpoint_of(session, host_id, number, lock=True)
        if row.state == state:
            return
        row.state, row.since, row.reason = state, now, ""
        row.failures, row.failing_since, row.retry_at = 0, 0, 0
        if state == "active":
            _subscribe(session, row)
            session.execute(  # it is well again: what waited for its turn to be retried need not
                update(EndpointDelivery)
                .where(EndpointDelivery.host_id == host_id, EndpointDelivery.endpoint == number,
                       EndpointDelivery.state == "owed", EndpointDelivery.next_at > now)
                .values(next_at=0, attempts=0)
            )  # fmt: skip
        record(session, host_id, now, who, f"endpoint_{state}", data={"endpoint": number})

    runtime.db.transact(work)


def remove(runtime: Runtime, host_id: int, number: int, *, who: str) -> None:
    """Forget an endpoint, what it is owed and its log."""
    now = runtime.clock.now()

    def work(session: Session) -> None:
        row = endpoint_of(session, host_id, number, lock=True)
        url = row.url
        session.execute(
            delete(EndpointDelivery).where(EndpointDelivery.host_id == host_id, EndpointDelivery.endpoint == number)
        )
        session.execute(delete(Subscription).where(Subscription.host_id == host_id, Subscription.endpoint == number))
        session.delete(row)
        record(session, host_id, now, who, "endpoint_removed", data={"endpoint": number, "url": url})

    runtime.db.transact(work)


def redeliver(
    runtime: Runtime, host_id: int, number: int, numbers: Sequence[int] | None, *, who: str
) -> int:  # fmt: skip
    """Send again what was delivered or given up, with the same id; returns how many.

    :param numbers: of events; ``None`` for all that failed.
    """
    now, mine = runtime.clock.now(), EndpointDelivery

    def work(session: Session) -> int:
        endpoint_of(session, host_id, number, lock=True)
        where = [mine.host_id == host_id, mine.endpoint == number, mine.type != PING]
        where += [mine.state == "failed"] if numbers is None else [mine.state != "owed", mine.n.in_(numbers)]
        chosen = list(session.scalars(select(mine.n).where(*where)))
        values = {"state": "owed", "attempts": 0, "next_at": 0, "ended": None, "created": now}
        for part in slices(chosen):
            session.execute(update(mine).where(mine.host_id == host_id, mine.endpoint == number, mine.n.in_(part))
                            .values(**values))  # fmt: skip
        if chosen:
            record(session, host_id, now, who, "endpoint_redelivered", data={"endpoint": number, "count": len(chosen)})
        return len(chosen)

    return runtime.db.transact(work)


def ping(runtime: Runtime, host_id: int, number: int, *, who: str) -> int:
    """Send ``endpoint.ping`` now and wait for the answer; returns the event's number, under which the log shows it.

    It is tried once, also where the endpoint is paused or disabled. One that is answered lets what waits go on at once.
    """
    now = runtime.clock.now()

    def begin(session: Session) -> tuple[Endpoint, EndpointDelivery]:
        row = endpoint_of(session, host_id, number)
        n = take_ids(session, host_id, "event")
        subject, data = f"endpoint/{number}", {"cause": {"kind": "person", "actor": who}, "endpoint": {"id": number}}
        session.add(Event(host_id=host_id, n=n, key=f"e{n}", type=PING, subject=subject, at=now, data=data, done=1,
                          correlation=correlation()))  # fmt: skip
        sent = EndpointDelivery(host_id=host_id, endpoint=number, n=n, type=PING, subject=subject, created=now,
                                next_at=now + 60, correlation=correlation(), body="", tries=[], attempts=0)  # fmt: skip
        session.add(sent)
        session.flush()
        write_bodies(session, row, [sent], lambda *_asked: {})
        return row, sent

    def end(session: Session) -> None:
        row = session.get(Endpoint, (host_id, number), with_for_update=True, populate_existing=True)
        if row is not None:
            session.execute(update(EndpointDelivery), [outcome(sent, tried)])
            if tried.ok:
                row.failures, row.failing_since, row.retry_at, row.succeeded = 0, 0, 0, tried.at
            outcome_counts.count(session, host_id, now, "events", {"done" if tried.ok else "failed": 1})

    row, sent = runtime.db.transact(begin)
    tried = attempt(runtime, row, sent, deadline=PING_DEADLINE)
    runtime.db.transact(end)
    return sent.n


def _checked(runtime: Runtime, wanted: EnteredSubscription) -> str:
    """What is wrong with what was entered, in a sentence."""
    if not wanted.url:
        return str(_("Enter the address that events are sent to."))
    if len(wanted.url) > 1000:
        return str(_("That address is too long."))
    if not wanted.types or not set(wanted.types) <= set(TYPES) - {PING}:
        return str(_("Choose at least one event."))
    return why_not_allowed(wanted.url, allow_private=runtime.settings.allow_private_addresses)


def _subscribe(session: Session, row: Endpoint) -> None:
    session.flush()
    session.execute(delete(Subscription).where(Subscription.host_id == row.host_id, Subscription.endpoint == row.id))
    session.add_all(Subscription(host_id=row.host_id, type=one, endpoint=row.id) for one in sorted(set(row.types)))
    session.flush()
