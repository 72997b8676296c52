"""Sources: people and hierarchies from HR files and directories, over the wire (docs/sources.md)."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, make_response

from plugin.access.rules import CHANGE_HOST, SEE_HOST, rule
from plugin.api.feeds.answers import answer_of, refused
from plugin.api.kit import PREFIX, Blueprint, host_id, nudge, runtime, who
from plugin.api.source_schemas import (
    FeedAnswerSchema,
    FeedChangedSchema,
    FeedListSchema,
    FeedNewSchema,
    FeedReleasedSchema,
    FeedRemovalSchema,
    FeedShownSchema,
    FeedSupplySchema,
    FeedTokenAskedSchema,
    FeedTokenSchema,
    FeedYesSchema,
    NotLoadedSchema,
    SourcePlanSchema,
)
from plugin.core.errors import Invalid
from plugin.enrolment.sourcing import changes, fetching, settings, undoing
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.mirror.pulling.read_at_once import PATIENCE
from plugin.mirror.sources import tokens
from plugin.mirror.sources.directory import guarding
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.sources.source import DEFAULT_JOIN, KINDS

blueprint = Blueprint("api_sources", __name__, url_prefix=PREFIX, description="Sources: HR files and directories.")


@blueprint.get("/sources")
@blueprint.response(200, FeedListSchema)
@rule(SEE_HOST, scope="sources")
def listing() -> dict[str, Any]:
    """The sources of the host."""
    with runtime().db.read() as session:
        return {"items": overview.listed(session, host_id())}


@blueprint.post("/sources")
@blueprint.arguments(FeedNewSchema)
@blueprint.response(201, FeedShownSchema)
@rule(CHANGE_HOST, scope="sources", widens=True)
def add(given: dict[str, Any]) -> dict[str, Any]:
    """Register a source; it supplies what it offers and nobody else does yet."""
    by, at, tenant = who(), runtime().clock.now(), host_id()
    mapping = given.get("mapping") or {}
    fetched = _fetching(given)

    def work(session: Any) -> dict[str, Any]:
        name = given["name"]
        setup.add_source(
            session, tenant, name, given["kind"], join_by=given.get("join") or DEFAULT_JOIN, mapping=mapping, at=at, who=by
        )  # fmt: skip
        setup.change_source(session, tenant, name, settings=fetched, secret=given.get("secret"), at=at, who=by)
        return overview.shown(session, tenant, name)

    return runtime().db.transact(work)


def _fetching(given: dict[str, Any]) -> dict[str, Any]:
    named = {name: given[name] for name in ("url", "schedule", "after", "forget_host_key") if name in given}
    return fetching.chosen(**named, plain=runtime().http.allow_private)


@blueprint.get("/sources/<name>")
@blueprint.response(200, FeedShownSchema)
@rule(SEE_HOST, scope="sources")
def show(name: str) -> dict[str, Any]:
    """How a source is set up and doing."""
    with runtime().db.read() as session:
        return overview.shown(session, host_id(), name)


@blueprint.patch("/sources/<name>")
@blueprint.arguments(FeedChangedSchema)
@blueprint.response(200, FeedShownSchema)
@blueprint.alt_response(409, schema=NotLoadedSchema)
@rule(CHANGE_HOST, scope="sources", widens=True)
def change(given: dict[str, Any], name: str) -> dict[str, Any] | Response:
    """Change a source; where somebody would leave by it, only with `yes`."""
    asked = settings.SourceChange(
        given.get("kind"), given.get("join"), given.get("mapping"), _fetching(given), given.get("secret"), given["map"]
    )  # fmt: skip
    how = {"yes": given["yes"], "allow": given["allow_withdrawals"], "who": who()}
    try:
        settings.change(runtime(), host_id(), name, asked, **how)
    except NotLoaded as error:
        return refused(error)
    nudge()
    with runtime().db.read() as session:
        return overview.shown(session, host_id(), name)


@blueprint.delete("/sources/<name>")
@blueprint.arguments(FeedRemovalSchema, location="query")
@blueprint.response(200, SourcePlanSchema)
@blueprint.alt_response(409, schema=NotLoadedSchema)
@rule(CHANGE_HOST, scope="sources")
def remove(asked: dict[str, Any], name: str) -> dict[str, Any] | Response:
    """Take a source away with everything it supplied."""
    try:
        targets = json.loads(asked["map"]) if asked["map"] else None
    except ValueError:
        raise Invalid("map: write a JSON object, {old id: new id}.") from None
    how = {"targets": targets, "yes": asked["yes"], "allow": asked["allow_withdrawals"], "who": who()}
    return answer_of(lambda: changes.remove(runtime(), host_id(), name, **how))


@blueprint.post("/sources/<name>/renames/<int:number>")
@blueprint.arguments(FeedAnswerSchema)
@blueprint.response(200, SourcePlanSchema)
@blueprint.alt_response(409, schema=NotLoadedSchema)
@rule(CHANGE_HOST, scope="sources")
def rename(given: dict[str, Any], name: str, number: int) -> dict[str, Any] | Response:
    """Say whether a unit that vanished goes on under its new name."""
    return answer_of(
        lambda: changes.answer_rename(
            runtime(), host_id(), name, number, renamed=given["same"], yes=given["yes"], who=who(),
            allow=given["allow_withdrawals"],
        )
    )  # fmt: skip


@blueprint.post("/sources/<name>/release")
@blueprint.response(200, FeedReleasedSchema)
@rule(CHANGE_HOST, scope="sources")
def release(name: str) -> dict[str, Any]:
    """Let users of a directory leave whom the row guard holds."""
    by, at, tenant = who(), runtime().clock.now(), host_id()
    done = runtime().db.transact(lambda session: guarding.release(session, tenant, name, now=at, who=by))
    nudge()
    return {"released": done}


@blueprint.get("/sources/<name>/loads/<int:number>")
@blueprint.response(200, content_type="text/csv")
@rule(SEE_HOST, scope="sources")
def report(name: str, number: int) -> Response:
    """The report of a load as CSV: line, verdict, sentence, file."""
    with runtime().db.read() as session:
        text = overview.report_of(session, host_id(), name, number)
    answer = make_response(text)
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    return answer


@blueprint.post("/sources/<name>/undo")
@blueprint.arguments(FeedYesSchema, location="query")
@blueprint.response(200, SourcePlanSchema)
@blueprint.alt_response(409, schema=NotLoadedSchema)
@rule(CHANGE_HOST, scope="sources")
def undo(asked: dict[str, Any], name: str) -> dict[str, Any] | Response:
    """Restore the source's records as before its newest load."""
    how = {"yes": asked["yes"], "allow": asked["allow_withdrawals"], "who": who()}
    return answer_of(lambda: undoing.undo(runtime(), host_id(), name, **how))


