"""Which dialect speaks to a connection."""

from __future__ import annotations

from collections.abc import Callable

from plugin.core.clock import Clock
from plugin.core.errors import Invalid
from plugin.core.network.http import Outbound
from plugin.core.runtime import Runtime
from plugin.hosts import nrps, webhook_check, webhook_mapping
from plugin.hosts.moodle import check as moodle_check
from plugin.hosts.moodle import sampling as moodle_sampling
from plugin.hosts.moodle.host import MoodleHost
from plugin.hosts.port import Check, ConnectionSpec, HostDialect
from plugin.hosts.preview import Mapper
from plugin.hosts.webhook import WebhookHost

DIALECTS: dict[str, Callable[[ConnectionSpec, Outbound, Clock], HostDialect]] = {
    "webhook": WebhookHost,
    "moodle": MoodleHost,
    "nrps": nrps.NrpsHost,
}
CHECKLISTS: dict[str, Callable[[Runtime, ConnectionSpec], list[Check]]] = {
    "webhook": webhook_check.checklist,
    "moodle": moodle_check.checklist,
    "nrps": nrps.checklist,
}
MAPPERS: dict[str, Mapper] = {"webhook": webhook_mapping.MAPPER, "moodle": moodle_sampling.MAPPER}
"""Kinds that have something to map; for the others everything comes as it is."""


def open_host(spec: ConnectionSpec, http: Outbound, clock: Clock) -> HostDialect:
    """A host ready to be asked; nothing is connected to yet.

    :raises Invalid: for a kind we have no dialect for.
    """
    if spec.kind not in DIALECTS:
        raise Invalid(f"'{spec.kind}' is no kind of host; use one of {', '.join(sorted(DIALECTS))}.")
    return DIALECTS[spec.kind](spec, http, clock)


def checklist(runtime: Runtime, spec: ConnectionSpec) -> list[Check]:
    """Try each piece of a connection; what a host answers becomes a sentence, never an error.

    :raises Invalid: for a kind we have no dialect for.
    """
    if spec.kind not in CHECKLISTS:
        raise Invalid(f"'{spec.kind}' is no kind of host; use one of {', '.join(sorted(CHECKLISTS))}.")
    return CHECKLISTS[spec.kind](runtime, spec)
