"""The checklist of the generic host API: its description, each kind it lists, its webhook, its secrets."""

from __future__ import annotations

from dataclasses import replace

from flask_babel import gettext as _

from plugin.core.days import known_zone
from plugin.core.runtime import Runtime
from plugin.core.text.texts import shown
from plugin.hosts.port import Caps, Check, ConnectionSpec, Garbled, HostTrouble, Locked, Wait
from plugin.hosts.webhook import WebhookHost

NEEDED = ("people",)
"""Kinds without which nobody can be enrolled."""


def checklist(runtime: Runtime, spec: ConnectionSpec) -> list[Check]:
    """Try a connection piece by piece; every trouble becomes a line with its fix.

    The webhook is tried with a signed call that changes nothing: an empty list of seats.
    """
    api = _("Host API")
    if not spec.api_url:
        fix = _("Enter the address of the host API under Configuration.")
        return [Check(api, None, _("No API address is set."), fix), *_webhook(runtime, spec), _hooks(spec)]
    host = WebhookHost(spec, runtime.http, runtime.clock)
    try:
        caps = host.describe()
    except HostTrouble as trouble:
        return [Check(api, False, trouble.why, _fix(trouble)), *_webhook(runtime, spec), _hooks(spec)]
    about = {"name": caps.name or _("The host"), "url": spec.api_url}
    checks = [Check(api, True, _("%(name)s answers at %(url)s and accepts the token.", **about))]
    checks += [_kind(host, caps, kind) for kind in sorted({*caps.reads, *NEEDED})]
    return [*checks, _zone(caps), *_webhook(runtime, replace(spec, caps=caps)), _hooks(spec)]


def _fix(trouble: HostTrouble) -> str:
    if isinstance(trouble, Locked):
        words = _("Enter a token that may read the host API, and check that Muster may reach its address.")
    elif isinstance(trouble, Wait):
        words = _("Check the address, and that the host can be reached from here; then test again.")
    elif isinstance(trouble, Garbled):
        words = _("Check that the address is that of the host API, version 1, and not of a page for people.")
    else:
        words = _("Check the address: it ends before the name of a kind, for example https://lms.example/api/v1.")
    return str(words)


def _kind(host: WebhookHost, caps: Caps, kind: str) -> Check:
    """Read the first page of a kind and throw it away."""
    name, about = kind.capitalize(), {"kind": kind}  # as the host's description calls it
    if kind not in caps.reads:
        fix = _("Let the description list '%(kind)s'.", **about)
        return Check(name, False, _("The host does not offer %(kind)s.", **about), fix)
    if kind == "enrolments" and not caps.can(kind, "full"):
        return Check(name, True, _("The host offers %(kind)s, but not all at once.", **about))
    try:
        page = next(iter(host.read(kind)))
    except HostTrouble as trouble:
        return Check(name, False, trouble.why, _("Give the token the right to read %(kind)s.", **about))
    except StopIteration:
        fix = _("Answer with a page, if an empty one.")
        return Check(name, False, _("The host's answer for %(kind)s is empty.", **about), fix)
    if page.cursor:
        return Check(name, True, _("The host gives %(number)s or more %(kind)s.", number=len(page.rows), **about))
    return Check(name, True, _("The host gives %(number)s %(kind)s.", number=len(page.rows), **about))


def _zone(caps: Caps) -> Check:
    name = _("Time zone")
    if caps.time_zone and not known_zone(caps.time_zone, ""):
        said = _("'%(zone)s' is no time zone; write one like Europe/London.", zone=shown(caps.time_zone))
        return Check(name, False, said, _("Let the description say 'time_zone', or choose one under Configuration."))
    if caps.time_zone:
        return Check(name, True, _("Days begin and end by the clock of %(zone)s.", zone=caps.time_zone))
    fix = _("Let the description say 'time_zone', or choose one under Configuration.")
    return Check(name, None, _("The host names no time zone."), fix)


def _webhook(runtime: Runtime, spec: ConnectionSpec) -> list[Check]:
    name = _("Webhook")
    if not spec.webhook_url:
        return [Check(name, None, _("No webhook address is set, so nobody can be enrolled."),
                      _("Enter the address that takes signed webhooks under Configuration."))]  # fmt: skip
    if not spec.webhook_secret:
        return [Check(name, False, _("There is no webhook secret, so nothing can be signed."),
                      _("Make a webhook secret under Configuration and give it to the host."))]  # fmt: skip
    if spec.caps.reads and not spec.caps.writes.get("seats"):
        return [Check(name, False, _("The host does not offer to take enrolments."),
                      _("Let the description list 'seats' among its 'writes'."))]  # fmt: skip
    host = WebhookHost(spec, runtime.http, runtime.clock)
    body = host.prepare("seats", [], "")
    try:
        host.send(f"check_{runtime.clock.true()}", "seats", body)
    except Locked as trouble:
        return [Check(name, False, trouble.why, _("Give the host the same webhook secret as Muster has."))]
    except HostTrouble as trouble:
        return [Check(name, False, trouble.why, _("Check the webhook address, and what it answers to no items."))]
    return [Check(name, True, _("A signed webhook is accepted at %(url)s.", url=spec.webhook_url))]


def _hooks(spec: ConnectionSpec) -> Check:
    name = _("Signed hints")
    if spec.hooks_secret or spec.webhook_secret:
        return Check(name, True, _("Muster verifies the host's signed hints."))
    return Check(
        name, None,
        _("Muster has no secret to verify the host's hints with; it reads the host by the clock alone."),
        _("Make a webhook secret under Configuration."),
    )  # fmt: skip
