"""Hosts › Messages: how the messages of a learning site go out, and trying it."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.errors import Invalid
from plugin.delivery.messages.channels import SECURITY, change_channel, channel_of, from_form, new_secret, try_mail
from plugin.web.frame.kit import PREFIX, go, nudge, page, runtime, who
from plugin.web.hosts.host_list import host_of

blueprint = Blueprint("host_messages", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/messages")

_FIELDS = ("kind", "url", "server", "port", "security", "username", "sender", "sender_name")


@blueprint.get("")
@rule("see host")
def show(number: int) -> Response:
    """The choice, and what each way needs."""
    return _show(number, None, "")


def _show(
    number: int, form: dict[str, str] | None, problem: str, *, secret: str = "", tried: tuple[bool, str] | None = None,
    to: str = "",
) -> Response:  # fmt: skip
    made = runtime()
    with made.db.read() as session:
        host = host_of(session, number)
        row = channel_of(session, number)
    return page(
        "hosts/host_messages.html", host=host, channel=row, problem=problem, secret=secret, tried=tried, to=to,
        form=form or {name: getattr(row, name) for name in _FIELDS}, security=SECURITY,
        own=made.settings.smtp_url is not None, mail_from=made.settings.mail_from,
        saved=request.args.get("saved") == "1" and not (problem or secret or tried), status=400 if problem else 200,
    )  # fmt: skip


@blueprint.post("")
@rule("change host", widens=True)
def change(number: int) -> Response:
    """Save it; what was not sent yet goes this way."""
    made, by = runtime(), who()
    entered = from_form(request.form)
    with made.db.read() as session:
        host_of(session, number)
    try:
        made.db.transact(lambda session: change_channel(session, made, number, entered, who=by))
    except Invalid as error:
        form = {name: request.form.get(name, "")[:1000] for name in _FIELDS}
        return _show(number, form, error.sentence)
    nudge()
    return go(url_for(".show", number=number, saved=1))


@blueprint.post("/secret")
@rule("change host")
def secret(number: int) -> Response:
    """Make a secret for the webhook, shown on this answer and never again."""
    made, by = runtime(), who()
    with made.db.read() as session:
        host_of(session, number)
    shown = made.db.transact(lambda session: new_secret(session, made, number, who=by))
    return _show(number, None, "", secret=shown)


@blueprint.post("/test")
@rule("change host")
def test(number: int) -> Response:
    """Send a letter to an address now, and say what the server said."""
    with runtime().db.read() as session:
        host_of(session, number)
    to = request.form.get("to", "").strip()[:255]
    taken, said = try_mail(runtime(), number, to)
    words = _("The mail server took it. Look into the mailbox of %(to)s.", to=to) if taken else said
    return _show(number, None, "", tried=(taken, words), to=to)
