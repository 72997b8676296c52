"""Hosts and their connections: registered, looked up, opened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.errors import Invalid, NotFound
from plugin.core.ids import take_ids
from plugin.core.network.http import HttpAnswer, Outbound
from plugin.core.network.signing import check_secret
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, HostClock
from plugin.hosts.port import Caps, ConnectionSpec
from plugin.hosts.port import HostDialect as HostPort
from plugin.hosts.registry import DIALECTS, open_host
from plugin.lti.services import call_service
from plugin.lti.tables import Deployment
from plugin.mirror.tables import SITE, Connection

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True)
class NewHost:
    """Everything an operator says about a host."""

    name: str
    issuer: str
    client_id: str
    deployment: str
    auth_url: str
    token_url: str
    jwks_url: str
    kind: str = "webhook"
    api_url: str = ""
    api_token: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""
    hooks_secret: str = ""
    mapping: dict[str, Any] = field(default_factory=dict)


def add_host(session: Session, new: NewHost, at: int) -> Host:
    """Register a host with its first deployment and connection.

    :raises Invalid: for a name, kind, address or secret that cannot be, or a registration that exists.
    """
    _check(session, new)
    host = Host(
        name=new.name, title=new.name, issuer=new.issuer, client_id=new.client_id, auth_url=new.auth_url,
        token_url=new.token_url, jwks_url=new.jwks_url, state="active", settings={}, created=at,
    )  # fmt: skip
    session.add(host)
    session.flush()
    session.add(HostClock(host_id=host.id, seq=0, as_of=at))
    if new.deployment:
        session.add(Deployment(host_id=host.id, deployment_id=new.deployment))
    session.add(
        Connection(
            host_id=host.id,
            id=take_ids(session, host.id, "connection"),
            name=new.name,
            kind=new.kind,
            api_url=new.api_url,
            api_token=new.api_token or None,
            webhook_url=new.webhook_url,
            webhook_secret=new.webhook_secret or None,
            hooks_secret=new.hooks_secret or None,
            mapping=new.mapping,
            settings={},
            caps={},
            marks={},
            since=at,
        )  # fmt: skip
    )
    session.flush()
    return host


def _check(session: Session, new: NewHost) -> None:
    if not _NAME.fullmatch(new.name):
        raise Invalid(f"'{new.name}' is no name for a host: use small letters, digits and hyphens, at most 64.")
    if new.kind not in DIALECTS:
        raise Invalid(f"'{new.kind}' is no kind of host; use one of {', '.join(sorted(DIALECTS))}.")
    addresses = {"auth-url": new.auth_url, "token-url": new.token_url, "jwks-url": new.jwks_url}
    optional = {"api-url": new.api_url, "webhook-url": new.webhook_url}
    for label, address in addresses.items() | {(k, v) for k, v in optional.items() if v}:
        if not address.startswith(("https://", "http://")):
            raise Invalid(f"--{label}: '{address}' is not an address that begins with https:// or http://.")
    for label, secret in (("webhook-secret", new.webhook_secret), ("hooks-secret", new.hooks_secret)):
        if secret:
            try:
                check_secret(secret)
            except ValueError as error:
                raise Invalid(f"--{label}: {error}") from None
    named = (
        select(Connection.name).where(Connection.name == new.name).union(select(Host.name).where(Host.name == new.name))
    )
    if session.execute(named).first() is not None:
        raise Invalid(_("There is a host named '%(name)s' already.", name=new.name))
    taken = select(Host).where(Host.issuer == new.issuer, Host.client_id == new.client_id)
    if session.scalars(taken).first() is not None:
        about = {"client": new.client_id, "issuer": new.issuer}
        raise Invalid(_("Client '%(client)s' of %(issuer)s is registered already.", **about))


def host_by_name(session: Session, name: str | None) -> Host:
    """The host with this name, or the only one there is.

    :raises Invalid: when no name is given and there is not exactly one host.
    :raises NotFound: when none has this name.
    """
    if name is not None:
        found = session.scalars(select(Host).where(Host.name == name)).first()
        if found is None:
            raise NotFound(f"There is no host named '{name}'.")
        return found
    hosts = session.scalars(select(Host).where(Host.state != "pending").order_by(Host.id).limit(2)).all()
    if len(hosts) != 1:
        raise Invalid("Name a host with --host." if hosts else "There is no host yet; add one with 'muster host add'.")
    return hosts[0]


def active_hosts(session: Session) -> list[int]:
    """Ids of the hosts that are served."""
    return list(session.scalars(select(Host.id).where(Host.state == "active").order_by(Host.id)))


def connection_of(session: Session, host_id: int) -> Connection:
    """A host's learning site.

    :raises NotFound: when it has none.
    """
    found = site_of(session, host_id)
    if found is None:
        raise NotFound(_("This host has no connection yet."))
    return found


def site_of(session: Session, host_id: int) -> Connection | None:
    """A host's learning site, where it has one."""
    here = (Connection.host_id == host_id, Connection.role == SITE)
    return session.scalars(select(Connection).where(*here).order_by(Connection.id)).first()


def can_be_read(row: Connection) -> bool:
    """Whether there is an address to read from: the API's, or those of the courses that launches named."""
    return bool(row.api_url or (row.kind == "nrps" and row.settings.get("contexts")))


def connection_named(session: Session, name: str) -> Connection | None:
    """A connection by the name in its hooks' address."""
    return session.scalars(select(Connection).where(Connection.name == name, Connection.role == SITE)).first()


def spec_of(row: Connection) -> ConnectionSpec:
    """A connection without its state, for a dialect."""
    return ConnectionSpec(
        name=row.name, kind=row.kind, api_url=row.api_url, api_token=row.api_token or "",
        webhook_url=row.webhook_url, webhook_secret=row.webhook_secret or "",
        hooks_secret=row.hooks_secret or row.webhook_secret or "", mapping=row.mapping, settings=row.settings,
        caps=Caps.from_json(row.caps),
    )  # fmt: skip


def subject_column(session: Session, host_id: int) -> str:
    """The column of a person that the ``sub`` of LTI names: her id at the host, unless the connection joins on another."""
    site = site_of(session, host_id)
    mapping = site.mapping if site is not None else {}
    join = str(mapping.get("join") or "")
    return join if join in ("username", "email", "number") else "ext"


def open_connection(runtime: Runtime, row: Connection, http: Outbound | None = None) -> HostPort:
    """The host behind a connection, ready to be asked.

    :param http: the way out to take instead of the runtime's, where calls are counted.
    """
    return open_host(spec_for(runtime, row, http), http or runtime.http, runtime.clock)


def spec_for(runtime: Runtime, row: Connection, http: Outbound | None = None) -> ConnectionSpec:
    """A connection for a dialect that may also use the LTI services of its registration."""

    def service(scopes: Sequence[str], method: str, url: str, **more: Any) -> HttpAnswer:
        with runtime.db.read() as session:
            host = session.get_one(Host, row.host_id)
        return call_service(runtime, host, scopes, method, url, http=http, **more)

    return replace(spec_of(row), service=service)
