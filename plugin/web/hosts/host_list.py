"""Hosts: registrations that wait, each connection's health, how old its data is, and pulling from it by hand."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import OPERATING, rule
from plugin.access.setup_links import new_registration_address
from plugin.core.errors import NotFound, Unavailable
from plugin.core.tables import Host
from plugin.lti import approval
from plugin.mirror.connections.health import hosts_seen, latest_costs, sync_runs, total_cost
from plugin.mirror.connections.settings import approve_registration
from plugin.mirror.pulling.pull import pull
from plugin.mirror.tables import Connection
from plugin.web.frame.kit import PREFIX, field, go, page, runtime, who
from plugin.web.hosts.host_words import age_words, cost_words, data_words, kind_words

blueprint = Blueprint("hosts", __name__, url_prefix=f"{PREFIX}/hosts")


def visible() -> int | None:
    """An administrator sees her own host alone; a setup link sees all."""
    return None if g.launch.purpose == "setup" else int(g.launch.host_id)


def own(number: int) -> int:
    """The number of a host this visitor may see.

    :raises NotFound: for any other.
    """
    if visible() not in (None, number):
        raise NotFound(_("There is no such host."))
    return number


def host_of(session: Session, number: int) -> Host:
    """An approved host this visitor may see.

    :raises NotFound: for any other.
    """
    host = session.get(Host, own(number))
    if host is None or host.state == "pending":
        raise NotFound(_("There is no such host."))
    return host


@blueprint.get("")
@rule("see setup")
def listing() -> Response:
    """Hosts with the health of their connections."""
    return _listing("")


def _decides() -> bool:
    """Whether this visitor decides which learning sites there are."""
    return bool(g.launch.purpose == OPERATING)


def _listing(problem: str, status: int = 200, address: str = "") -> Response:
    made = runtime()
    with made.db.read() as session:
        hosts = [one for one in hosts_seen(session, visible()) if one.host.state != "pending"]
        context: dict[str, Any] = {
            "hosts": hosts,
            "waiting": approval.pending(session, made.clock.now()) if _decides() else [],
            "runs": {one.host.id: sync_runs(session, one.host.id) for one in hosts},
            "deployments": {
                one.host.id: [row for row in approval.deployments_of(session, one.host.id) if row.state == "pending"]
                for one in hosts
            },
            "ages": {one.host.id: _ages(one.connection) for one in hosts},
            "costs": {one.host.id: latest_costs(session, one.host.id, one.connection) for one in hosts},
        }
    return page(
        "hosts/hosts.html", base=made.settings.base_url, problem=problem, status=status, kinds=kind_words(),
        data_words=data_words(), cost_words=cost_words, total_cost=total_cost, decides=_decides(),
        changes=_decides() or g.launch.rights.changes_host, address=address, **context,
    )  # fmt: skip


def _ages(connection: Connection | None) -> list[tuple[str, int, str]]:
    """Each kind that was read: its name, when it was last asked for, and how long ago that is."""
    now, marks = runtime().clock.now(), connection.marks if connection else {}
    read = [(kind, int(dict(mark).get("read") or 0)) for kind, mark in marks.items() if isinstance(mark, dict)]
    order = list(data_words())
    known = sorted((row for row in read if row[0] in order and row[1]), key=lambda row: order.index(row[0]))
    return [(kind, at, age_words(max(0, now - at))) for kind, at in known]


@blueprint.post("/<int:number>/sync")
@rule("setup")
def sync(number: int) -> Response:
    """Pull now."""
    with runtime().db.read() as session:
        host_of(session, number)
    try:
        pull(runtime(), number, full="full" in request.form)
    except Unavailable as error:
        return _listing(error.sentence, 503)
    return go(url_for(".listing"))


@blueprint.post("/<int:number>/approve")
@rule("operator")
def approve(number: int) -> Response:
    """Let a registration in. A pending host cannot launch, so its own people never come here."""
    made, client = runtime(), field("client")

    def work(session: Session) -> int:
        return approve_registration(session, number, client, at=made.clock.now(), who=who()).id

    approved = made.db.transact(work)
    return go(url_for("connecting.configuration", number=approved))


@blueprint.post("/registration-address")
@rule("setup", widens=True)
def registration_address() -> Response:
    """An address by which a learning site registers and is let in at once; an administrator's, her own site alone."""
    host = None if _decides() else int(g.launch.host_id)
    return _listing("", 201, new_registration_address(runtime(), who(), host))


@blueprint.post("/<int:number>/refuse")
@rule("operator")
def refuse(number: int) -> Response:
    """Drop a registration."""
    client = field("client")
    runtime().db.transact(lambda session: approval.refuse(session, number, client))
    return go(url_for(".listing"))
