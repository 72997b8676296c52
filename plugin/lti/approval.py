"""Registrations that wait for approval, and the deployments a host's launches bring.

A registration is approved by whoever runs Muster, through a setup link, or beforehand: by a token in the address of the
registration (:mod:`plugin.access.invitations`). An administrator of another host has no say in it (ACCESS 5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core.errors import Invalid, NotFound
from plugin.core.tables import Host, HostClock
from plugin.lti.errors import LtiRejected
from plugin.lti.tables import Deployment

MOST_OF_PLATFORM, MOST_OF_DAY = 5, 30
"""Pending registrations: kept of one platform (the oldest give way), and taken in a day of all (then no more are)."""
DAY = 86400
FORGOTTEN = 7 * DAY
"""Seconds after which a registration that nobody approved is dropped."""
MOST_DEPLOYMENTS = 20
"""Deployments of one host that may wait for approval."""
MOST_NAMED = 1000


@dataclass(frozen=True)
class NewRegistration:
    """A registration as a platform made it."""

    issuer: str
    client_id: str
    deployment: str
    auth_url: str
    token_url: str
    token_audience: str
    jwks_url: str
    about: Mapping[str, Any] = field(default_factory=dict)


def add_pending(session: Session, new: NewRegistration, at: int, *, invited: bool = False) -> Host:
    """Keep a registration until somebody approves it.

    :param invited: it comes with a token, and is not counted among those of strangers.
    :raises LtiRejected: where the same client is registered already, or too many wait.
    """
    _forget_old(session, at)
    taken = select(Host.id).where(Host.issuer == new.issuer, Host.client_id == new.client_id)
    if session.scalar(taken) is not None:
        raise LtiRejected("registered_already", "The learning site has registered Muster under this client id already.")
    if not invited:
        _make_room(session, new.issuer, at)
    host = Host(
        name=free_name(session, new.issuer, "pending-"), title=urlsplit(new.issuer).netloc[:255], issuer=new.issuer,
        client_id=new.client_id, auth_url=new.auth_url, token_url=new.token_url,
        token_audience=new.token_audience or None, jwks_url=new.jwks_url, state="pending",
        settings={"registration": {**new.about, "at": at}}, created=at,
    )  # fmt: skip
    session.add(host)
    session.flush()
    if new.deployment:
        session.add(Deployment(host_id=host.id, deployment_id=new.deployment))
    return host


def pending(session: Session, at: int) -> Sequence[Host]:
    """Registrations that wait, newest first; those of more than a week ago count no more."""
    query = (
        select(Host)
        .where(Host.state == "pending", Host.created >= at - FORGOTTEN)
        .order_by(Host.created.desc(), Host.id.desc())
    )
    return session.scalars(query).all()


def approve(session: Session, host_id: int, client_id: str, at: int) -> Host:
    """Let a pending registration in.

    :param client_id: as it was shown to whoever approves, so that nothing else is approved under the same number.
    :raises NotFound: when none of this number and client waits.
    """
    host = _pending(session, host_id, client_id)
    if host.created < at - FORGOTTEN:
        raise NotFound("This registration does not wait for approval any more.")
    host.state = "active"
    host.name = free_name(session, host.issuer or "")
    session.add(HostClock(host_id=host.id, seq=0, as_of=at))
    session.flush()
    return host


def refuse(session: Session, host_id: int, client_id: str) -> None:
    """Drop a pending registration.

    :raises NotFound: when none of this number and client waits.
    """
    _drop(session, [_pending(session, host_id, client_id).id])


def _pending(session: Session, host_id: int, client_id: str) -> Host:
    host = session.scalars(select(Host).where(Host.id == host_id, Host.state == "pending").with_for_update()).first()
    if host is None or host.client_id != client_id:
        raise NotFound("This registration does not wait for approval any more.")
    return host


def _forget_old(session: Session, at: int) -> None:
    old = session.scalars(select(Host.id).where(Host.state == "pending", Host.created < at - FORGOTTEN)).all()
    _drop(session, old)


def _make_room(session: Session, issuer: str, at: int) -> None:
    waiting = pending(session, at)
    mine = [row.id for row in waiting if _platform(row.issuer or "") == _platform(issuer)]
    _drop(session, mine[MOST_OF_PLATFORM - 1 :])
    others = [row for row in waiting if row.id not in mine and row.created > at - DAY]
    if len(others) + len(mine[: MOST_OF_PLATFORM - 1]) >= MOST_OF_DAY:
        raise LtiRejected(
            "too_many_pending",
            "Too many registrations were made today. Try again tomorrow, or ask whoever runs Muster for a registration"
            " address of your own.",
            503,
        )


def _platform(issuer: str) -> str:
    """What makes a platform one: an issuer's server, whatever path it names behind it."""
    return (urlsplit(issuer).hostname or issuer).lower()


