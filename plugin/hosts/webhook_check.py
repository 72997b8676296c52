"""The checklist of the generic host API: its description, each kind it lists, its webhook, its secrets."""

from __future__ import annotations

from dataclasses import replace

from plugin.core.runtime import Runtime
from plugin.hosts.port import Caps, Check, ConnectionSpec, Garbled, HostTrouble, Locked, Wait
from plugin.hosts.webhook import WebhookHost

NEEDED = ("people",)
"""Kinds without which nobody can be enrolled."""
_API, _WEBHOOK, _HINTS, _ZONE = "Host API", "Webhook", "Signed hints", "Time zone"


def checklist(runtime: Runtime, spec: ConnectionSpec) -> list[Check]:
    """Try a connection piece by piece; every trouble becomes a line with its fix.

    The webhook is tried with a signed call that changes nothing: an empty list of seats.
    """
    if not spec.api_url:
        return [
            Check(_API, None, "No API address is set.", "Enter the address of the host API under Configuration."),
            *_webhook(runtime, spec),
            _hooks(spec),
        ]
    host = WebhookHost(spec, runtime.http, runtime.clock)
    try:
        caps = host.describe()
    except HostTrouble as trouble:
        return [Check(_API, False, trouble.why, _fix(trouble)), *_webhook(runtime, spec), _hooks(spec)]
    title = caps.name or "The host"
    checks = [Check(_API, True, f"{title} answers at {spec.api_url} and accepts the token.")]
    checks += [_kind(host, caps, kind) for kind in sorted({*caps.reads, *NEEDED})]
    return [*checks, _zone(caps), *_webhook(runtime, replace(spec, caps=caps)), _hooks(spec)]


def _fix(trouble: HostTrouble) -> str:
    if isinstance(trouble, Locked):
        return "Enter a token that may read the host API, and check that Muster may reach its address."
    if isinstance(trouble, Wait):
        return "Check the address, and that the host can be reached from here; then test again."
    if isinstance(trouble, Garbled):
        return "Check that the address is that of the host API, version 1, and not of a page for people."
    return "Check the address: it ends before the name of a kind, for example https://lms.example/api/v1."


def _kind(host: WebhookHost, caps: Caps, kind: str) -> Check:
    """Read the first page of a kind and throw it away."""
    name = kind.capitalize()
    if kind not in caps.reads:
        return Check(name, False, f"The host does not offer {kind}.", f"Let the description list '{kind}'.")
    if kind == "enrolments" and not caps.can(kind, "full"):
        return Check(name, True, f"The host offers {kind}, but not all at once.")
    try:
        page = next(iter(host.read(kind)))
    except HostTrouble as trouble:
        return Check(name, False, trouble.why, f"Give the token the right to read {kind}.")
    except StopIteration:
        return Check(name, False, f"The host's answer for {kind} is empty.", "Answer with a page, if an empty one.")
    more = " or more" if page.cursor else ""
    return Check(name, True, f"The host gives {len(page.rows)}{more} {kind}.")


def _zone(caps: Caps) -> Check:
    if caps.time_zone:
        return Check(_ZONE, True, f"Days begin and end by the clock of {caps.time_zone}.")
    return Check(
        _ZONE, None, "The host names no time zone.",
        "Let the description say 'time_zone', or choose one under Configuration.",
    )  # fmt: skip


def _webhook(runtime: Runtime, spec: ConnectionSpec) -> list[Check]:
    if not spec.webhook_url:
        return [Check(_WEBHOOK, None, "No webhook address is set, so nobody can be enrolled.",
                      "Enter the address that takes signed webhooks under Configuration.")]  # fmt: skip
    if not spec.webhook_secret:
        return [Check(_WEBHOOK, False, "There is no webhook secret, so nothing can be signed.",
                      "Make a webhook secret under Configuration and give it to the host.")]  # fmt: skip
    if spec.caps.reads and not spec.caps.writes.get("seats"):
        return [Check(_WEBHOOK, False, "The host does not offer to take enrolments.",
                      "Let the description list 'seats' among its 'writes'.")]  # fmt: skip
    host = WebhookHost(spec, runtime.http, runtime.clock)
    body = host.prepare("seats", [], "")
    try:
        host.send(f"check_{runtime.clock.true()}", "seats", body)
    except Locked as trouble:
        return [Check(_WEBHOOK, False, trouble.why, "Give the host the same webhook secret as Muster has.")]
    except HostTrouble as trouble:
        return [Check(_WEBHOOK, False, trouble.why, "Check the webhook address, and what it answers to no items.")]
    return [Check(_WEBHOOK, True, f"A signed webhook is accepted at {spec.webhook_url}.")]


def _hooks(spec: ConnectionSpec) -> Check:
    if spec.hooks_secret or spec.webhook_secret:
        return Check(_HINTS, True, "Muster verifies the host's signed hints.")
    return Check(
        _HINTS, None, "Muster has no secret to verify the host's hints with; it reads the host by the clock alone.",
        "Make a webhook secret under Configuration.",
    )  # fmt: skip
