"""Endpoints: who else is told of events, under which secret, what went out to each and what came back."""

from __future__ import annotations

import json
import secrets
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.errors import Invalid
from plugin.delivery.endpoints import subscriptions
from plugin.delivery.endpoints.event_log import deliveries, delivery_of, endpoints_seen
from plugin.delivery.endpoints.subscriptions import EnteredSubscription, endpoint_of
from plugin.enrolment.terms import zone_of_host
from plugin.web.delivery.endpoint_words import event_groups, overlap_words, redelivered_words, state_words, wait_words
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, field, go, host_id, nudge, page, page_number, runtime, who
from plugin.web.hosts.host_words import age_words

blueprint = Blueprint("endpoints", __name__, url_prefix=f"{PREFIX}/endpoints")

_STATES = ("owed", "done", "failed")


@blueprint.get("")
@rule("see host")
def listing() -> Response:
    """All of them, with their health."""
    now = runtime().clock.now()
    with runtime().db.read() as session:
        rows = endpoints_seen(session, host_id(), now)
        zone = zone_of_host(session, host_id())
    return page("delivery/endpoints.html", rows=rows, zone=zone, now=now, age=age_words, states=state_words())


@blueprint.get("/new")
@rule("change host")
def new() -> Response:
    """The form."""
    return _form(None, EnteredSubscription("", "", ()), "")


def _form(number: int | None, wanted: EnteredSubscription, problem: str) -> Response:
    return page(
        "delivery/endpoint_form.html", number=number, wanted=wanted, groups=event_groups(), problem=problem,
        form_token=secrets.token_urlsafe(12), private=runtime().settings.allow_private_addresses,
        status=400 if problem else 200,
    )  # fmt: skip


def _entered() -> EnteredSubscription:
    return EnteredSubscription(
        request.form.get("url", "").strip()[:1001], field("name"), tuple(request.form.getlist("type")[:100]),
        "names" in request.form,
    )  # fmt: skip


@blueprint.post("/new")
@rule("change host", widens=True)
def create() -> Response:
    """Make one; the answer shows its secret, this once."""
    wanted = _entered()
    try:
        number, secret = subscriptions.create(runtime(), host_id(), wanted, form=_token(), who=who())
    except Invalid as error:
        return _form(None, wanted, error.sentence)
    return _show(number, secret=secret) if secret else go(url_for(".show", number=number))


def _token() -> str:
    return request.form.get("form", "")[:64]


@blueprint.get("/<int:number>")
@rule("see host")
def show(number: int) -> Response:
    """One endpoint: its health, and its log."""
    return _show(number)


def _show(number: int, secret: str = "", problem: str = "") -> Response:
    state, kind = request.args.get("state", ""), request.args.get("type", "")[:64]
    state = state if state in _STATES else ""
    made, now = runtime(), runtime().clock.now()
    with made.db.read() as session:
        row = endpoint_of(session, host_id(), number)
        total, rows = deliveries(
            session, host_id(), number, state=state, kind=kind, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE
        )
        context: dict[str, Any] = {
            "endpoint": row, "seen": endpoints_seen(session, host_id(), now, number)[0], "rows": rows, "total": total,
            "zone": zone_of_host(session, host_id()), "now": now, "age": age_words, "wait": wait_words, "state": state,
            "kind": kind, "states": state_words(), "groups": event_groups(), "overlaps": overlap_words(),
            "page_number": page_number(), "page_size": PAGE_SIZE, "secret": secret, "problem": problem,
            "done": redelivered_words(request.args.get("sent", "")), "form_token": secrets.token_urlsafe(12),
        }  # fmt: skip
    return page("delivery/endpoint.html", status=400 if problem else 201 if secret else 200, **context)


@blueprint.get("/<int:number>/edit")
@rule("change host")
def edit(number: int) -> Response:
    """The form, filled in."""
    with runtime().db.read() as session:
        row = endpoint_of(session, host_id(), number)
    return _form(number, EnteredSubscription(row.url, row.name, tuple(row.types), bool(row.settings.get("names"))), "")


@blueprint.post("/<int:number>/edit")
@rule("change host", widens=True)
def change(number: int) -> Response:
    """Another address or choice."""
    wanted = _entered()
    try:
        subscriptions.change(runtime(), host_id(), number, wanted, who=who())
    except Invalid as error:
        return _form(number, wanted, error.sentence)
    return go(url_for(".show", number=number))


@blueprint.post("/<int:number>/secret")
@rule("change host")
def rotate(number: int) -> Response:
    """A new secret; the answer shows it, this once."""
    overlap = request.form.get("overlap", "")
    secret = subscriptions.rotate(
        runtime(), host_id(), number, overlap=int(overlap) if overlap.isascii() and overlap.isdigit() else -1,
        form=_token(), who=who(),
    )  # fmt: skip
    return _show(number, secret=secret) if secret else go(url_for(".show", number=number))


@blueprint.post("/<int:number>/state")
@rule("change host")
def switch(number: int) -> Response:
    """Pause, or resume."""
    subscriptions.switch(runtime(), host_id(), number, request.form.get("state", ""), who=who())
    nudge()
    return go(url_for(".show", number=number))


@blueprint.post("/<int:number>/ping")
@rule("change host")
def ping(number: int) -> Response:
    """Send a ping and show what came back."""
    n = subscriptions.ping(runtime(), host_id(), number, who=who())
    return go(url_for(".delivery", number=number, n=n))


@blueprint.get("/<int:number>/remove")
@rule("change host")
def ask(number: int) -> Response:
    """Sure?"""
    with runtime().db.read() as session:
        seen = endpoints_seen(session, host_id(), runtime().clock.now(), number)
        row = endpoint_of(session, host_id(), number)
    return page("delivery/endpoint_remove.html", endpoint=row, seen=seen[0])


@blueprint.post("/<int:number>/remove")
@rule("change host")
def remove(number: int) -> Response:
    """Forget it."""
    subscriptions.remove(runtime(), host_id(), number, who=who())
    return go(url_for(".listing"))


@blueprint.post("/<int:number>/redeliver")
@rule("change host")
def redeliver(number: int) -> Response:
    """Send one again, those ticked, or all that failed."""
    action = request.form.get("action", "")
    chosen = [action] if action.isdigit() else request.form.getlist("n")
    if any(not (one.isascii() and one.isdigit() and len(one) < 19) for one in chosen):
        raise Invalid(_("Choose at least one of them."))
    numbers = None if action == "failed" else [int(one) for one in chosen]
    if numbers == []:
        raise Invalid(_("Choose at least one of them."))
    count = subscriptions.redeliver(runtime(), host_id(), number, numbers, who=who())
    nudge()
    return go(url_for(".show", number=number, sent=count))


@blueprint.get("/<int:number>/deliveries/<int:n>")
@rule("see host")
def delivery(number: int, n: int) -> Response:
    """What went out and what came back, attempt by attempt."""
    now = runtime().clock.now()
    with runtime().db.read() as session:
        row = endpoint_of(session, host_id(), number)
        one = delivery_of(session, host_id(), number, n)
        zone = zone_of_host(session, host_id())
    return page(
        "delivery/endpoint_delivery.html", endpoint=row, one=one, zone=zone, now=now, wait=wait_words, states=state_words(),
        request_body=_pretty(one.body), answer=_pretty(one.answer), happened=_happened,
    )  # fmt: skip


def _pretty(text: str) -> str:
    """JSON indented; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _happened(kind: str) -> str:
    """What a type of event tells, in words; empty for those that nobody subscribes to."""
    return next((said for _label, rows in event_groups() for name, said in rows if name == kind), "")
