"""Hosts › Connect: addresses to copy, registration by hand, and every setting of a connection."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.core.errors import Invalid, NotFound
from plugin.lti.approval import free_name
from plugin.mirror.connections.settings import (
    Changes,
    change_connection,
    check_address,
    forget_old_secrets,
    new_webhook_secret,
    secrets_held,
)
from plugin.mirror.connections.store import NewHost, add_host, connection_of
from plugin.web.frame.kit import PREFIX, go, page, runtime, who
from plugin.web.frame.reader import own_names
from plugin.web.hosts.host_list import host_of
from plugin.web.hosts.host_settings import read_settings, settings_of
from plugin.web.hosts.host_words import KindWords, kind_words

blueprint = Blueprint("connecting", __name__, url_prefix=f"{PREFIX}/hosts")

MOODLE_PATHS = {"auth_url": "/mod/lti/auth.php", "token_url": "/mod/lti/token.php", "jwks_url": "/mod/lti/certs.php"}
"""Where a Moodle answers below its own address; what is left empty is filled in so."""


def kind_or_404(kind: str) -> KindWords:
    """The words of a kind.

    :raises NotFound: when there is none.
    """
    found = kind_words().get(kind)
    if found is None:
        raise NotFound(_("There is no such kind of learning site."))
    return found


@blueprint.get("/new")
@rule("operator")
def choose() -> Response:
    """Which kind of learning site is it?"""
    return page("hosts/host_choose.html", kinds=kind_words())


@blueprint.get("/new/<kind>")
@rule("operator")
def new(kind: str) -> Response:
    """Addresses to copy, and a form for what the learning site gives in return."""
    return _new(kind, {}, "")


def reached_at(base: str) -> dict[str, str]:
    """What keeps a Moodle from calling an address of ours: a port that is neither 80 nor 443, and a host that is not public."""
    parts = urlsplit(base)
    host, port = parts.hostname or "", str(parts.port or "")
    try:
        private = not ip_address(host).is_global
    except ValueError:
        private = "." not in host or host.endswith((".local", ".internal", ".lan", ".localhost"))
    return {"odd_port": port if port not in ("", "80", "443") else "", "private": host if private else ""}


def _new(kind: str, form: dict[str, str], problem: str) -> Response:
    words = kind_or_404(kind)
    base = runtime().settings.base_url
    return page(
        "hosts/host_new.html",
        kind=kind,
        words=words,
        base=base,
        form=form,
        problem=problem,
        **reached_at(base),
        status=400 if problem else 200,
    )


@blueprint.post("/new/<kind>")
@rule("operator")
def create(kind: str) -> Response:
    """Register a learning site by hand; it may launch at once."""
    kind_or_404(kind)
    form = {name: request.form.get(name, "").strip()[:1000] for name in request.form}
    made = runtime()

    def work(session: Session) -> int:
        return add_host(session, _entered(session, kind, form), made.clock.now()).id

    try:
        number = made.db.transact(work)
    except Invalid as error:
        return _new(kind, form, error.sentence)
    return go(url_for(".configuration", number=number))


def _entered(session: Session, kind: str, form: dict[str, str]) -> NewHost:
    """What was entered, checked.

    :raises Invalid: naming what is missing or wrong.
    """
    issuer, client = form.get("issuer", "").rstrip(), form.get("client_id", "")
    if kind == "moodle":
        issuer = issuer.rstrip("/")
    if not issuer or not client:
        raise Invalid(_("Enter the issuer and the client id that the learning site gave to Muster."))
    check_address(_("issuer"), issuer)
    if len(issuer) > 500 or len(client) > 255 or len(form.get("deployment", "")) > 255:
        raise Invalid(_("The issuer, client id or deployment id is too long."))
    addresses: dict[str, Any] = {}
    for name, label in (("auth_url", _("authorisation address")), ("token_url", _("token address")),
                        ("jwks_url", _("key set address"))):  # fmt: skip
        entered = form.get(name, "") or (issuer + MOODLE_PATHS[name] if kind == "moodle" else "")
        check_address(label, entered)
        addresses[name] = entered
    name = form.get("name", "") or free_name(session, issuer)
    return NewHost(
        name=name, issuer=issuer, client_id=client, deployment=form.get("deployment", ""), kind=kind, **addresses
    )


@blueprint.get("/<int:number>/configuration")
@rule("see setup")
def configuration(number: int) -> Response:
    """Every setting of a connection; secrets can be written, never read."""
    return _configuration(number, None, "")


def _configuration(
    number: int, form: dict[str, str] | None, problem: str, secret: str = "", status: int | None = None
) -> Response:
    made = runtime()
    with made.db.read() as session:
        host = host_of(session, number)
        connection = connection_of(session, number)
    kind = (form or {}).get("kind") or request.args.get("kind") or connection.kind
    kinds = kind_words()
    if kind not in kinds:
        kind = connection.kind
    values = {
        "title": host.title, "time_zone": host.time_zone, "language": host.language, "api_url": connection.api_url,
        "webhook_url": connection.webhook_url, **(form or {}),
    }  # fmt: skip
    if kind == "moodle" and form is None and not connection.api_url:
        values["api_url"] = host.issuer or ""  # a Moodle is its own issuer
    return page(
        "hosts/host_configuration.html", host=host, connection=connection, kind=kind, kinds=kinds, words=kinds[kind],
        form=values, settings=settings_of(kind, connection.settings, form), held=secrets_held(connection),
        base=made.settings.base_url, problem=problem, secret=secret, languages=own_names(),
        saved=request.args.get("saved") == "1" and not problem and not secret,
        status=status or (400 if problem else 200),
    )  # fmt: skip


@blueprint.post("/<int:number>/configuration")
@rule("setup", widens=True)
def configure(number: int) -> Response:
    """Save it, and go on to the checklist."""
    made = runtime()
    form = {name: request.form.get(name, "").strip()[:4000] for name in request.form}

    def work(session: Session) -> None:
        host_of(session, number)
        change_connection(session, number, _changes(form), at=made.clock.now(), who=who())

    try:
        made.db.transact(work)
    except Invalid as error:
        for name in ("api_token", "webhook_secret", "hooks_secret"):
            form.pop(name, None)
        return _configuration(number, form, error.sentence)
    return go(url_for("checking.show", number=number, saved=1))


def _changes(form: dict[str, str]) -> Changes:
    """The form as changes; an empty secret keeps what is stored, a tick removes it."""
    kind = form.get("kind", "")
    offers = kind_or_404(kind).offers
    if any(len(form.get(name, "")) > 1000 for name in ("api_url", "webhook_url", "title")):
        raise Invalid(_("An address or a name is too long."))
    secrets: dict[str, str | None] = {}
    for name, part in (("api_token", "token"), ("webhook_secret", "secret"), ("hooks_secret", "hooks")):
        entered = form.get(name, "") if part in offers else ""
        secrets[name] = "" if part in offers and f"forget_{name}" in form else entered or None
    if "token" not in offers:
        secrets["api_token"] = ""  # nothing would use it
    return Changes(
        kind=kind, api_url=form.get("api_url", "") if "api" in offers else "",
        webhook_url=form.get("webhook_url", "") if "webhook" in offers else "",
        title=form.get("title", "")[:255], time_zone=form.get("time_zone", "")[:64],
        language=form.get("language"), settings=read_settings(kind, form), **secrets,
    )  # fmt: skip


@blueprint.post("/<int:number>/secret")
@rule("setup")
def secret(number: int) -> Response:
    """Make a webhook secret, shown on this answer and never again; or forget the ones before it."""
    made = runtime()
    forget = "forget" in request.form

    def work(session: Session) -> str:
        host_of(session, number)
        if forget:
            forget_old_secrets(session, number, at=made.clock.now(), who=who())
            return ""
        return new_webhook_secret(session, number, at=made.clock.now(), who=who())

    shown = made.db.transact(work)
    if forget:
        return go(url_for(".configuration", number=number, saved=1))
    return _configuration(number, None, "", secret=shown)


_OF_THE_HOST = (
    "sources",
    "rights",
    "four_eyes",
    "traces",
    "retention",
    "messages",
    "incoming",
    "data_problems",
    "tokens",
)
"""Pages that are none of an operator's business."""


