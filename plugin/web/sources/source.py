"""One source: how it joins, what a file would do, its loads, and who is to be matched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, make_response, request, url_for
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.core.errors import MusterError, NotFound
from plugin.enrolment.sourcing import changes, settings
from plugin.enrolment.sourcing.kept import WAITS, is_unfit
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.plans import LoadPlan
from plugin.mirror.sources import tokens
from plugin.mirror.sources.directory import guarding
from plugin.mirror.sources.managing import matching, overview, setup
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.sources.tables import SourceLoad
from plugin.web.frame.kit import PREFIX, field, go, nudge, page, runtime, who
from plugin.web.hosts.host_list import host_of
from plugin.web.sources.effects_shown import LISTED, with_names
from plugin.web.sources.source_words import (
    because_words,
    kind_words,
    load_words,
    refusal_words,
    supplied_words,
    why_words,
)
from plugin.web.sources.trying import Understood

blueprint = Blueprint("source", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/sources")


@blueprint.get("/<name>")
@rule("see host")
def show(number: int, name: str) -> Response:
    """One source."""
    return shown(number, name)


def shown(
    number: int, name: str, plan: LoadPlan | None = None, problem: str = "", status: int = 200,
    read: Sequence[Understood] = (), token: str = "",
) -> Response:  # fmt: skip
    """The page; with a plan also what it says, and how its files were read; with a token this once."""
    with runtime().db.read() as session:
        host = host_of(session, number)
        found = overview.shown(session, number, name)
        source = source_of(session, source_row(session, number, name))
        unmatched = matching.unmatched(session, source, limit=LISTED)
        kept = overview.loads_of(session, number, source.id)
        effects = with_names(session, number, plan.effects) if plan is not None else []
    named = supplied_words()
    supplies = ", ".join(named[one] for one in found["supplies"])
    return page(
        "sources/source.html", host=host, source=found, unmatched=unmatched, loads=kept, plan=plan, effects=effects,
        problem=problem, status=status, listed=LISTED, supplies=supplies, whys=why_words(), becauses=because_words(),
        kinds={source.kind: source.kind, **kind_words()}, load_states=load_words(), read=read, token=token,
        held_load=_waiting(kept), address=f"{runtime().settings.base_url.rstrip('/')}/scim/v2/{name}",
    )  # fmt: skip


def _waiting(kept: Sequence[SourceLoad]) -> dict[str, Any] | None:
    """The load that waits for somebody: why, what it would do as it was planned, and what has to be confirmed."""
    row = next((one for one in kept if one.state == WAITS), None)
    if row is None:
        return None
    withdrawn = sum(int(one["withdrawn"]) for one in row.plan.get("certifications") or ())
    return {
        "reason": row.reason, "plan": row.plan, "unfit": is_unfit(row), "withdrawn": withdrawn, "files": row.files,
    }  # fmt: skip


def acted(
    number: int, name: str, act: Callable[[], LoadPlan | None], *, refused: Callable[[NotLoaded], str] = refusal_words
) -> Response:
    """Do something of a source; what is refused is shown with its plan.

    :param refused: what is said then.
    """
    with runtime().db.read() as session:
        host_of(session, number)
        source_row(session, number, name)
    try:
        act()
    except NotLoaded as error:
        return shown(number, name, error.plan, refused(error), error.status)
    except NotFound:
        raise
    except MusterError as error:
        return shown(number, name, problem=error.sentence, status=error.status)
    nudge()
    return go(url_for("source.show", number=number, name=name))


@blueprint.post("/<name>/keep")
@rule("change host")
def keep(number: int, name: str) -> Response:
    """Which further columns are kept as profile fields."""
    ticked, offered = request.form.getlist("keep"), set(request.form.getlist("offered"))

    def act() -> None:
        with runtime().db.read() as session:
            present = dict(source_row(session, number, name).mapping)
        before = [one for one in present.get("keep") or () if one not in offered]
        asked = settings.SourceChange(mapping={**present, "keep": [*before, *ticked]})
        settings.change(runtime(), number, name, asked, who=who())

    return acted(number, name, act)


@blueprint.get("/<name>/loads/<int:load_number>")
@rule("see host")
def report(number: int, name: str, load_number: int) -> Response:
    """The report of a load, line by line."""
    with runtime().db.read() as session:
        host_of(session, number)
        answer = make_response(overview.report_of(session, number, name, load_number))
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}-{load_number}.csv"'
    return answer


@blueprint.post("/<name>/tokens")
@rule("change host", widens=True)
def token(number: int, name: str) -> Response:
    """Make a token that a directory pushes with; the answer shows it, this once."""
    at, by, day = runtime().clock.true(), who(), field("until")
    try:
        with runtime().db.read() as session:
            zone = str(host_of(session, number).time_zone)
        until = tokens.until_of(day, zone) if day else None
        made = runtime().db.transact(
            lambda session: tokens.make_token(
                session, number, name, until=until, revoke_others=field("revoke_others") == "1", at=at, who=by
            )
        )
    except NotFound:
        raise
    except MusterError as error:
        return shown(number, name, problem=error.sentence, status=error.status)
    return shown(number, name, token=made)


@blueprint.post("/<name>/match")
@rule("change host")
def match(number: int, name: str) -> Response:
    """Match by hand, take that back, or take all suggestions of a sort."""
    at, by = runtime().clock.now(), who()
    identity, person, because = field("id"), field("person"), field("because")

    def act() -> None:
        def work(session: Session) -> None:
            if because:
                matching.accept_suggestions(session, number, name, because, at=at, who=by)
            elif person:
                matching.pin(session, number, name, identity, person, at=at, who=by)
            else:
                matching.unpin(session, number, name, identity, at=at, who=by)

        runtime().db.transact(work)

    return acted(number, name, act)


@blueprint.post("/<name>/renames/<int:question>")
@rule("change host")
def rename(number: int, name: str, question: int) -> Response:
    """Whether a unit that vanished goes on under its new name."""
    renamed, yes = request.form.get("answer") == "renamed", request.form.get("yes") == "1"
    return acted(
        number, name,
        lambda: changes.answer_rename(runtime(), number, name, question, renamed=renamed, yes=yes, who=who()),
    )  # fmt: skip


@blueprint.post("/<name>/state")
@rule("change host")
def state(number: int, name: str) -> Response:
    """Pause or resume."""
    at, by, paused = runtime().clock.now(), who(), request.form.get("paused") == "1"

    def act() -> None:
        runtime().db.transact(lambda session: setup.set_paused(session, number, name, paused=paused, at=at, who=by))

    return acted(number, name, act)


@blueprint.post("/<name>/release")
@rule("change host")
def release(number: int, name: str) -> Response:
    """Let users of a directory leave whom the row guard holds."""
    at, by = runtime().clock.now(), who()

    def act() -> None:
        runtime().db.transact(lambda session: guarding.release(session, number, name, now=at, who=by))

    return acted(number, name, act)
