"""What a re-organisation on paper would do, over the wire: exactly, and nothing is saved (SOURCES 4.4)."""

from __future__ import annotations

from typing import Any

from plugin.access.rules import SEE_HOST, rule
from plugin.api.kit import PREFIX, Blueprint, host_id, runtime
from plugin.api.source_schemas import FeedForeseenSchema, FeedReorganisationSchema
from plugin.enrolment.sourcing.plans import named_effects
from plugin.enrolment.sourcing.reorganising import Reorganisation, what_if

blueprint = Blueprint("api_what_if", __name__, url_prefix=PREFIX, description="Sources: HR files and directories.")


@blueprint.post("/what-if")
@blueprint.arguments(FeedReorganisationSchema)
@blueprint.response(200, FeedForeseenSchema)
@rule(SEE_HOST, scope="sources")
def look(given: dict[str, Any]) -> dict[str, Any]:
    """What it would do to every certification if a unit stood under another, or were dissolved into it."""
    asked = Reorganisation(given["kind"], given["unit"], given["under"], given["into"])
    done = what_if(runtime(), host_id(), asked)
    told: list[dict[str, Any]] = [one.to_json() for one in done.effects if one.anything]
    if given["names"]:
        with runtime().db.read() as session:
            told = named_effects(session, host_id(), done.effects)
    return {"kind": given["kind"], "unit": done.unit, "people": done.people, "certifications": told}