def steps(number: int) -> list[dict[str, Any]]:
    """The pages of one host."""
    found = [
        {"name": "configuration", "label": _("Configuration"), "address": url_for("connecting.configuration", number=number)},
        {"name": "registration", "label": _("Registration"), "address": url_for("host_registration.show", number=number)},
        {"name": "mapping", "label": _("Mapping"), "address": url_for("mapping.show", number=number)},
        {"name": "sources", "label": _("Sources"), "address": url_for("sources.listing", number=number)},
        {"name": "rights", "label": _("People with rights"), "address": url_for("rights.show", number=number)},
        {"name": "four_eyes", "label": _("Four eyes"), "address": url_for("four_eyes.show", number=number)},
        {"name": "traces", "label": _("Traces"), "address": url_for("traces.show", number=number)},
        {"name": "retention", "label": _("Retention"), "address": url_for("personal.keeping", number=number)},
        {"name": "messages", "label": _("Messages"), "address": url_for("host_messages.show", number=number)},
        {"name": "incoming", "label": _("Incoming"), "address": url_for("incoming.show", number=number)},
        {"name": "data_problems", "label": _("Data problems"), "address": url_for("data_problems.show", number=number)},
        {"name": "tokens", "label": _("Tokens"), "address": url_for("tokens.show", number=number)},
        {"name": "test", "label": _("Checklist"), "address": url_for("checking.show", number=number)},
    ]  # fmt: skip
    return found if g.launch.rights.sees_host else [one for one in found if one["name"] not in _OF_THE_HOST]


@blueprint.app_context_processor
def _offer_steps() -> dict[str, Any]:
    return {"host_steps": steps}
