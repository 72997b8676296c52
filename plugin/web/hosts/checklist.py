"""Hosts › Checklist: each piece of a connection tried, with a sentence and the fix."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import ngettext

from plugin.access.rules import rule
from plugin.core.tables import Host
from plugin.delivery.seats.claim import try_at_once
from plugin.hosts.lti_check import registration_checks
from plugin.hosts.port import Check
from plugin.hosts.registry import checklist
from plugin.lti.approval import deployments_of
from plugin.mirror.connections.store import connection_of, spec_for
from plugin.mirror.problems import problems_of
from plugin.mirror.pulling.pull import note_health
from plugin.mirror.tables import Connection
from plugin.web.frame.kit import PREFIX, nudge, page, runtime
from plugin.web.frame.shell import may
from plugin.web.hosts.host_list import host_of

blueprint = Blueprint("checking", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/test")


@blueprint.get("")
@rule("see setup")
def show(number: int) -> Response:
    """The button; nothing is called until it is pressed, here or (``run``) in Moodle, where it led here."""
    host, connection, deployments = _found(number)
    run, saved = request.args.get("run") == "1" and may("checking.test"), request.args.get("saved") == "1"
    checks = _tried(host, deployments, checklist(runtime(), spec_for(runtime(), connection))) if run else None
    return page("hosts/host_test.html", host=host, connection=connection, checks=checks, saved=saved)


@blueprint.post("")
@rule("setup")
def test(number: int) -> Response:
    """Try everything now."""
    host, connection, deployments = _found(number)
    records = checklist(runtime(), spec_for(runtime(), connection))
    checks = _tried(host, deployments, records)
    lifted = connection.reason if _works_again(connection, records) else ""
    return page(
        "hosts/host_test.html", host=host, connection=connection, checks=checks, saved=False, lifted=lifted,
        since=connection.since,
    )  # fmt: skip


def _tried(host: Host, deployments: list[str], records: list[Check]) -> list[Check]:
    return [*registration_checks(runtime(), host, deployments), *records, _data(host.id)]


def _works_again(connection: Connection, checks: list[Check]) -> bool:
    """Lift the pause of a connection in which nothing is broken any more, and let what waited go on.

    :param checks: of the connection alone: launches may not work yet, and have not stopped it.
    """
    if connection.state == "active" or not checks or any(one.ok is False for one in checks):
        return False
    note_health(runtime(), connection)
    at = runtime().clock.now()
    runtime().db.transact(lambda session: try_at_once(session, connection.host_id, at))
    nudge()
    return True


def _found(number: int) -> tuple[Host, Connection, list[str]]:
    with runtime().db.read() as session:
        host = host_of(session, number)
        active = [row.deployment_id for row in deployments_of(session, number) if row.state == "active"]
        return host, connection_of(session, number), active


def _data(number: int) -> Check:
    """Whether everything that came could be read, and all work that it led to done."""
    with runtime().db.read() as session:
        total, _rows = problems_of(session, number, limit=1)
    if not total:
        return Check(_("Data"), True, _("Everything the learning site gave could be read."))
    said = ngettext("%(num)s value or record could not be read, or was put aside.",
                    "%(num)s values or records could not be read, or were put aside.", total)  # fmt: skip
    return Check(_("Data"), False, said, _("See Data problems of this host: each says what it costs."))
