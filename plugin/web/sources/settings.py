"""A source's settings: saved at once, or with a look at what they do where somebody would gain or lose by them."""

from __future__ import annotations

from flask import Blueprint, Response, request

from plugin.access.rules import rule
from plugin.certifications.file.document import read_tree
from plugin.enrolment.sourcing import fetching, settings
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.plans import LoadPlan
from plugin.enrolment.sourcing.retargeting import TYPES
from plugin.web.frame.kit import PREFIX, field, page, runtime, who
from plugin.web.hosts.host_list import host_of
from plugin.web.sources import mapping
from plugin.web.sources.effects_shown import with_names
from plugin.web.sources.source import acted
from plugin.web.sources.source_words import load_refusal_words, typed_withdrawals

blueprint = Blueprint("source_settings", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/sources")
KEPT = ("kind", "join", "mapping", "url", "schedule", "after", "forget_host_key")
"""Fields of the form that the question repeats; a secret is asked for again, and never shown."""


@blueprint.post("/<name>/settings")
@rule("change host", widens=True)
def change(number: int, name: str) -> Response:
    """Change what a source is, how it joins, is read and fetched."""
    waits: list[Response] = []

    def act() -> None:
        allow = typed_withdrawals(field("withdrawals"))
        yes = request.form.get("yes") == "1"
        try:
            settings.change(runtime(), number, name, _entered(), yes=yes, allow=allow, who=who())
        except NotLoaded as refusal:
            if refusal.plan is not None:
                waits.append(_asked(number, name, refusal, refusal.plan, allow))
            raise

    answer = acted(number, name, act)
    return waits[0] if waits else answer


def _entered() -> settings.SourceChange:
    chosen = fetching.chosen(
        url=field("url", 1000), schedule=field("schedule"), after=field("after") or None,
        forget_host_key=field("forget_host_key") == "1", plain=runtime().http.allow_private,
    )  # fmt: skip
    return settings.SourceChange(
        field("kind") or None, field("join"), read_tree(request.form.get("mapping", "")) or {}, chosen,
        request.form.get("secret") or None, mapping.entered(),
    )  # fmt: skip


def _asked(number: int, name: str, refusal: NotLoaded, plan: LoadPlan, allow: int | None) -> Response:
    """What the change does, with a button that does it."""
    with runtime().db.read() as session:
        host = host_of(session, number)
        effects = with_names(session, number, plan.effects)
        listed = mapping.lines(session, number, plan, mapping.entered(), TYPES)
    return page(
        "sources/change.html", host=host, name=name, plan=plan, effects=effects, mapped=listed,
        kept={one: request.form[one] for one in KEPT if one in request.form}, secret=bool(request.form.get("secret")),
        problem=load_refusal_words(allow, refusal), status=refusal.status,
    )  # fmt: skip
