"""Hosts › Checklist: each piece of a connection tried, with a sentence and the fix."""

from __future__ import annotations

from flask import Blueprint, Response, request

from plugin.access.rules import rule
from plugin.core.tables import Host
from plugin.hosts.lti_check import registration_checks
from plugin.hosts.port import Check
from plugin.hosts.registry import checklist
from plugin.lti.approval import deployments_of
from plugin.mirror.connections import connection_of, spec_for
from plugin.mirror.tables import Connection
from plugin.web.hosts import host_of
from plugin.web.kit import PREFIX, page, runtime

blueprint = Blueprint("checking", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/test")


@blueprint.get("")
@rule("setup")
def show(number: int) -> Response:
    """The button; nothing is called until it is pressed."""
    host, connection, _deployments = _found(number)
    return page("host_test.html", host=host, connection=connection, checks=None, saved=request.args.get("saved") == "1")


@blueprint.post("")
@rule("setup")
def test(number: int) -> Response:
    """Try everything now."""
    host, connection, deployments = _found(number)
    checks: list[Check] = [
        *registration_checks(runtime(), host, deployments), *checklist(runtime(), spec_for(runtime(), connection)),
    ]  # fmt: skip
    return page("host_test.html", host=host, connection=connection, checks=checks, saved=False)


def _found(number: int) -> tuple[Host, Connection, list[str]]:
    with runtime().db.read() as session:
        host = host_of(session, number)
        active = [row.deployment_id for row in deployments_of(session, number) if row.state == "active"]
        return host, connection_of(session, number), active