def _drop(session: Session, ids: Sequence[int]) -> None:
    """A pending host has no data but its deployments."""
    if ids:
        session.execute(delete(Deployment).where(Deployment.host_id.in_(ids)))
        session.execute(delete(Host).where(Host.id.in_(ids), Host.state == "pending"))


def free_name(session: Session, issuer: str, before: str = "") -> str:
    """A name for a host that nobody has: the issuer's address in small letters, with a number where it is taken.

    :param before: stands before it; what merely waits for approval takes no name that an operator might want.
    """
    parts = urlsplit(issuer)
    plain = re.sub(r"[^a-z0-9]+", "-", f"{parts.hostname or ''}{parts.path}".lower()).strip("-")[:50].strip("-")
    wanted = f"{before}{plain or 'host'}"
    taken = set(session.scalars(select(Host.name).where(Host.name.like(f"{wanted}%"))))
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


# --- deployments


def learn_deployment(session: Session, host_id: int, deployment: str) -> bool:
    """Keep a deployment that a verified launch named; true when it may be used at once.

    The first one of a host that has none is approved with the host's registration; any other waits for approval.
    """
    session.scalars(select(Host.id).where(Host.id == host_id).with_for_update()).one()
    known = session.scalars(select(Deployment).where(Deployment.host_id == host_id)).all()
    found = next((row for row in known if row.deployment_id == deployment), None)
    if found is not None:
        return found.state == "active"
    if len(known) <= MOST_DEPLOYMENTS and len(deployment) <= 255:
        session.add(
            Deployment(host_id=host_id, deployment_id=deployment, state="pending" if known else "active")
        )  # fmt: skip
    return not known


def deployments_of(session: Session, host_id: int) -> Sequence[Deployment]:
    """A host's deployments, by id."""
    query = select(Deployment).where(Deployment.host_id == host_id).order_by(Deployment.deployment_id)
    return session.scalars(query).all()


def add_deployment(session: Session, host_id: int, deployment: str) -> None:
    """Let a deployment in that was named by hand.

    :raises Invalid: for an empty one, or one too many.
    """
    known = deployments_of(session, host_id)
    if not deployment or len(known) >= MOST_NAMED:
        raise Invalid("Enter a deployment id." if not deployment else f"At most {MOST_NAMED} deployments are kept.")
    row = session.get(Deployment, (host_id, deployment))
    if row is None:
        session.add(Deployment(host_id=host_id, deployment_id=deployment))
    else:
        row.state = "active"


def decide_deployment(session: Session, host_id: int, deployment: str, *, let_in: bool) -> None:
    """Approve a deployment that waits, or drop it.

    :raises NotFound: when this host has none that waits.
    """
    row = session.get(Deployment, (host_id, deployment))
    if row is None or row.state != "pending":
        raise NotFound("This deployment does not wait for approval any more.")
    if let_in:
        row.state = "active"
    else:
        session.delete(row)
