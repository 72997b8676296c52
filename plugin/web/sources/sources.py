"""The sources of a host, and who supplies what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request, url_for

from plugin.access.rules import rule
from plugin.core.errors import MusterError
from plugin.enrolment.sourcing import changes
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.plans import LoadPlan
from plugin.mirror.pulling.read_at_once import PATIENCE
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.sources.source import DEFAULT_JOIN
from plugin.web.frame.kit import PREFIX, field, go, nudge, page, runtime, who
from plugin.web.hosts.host_list import host_of
from plugin.web.sources import mapping
from plugin.web.sources.effects_shown import with_names
from plugin.web.sources.source_words import (
    kind_words,
    load_refusal_words,
    state_words,
    supplied_words,
    typed_withdrawals,
)

blueprint = Blueprint("sources", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/sources")


@blueprint.get("")
@rule("see host")
def listing(number: int) -> Response:
    """The sources there are, and who supplies what."""
    return _listing(number)


def _listing(
    number: int,
    problem: str = "",
    status: int = 200,
    plan: LoadPlan | None = None,
    asked: Mapping[str, Any] | None = None,
) -> Response:
    """The page; with a plan also what a change of suppliers that was ``asked`` would do."""
    with runtime().db.read() as session:
        host = host_of(session, number)
        rows, suppliers = overview.listed(session, number), overview.suppliers_named(session, number)
        effects = with_names(session, number, plan.effects) if plan is not None else []
        mapped = mapping.lines(session, number, plan, asked["map"], [asked["kind"]]) if plan and asked else []
    return page(
        "sources/sources.html", host=host, rows=rows, suppliers=suppliers, supplied=supplied_words(), kinds=kind_words(),
        states=state_words(), join=DEFAULT_JOIN, problem=problem, status=status, plan=plan, effects=effects, asked=asked,
        mapped=mapped,
    )  # fmt: skip


@blueprint.post("")
@rule("change host", widens=True)
def add(number: int) -> Response:
    """Register a source of files or a directory."""
    made, by, at = runtime(), who(), runtime().clock.now()
    name, kind, join = field("name"), field("kind"), field("join") or DEFAULT_JOIN
    with made.db.read() as session:
        host_of(session, number)
    try:
        made.db.transact(
            lambda session: setup.add_source(session, number, name, kind, join_by=join, mapping={}, at=at, who=by)
        )
    except MusterError as error:
        return _listing(number, error.sentence, error.status)
    return go(url_for("source.show", number=number, name=name))


@blueprint.post("/supply")
@rule("change host")
def supply(number: int) -> Response:
    """Change who supplies a kind."""
    names = [one for one in request.form.getlist("names") if one]
    kind, yes, targets = field("kind"), request.form.get("yes") == "1", mapping.entered()
    allow: int | None = None
    with runtime().db.read() as session:
        host_of(session, number)
    try:
        allow = typed_withdrawals(field("withdrawals"))
        how: dict[str, Any] = {"targets": targets, "yes": yes, "allow": allow, "seconds": PATIENCE}
        changes.supply(runtime(), number, kind, names, who=who(), **how)
    except NotLoaded as error:
        return _listing(
            number,
            load_refusal_words(allow, error),
            error.status,
            error.plan,
            {"kind": kind, "names": names, "map": targets},
        )
    except MusterError as error:
        return _listing(number, error.sentence, error.status)
    nudge()
    return go(url_for(".listing", number=number))