@blueprint.post("/sources/<name>/<any(pause, resume):act>")
@blueprint.response(200, FeedShownSchema)
@rule(CHANGE_HOST, scope="sources")
def set_paused(name: str, act: str) -> dict[str, Any]:
    """Stop reading a source, or go on; its records stay."""
    by, at, tenant = who(), runtime().clock.now(), host_id()

    def work(session: Any) -> dict[str, Any]:
        setup.set_paused(session, tenant, name, paused=act == "pause", at=at, who=by)
        return overview.shown(session, tenant, name)

    return runtime().db.transact(work)


@blueprint.post("/sources/<name>/tokens")
@blueprint.arguments(FeedTokenAskedSchema)
@blueprint.response(201, FeedTokenSchema)
@rule(CHANGE_HOST, scope="sources", widens=True)
def token(given: dict[str, Any], name: str) -> dict[str, Any]:
    """Make a token a directory pushes with; it is shown this once."""
    by, at, tenant = who(), runtime().clock.true(), host_id()
    until = int(given["until"].timestamp()) if given["until"] is not None else None
    made = runtime().db.transact(
        lambda session: tokens.make_token(
            session, tenant, name, until=until, revoke_others=given["revoke_others"], at=at, who=by
        )
    )  # fmt: skip
    return {"token": made}


@blueprint.put("/supply/<kind>")
@blueprint.arguments(FeedSupplySchema)
@blueprint.response(200, SourcePlanSchema)
@blueprint.alt_response(409, schema=NotLoadedSchema)
@rule(CHANGE_HOST, scope="sources")
def supply(given: dict[str, Any], kind: str) -> dict[str, Any] | Response:
    """Change who supplies a kind."""
    if kind not in KINDS:
        raise Invalid(f"'{kind}' is nothing to supply; use one of {', '.join(KINDS)}.")
    return answer_of(
        lambda: changes.supply(
            runtime(), host_id(), kind, given["names"], targets=given["map"], yes=given["yes"], who=who(), seconds=PATIENCE,
            allow=given["allow_withdrawals"],
        )
    )  # fmt: skip
