"""Hosts › Registration: what LTI knows of a learning site, its deployments, and whether it is let in at all."""

from __future__ import annotations

from flask import Blueprint, Response, g, request, url_for
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.core.errors import Invalid
from plugin.lti import approval
from plugin.mirror.connections.settings import ADDRESSES, change_registration, set_state
from plugin.web.frame.kit import PREFIX, field, go, page, runtime, who
from plugin.web.hosts.host_list import host_of

blueprint = Blueprint("host_registration", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>")


@blueprint.get("/registration")
@rule("see setup")
def show(number: int) -> Response:
    """The registration as it is."""
    return _show(number, {}, "")


def _show(number: int, form: dict[str, str], problem: str) -> Response:
    with runtime().db.read() as session:
        host = host_of(session, number)
        deployments = approval.deployments_of(session, number)
    values = {name: getattr(host, name) or "" for name in ADDRESSES} | form
    return page(
        "hosts/host_registration.html", host=host, deployments=deployments, form=values, problem=problem,
        may_close=g.launch.purpose == "setup", saved=request.args.get("saved") == "1" and not problem,
        status=400 if problem else 200,
    )  # fmt: skip


@blueprint.post("/registration")
@rule("setup", widens=True)
def change(number: int) -> Response:
    """Correct the learning site's addresses. Issuer and client id are what the registration is, and stay."""
    made = runtime()
    form = {name: request.form.get(name, "").strip()[:2000] for name in ADDRESSES}

    def work(session: Session) -> None:
        host_of(session, number)
        change_registration(session, number, form, at=made.clock.now(), who=who())

    try:
        made.db.transact(work)
    except Invalid as error:
        return _show(number, form, error.sentence)
    return go(url_for(".show", number=number, saved=1))


@blueprint.post("/deployments")
@rule("setup", widens=lambda **_address: "add" in request.form or "approve" in request.form)
def deployment(number: int) -> Response:
    """Approve or drop a deployment that a launch named, or add one."""
    named = field("deployment")

    def work(session: Session) -> None:
        host_of(session, number)
        if "add" in request.form:
            approval.add_deployment(session, number, named)
        else:
            approval.decide_deployment(session, number, named, let_in="approve" in request.form)

    try:
        runtime().db.transact(work)
    except Invalid as error:
        return _show(number, {}, error.sentence)
    return go(url_for(".show", number=number, saved=1))


@blueprint.post("/state")
@rule("operator")
def state(number: int) -> Response:
    """Close a learning site off, or let it in again. Its data stays."""
    made, wanted = runtime(), "disabled" if "close" in request.form else "active"

    def work(session: Session) -> None:
        host_of(session, number)
        set_state(session, number, wanted, at=made.clock.now(), who=who())

    made.db.transact(work)
    return go(url_for("hosts.listing"))
