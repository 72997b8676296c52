"""*My record*: what a learner completed, proofs of it as pages to print, and whether others may verify these."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, url_for

from plugin.access.rules import CHANGE_HOST, LEARNER, rule
from plugin.core.tables import Host
from plugin.enrolment.views.team import leads
from plugin.mirror.lookup.browse import zone_of_person
from plugin.reports.record import proofs
from plugin.web.frame.kit import PREFIX, field, go, host_id, page, runtime, who
from plugin.web.frame.words import long_day

blueprint = Blueprint("record", __name__)


@blueprint.get(f"{PREFIX}/my/record")
@rule(LEARNER)
def listing() -> Response:
    """What she completed, and until when it is valid."""
    person, now = int(g.launch.person), runtime().clock.now()
    with runtime().db.read() as session:
        rows = proofs.completed_by(session, host_id(), person)
        zone = zone_of_person(session, host_id(), person, session.get_one(Host, host_id()).time_zone)
        context: dict[str, Any] = {"rows": rows, "zone": zone, "now": now, "leads": leads(session, host_id(), person)}
    return page("mine/record.html", long_day=long_day, **context)


@blueprint.get(f"{PREFIX}/my/record/<int:certification>")
@rule(LEARNER)
def proof(certification: int) -> Response:
    """The proof of one, to print."""
    made = proofs.proof_of(runtime(), host_id(), int(g.launch.person), certification, now=runtime().clock.now())
    where = url_for("verifying.verify", number=made.number, _external=True) if made.number else ""
    return page(
        "mine/proof.html", proof=made, where=where, now=runtime().clock.now(), verified=False, long_day=long_day
    )


@blueprint.post(f"{PREFIX}/reports/proofs")
@rule(CHANGE_HOST, widens=lambda: field("verify") == "yes")
def switch() -> Response:
    """Have proofs verified, or not."""
    proofs.set_verified(runtime(), host_id(), field("verify") == "yes", who=who())
    return go(url_for("sending.listing"))
