"""The checklist of a registration: the platform's keys, a token from it, its deployments."""

from __future__ import annotations

from collections.abc import Sequence

from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.hosts.port import Check
from plugin.lti.errors import LtiRejected
from plugin.lti.keysets import KeySets
from plugin.lti.services import NRPS_SCOPE, ServiceTrouble, forget_token, service_token


def registration_checks(runtime: Runtime, host: Host, deployments: Sequence[str]) -> list[Check]:
    """Try what a launch and the LTI services need.

    :param deployments: those approved.
    """
    return [_keys(runtime, host), _deployments(host, deployments), _token(runtime, host)]


def _keys(runtime: Runtime, host: Host) -> Check:
    name = "Keys of the learning site"
    try:
        KeySets(runtime.http).key(host.jwks_url or "", "")
    except LtiRejected as error:
        if error.code != "key_unknown":  # no key has an empty name: the set itself was read
            return Check(
                name, False, f"The key set at {host.jwks_url} cannot be read, so no launch can be verified.",
                "Check the key set address, and that Muster can reach it.",
            )  # fmt: skip
    return Check(name, True, f"The key set at {host.jwks_url} can be read.")


def _deployments(host: Host, deployments: Sequence[str]) -> Check:
    name = "Launch"
    if host.settings.get("launched"):
        return Check(name, True, "Muster was opened from this learning site.")
    if deployments:
        listed = ", ".join(deployments[:5])
        return Check(
            name, None, f"Deployment {listed} is approved. Nobody has opened Muster from there yet.",
            "Open Muster from the learning site, as an administrator.",
        )  # fmt: skip
    return Check(
        name, None, "No deployment is known; the first launch brings it.",
        "Open Muster from the learning site, as an administrator.",
    )  # fmt: skip


def _token(runtime: Runtime, host: Host) -> Check:
    """A fresh token proves that the platform reads our key set and knows our client id."""
    name = "LTI services"
    forget_token(host, [NRPS_SCOPE])
    try:
        service_token(runtime, host, [NRPS_SCOPE])
    except ServiceTrouble as trouble:
        ours = f"{runtime.settings.base_url}/lti/jwks"
        return Check(
            name, False if trouble.permanent else None, trouble.why,
            f"The learning site must be able to read {ours}. Moodle refuses private addresses and ports other than 80 and"
            " 443: allow Muster's under Site administration › Security › HTTP security. Only names and roles, and reporting"
            " results, need this.",
        )  # fmt: skip
    return Check(name, True, "The learning site reads Muster's keys and gives it a token for names and roles.")
