"""Hosts: each connection's health, what waits, and pulling from it by hand."""

from __future__ import annotations

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.errors import NotFound, Unavailable
from plugin.mirror.health import hosts_seen, sync_runs
from plugin.mirror.sync import pull
from plugin.web.kit import PREFIX, go, page, runtime

blueprint = Blueprint("hosts", __name__, url_prefix=f"{PREFIX}/hosts")


def _visible() -> int | None:
    """An administrator sees her own host alone; a setup link sees all."""
    return None if g.launch.purpose == "setup" else int(g.launch.host_id)


@blueprint.get("")
@rule("setup")
def listing() -> Response:
    """Hosts with the health of their connections."""
    with runtime().db.read() as session:
        hosts = hosts_seen(session, _visible())
        runs = {one.host.id: sync_runs(session, one.host.id) for one in hosts}
    return page("hosts.html", hosts=hosts, runs=runs, base=runtime().settings.base_url, problem="")


@blueprint.post("/<int:number>/sync")
@rule("setup")
def sync(number: int) -> Response:
    """Pull now."""
    if _visible() not in (None, number):
        raise NotFound(_("There is no such host."))
    try:
        pull(runtime(), number, full="full" in request.form)
    except Unavailable as error:
        with runtime().db.read() as session:
            hosts = hosts_seen(session, _visible())
            runs = {one.host.id: sync_runs(session, one.host.id) for one in hosts}
        return page(
            "hosts.html", hosts=hosts, runs=runs, base=runtime().settings.base_url, problem=error.sentence, status=503
        )
    return go(url_for(".listing"))
