"""System: what belongs to the whole learning site, and what waits there."""

from __future__ import annotations

from flask import Blueprint, Response, url_for

from plugin.access.rules import SEE_HOST, rule
from plugin.enrolment.checking.daily import drift_found
from plugin.enrolment.terms import zone_of_host
from plugin.reports.needs_attention import waits_of
from plugin.web.frame.kit import PREFIX, host_id, page, runtime

blueprint = Blueprint("system", __name__, url_prefix=PREFIX)


@blueprint.get("/system")
@rule(SEE_HOST)
def show() -> Response:
    """Delivery, what is on hold, endpoints, sources, hosts: a sentence each, and what waits; what the daily check found."""
    with runtime().db.read() as session:
        waits, drift = waits_of(session, host_id()), drift_found(session, host_id())
        zone = zone_of_host(session, host_id())
    return page("home/system.html", waits=waits, drift=drift, zone=zone, mended=_mended())


def _mended() -> str:
    """Where the people are whom the daily check set right: a row for each time and learner."""
    return url_for(
        "reports.table", source="history", what=["drift_repaired", "seats_repaired"],
        columns="at,what,certification_name,person,name",
    )  # fmt: skip
