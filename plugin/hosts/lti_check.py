"""The checklist of a registration: the platform's keys, a token from it, its deployments."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask_babel import gettext as _

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
    name = _("Keys of the learning site")
    try:
        KeySets(runtime.http).key(host.jwks_url or "", "")
    except LtiRejected as error:
        if error.code != "key_unknown":  # no key has an empty name: the set itself was read
            return Check(
                name, False,
                _("The key set at %(url)s cannot be read, so no launch can be verified.", url=host.jwks_url),
                _("Check the key set address, and that Muster can reach it."),
            )  # fmt: skip
    return Check(name, True, _("The key set at %(url)s can be read.", url=host.jwks_url))


def _deployments(host: Host, deployments: Sequence[str]) -> Check:
    name = _("Launch")
    if host.settings.get("launched"):
        return Check(name, True, _("Muster was opened from this learning site."))
    if deployments:
        listed = ", ".join(deployments[:5])
        sentence = _("Deployment %(listed)s is approved. Nobody has opened Muster from there yet.", listed=listed)
    else:
        sentence = _("No deployment is known; the first launch brings it.")
    return Check(name, None, sentence, _("Open Muster from the learning site, as an administrator."))


def _port(base: str) -> str:
    """What to write there, where the port is one that Moodle does not call."""
    port = urlsplit(base).port
    return (
        "" if port in (None, 80, 443) else " " + _("(allowed ports: 443, 80 and %(port)s, each on a line)", port=port)
    )


def _token(runtime: Runtime, host: Host) -> Check:
    """A fresh token proves that the platform reads our key set and knows our client id."""
    name = _("LTI services")
    forget_token(host, [NRPS_SCOPE])
    try:
        service_token(runtime, host, [NRPS_SCOPE])
    except ServiceTrouble as trouble:
        ours = f"{runtime.settings.base_url}/lti/jwks"
        return Check(
            name, False if trouble.permanent else None, trouble.why,
            _(
                "The learning site must be able to read %(url)s. Moodle refuses private addresses and ports other than 80"
                " and 443: allow Muster's under Site administration › General › Security › HTTP security%(port)s. Only names and"
                " roles, and reporting results, need this.", url=ours, port=_port(runtime.settings.base_url),
            ),
        )  # fmt: skip
    return Check(name, True, _("The learning site reads Muster's keys and gives it a token for names and roles."))
