"""A source taken away: what every certification loses by it, what rows shall name instead, and then the removal itself."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from plugin.access.rules import rule
from plugin.core.errors import MusterError, NotFound
from plugin.enrolment.sourcing import changes
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.retargeting import TYPES
from plugin.mirror.sources.source import source_row
from plugin.web.frame.kit import PREFIX, field, go, nudge, page, runtime, who
from plugin.web.hosts.host_list import host_of
from plugin.web.sources import mapping
from plugin.web.sources.effects_shown import with_names
from plugin.web.sources.source_words import load_refusal_words, typed_withdrawals

blueprint = Blueprint("source_removal", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/sources")


@blueprint.post("/<name>/removal")
@rule("change host")
def remove(number: int, name: str) -> Response:
    """What taking the source away does; with ``yes`` it is done."""
    with runtime().db.read() as session:
        host_of(session, number)
        source_row(session, number, name)
    asked, problem, status, plan = mapping.entered(), "", 200, None
    allow: int | None = None
    try:
        allow = typed_withdrawals(field("withdrawals"))
        if request.form.get("yes") == "1":
            changes.remove(runtime(), number, name, targets=asked, yes=True, who=who(), allow=allow)
            nudge()
            return go(url_for("sources.listing", number=number))
        plan = changes.plan_removal(runtime(), number, name, targets=asked, who=who())
    except NotLoaded as error:
        problem, status, plan = load_refusal_words(allow, error), error.status, error.plan
    except NotFound:
        raise
    except MusterError as error:
        problem, status = error.sentence, error.status
    with runtime().db.read() as session:
        host = host_of(session, number)
        effects = with_names(session, number, plan.effects) if plan is not None else []
        listed = mapping.lines(session, number, plan, asked, TYPES) if plan is not None else []
    return page(
        "sources/removal.html",
        host=host,
        name=name,
        plan=plan,
        effects=effects,
        mapped=listed,
        problem=problem,
        status=status,
    )
