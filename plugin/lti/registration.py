"""Dynamic registration (1EdTech LTI Dynamic Registration 1.0): a platform hands over two addresses, we register there.

Whoever opens the page names the addresses, so all of it goes through the guarded way out, and what comes of it is
*pending* until somebody else approves it (:mod:`plugin.lti.approval`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from plugin.core.database.tenant import across
from plugin.core.network.http import CallFailed, HttpAnswer
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.core.text.stored import later
from plugin.lti.approval import NewRegistration, add_pending
from plugin.lti.errors import LtiRejected
from plugin.lti.login import launch_address
from plugin.lti.services import AGS_SCOPES, NRPS_SCOPE

PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
CLAIMS = ("iss", "sub", "name", "given_name", "family_name", "email", "locale")
SCOPES = (NRPS_SCOPE, *AGS_SCOPES)
_LONGEST, _LARGEST, _DEADLINE = 2000, 200_000, 15


@dataclass(frozen=True)
class Registered:
    """What became of a registration.

    :ivar refused: services we asked for and were not given, by the last word of their scope.
    """

    host_id: int
    issuer: str
    product: str
    deployment: str
    refused: tuple[str, ...]


@dataclass(frozen=True)
class _Platform:
    issuer: str
    registration: str
    auth: str
    token: str
    audience: str
    keys: str
    scopes: tuple[str, ...]
    product: str
    version: str


def register(runtime: Runtime, openid_configuration: str, token: str = "", *, invited: bool = False) -> Registered:
    """Register Muster at a platform and keep the registration, pending.

    :param openid_configuration: address of the platform's OpenID configuration, as it was handed to us.
    :param token: the platform's registration token; sent to the platform's own host only.
    :param invited: whether the address it came by carries a token of ours.
    :raises LtiRejected: with a sentence for each thing that can be wrong; then nothing is kept.
    """
    _check_address(runtime, openid_configuration, "openid_configuration")
    if len(token) > 16_000:
        raise LtiRejected("token_too_long", "The registration token is too long.")
    platform = _platform(runtime, openid_configuration, _configuration(runtime, openid_configuration, token))
    asked = tuple(scope for scope in SCOPES if not platform.scopes or scope in platform.scopes)
    reply = _post(runtime, platform, tool_configuration(runtime, asked), token)
    client_id = reply.get("client_id")
    if not isinstance(client_id, str) or not client_id or len(client_id) > 255:
        raise LtiRejected("client_id_missing", "The learning site registered Muster but gave it no client id.", 502)
    tool = reply.get(TOOL)
    deployment = str(tool.get("deployment_id") or "")[:255] if isinstance(tool, dict) else ""
    granted = reply["scope"].split() if isinstance(reply.get("scope"), str) else asked
    refused = tuple(scope.rsplit("/", 1)[-1] for scope in SCOPES if scope not in asked or scope not in granted)
    new = NewRegistration(
        issuer=platform.issuer, client_id=client_id, deployment=deployment, auth_url=platform.auth,
        token_url=platform.token, token_audience=platform.audience, jwks_url=platform.keys,
        about={"product": platform.product, "version": platform.version, "refused": list(refused)},
    )  # fmt: skip

    def work(session: Session) -> Host:
        return add_pending(session, new, runtime.clock.now(), invited=invited)

    with across("a registration before it has a host"):
        host = runtime.db.transact(work)
    return Registered(host.id, platform.issuer, platform.product, deployment, refused)


def tool_configuration(runtime: Runtime, scopes: tuple[str, ...]) -> dict[str, Any]:
    """What we ask to be registered as (LTI Dynamic Registration §3.5.2, §3.6)."""
    base, launch = runtime.settings.base_url, launch_address(runtime)
    return {
        "application_type": "web", "response_types": ["id_token"], "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": f"{base}/lti/login", "redirect_uris": [launch], "client_name": "Muster",
        "client_uri": base, "logo_uri": f"{base}/lti/icon.svg",
        "jwks_uri": f"{base}/lti/jwks", "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(scopes),
        TOOL: {
            "domain": urlsplit(base).netloc, "target_link_uri": launch, "custom_parameters": {}, "claims": list(CLAIMS),
            "description": "Assigns learners to certifications and keeps their enrolments true.",
            "messages": [{"type": "LtiResourceLinkRequest", "target_link_uri": launch, "label": "Muster"}],
        },
    }  # fmt: skip


def _configuration(runtime: Runtime, address: str, token: str) -> dict[str, Any]:
    """The platform's OpenID configuration; asked for without the token first, since only some want it here."""
    answer = _get(runtime, address, {})
    if answer.status in (401, 403) and token:
        answer = _get(runtime, address, {"Authorization": f"Bearer {token}"})
    if not answer.ok:
        raise LtiRejected(
            "configuration_status", later(
                "The learning site's configuration could not be read: it answered %(status)s.", status=answer.status
            ),
            502,
        )  # fmt: skip
    document = _object(answer)
    if document is None:
        raise LtiRejected(
            "configuration_garbled",
            "What the learning site gave as its configuration is not a JSON object. Perhaps it is a page to log in.",
            502,
        )
    return document


def _get(runtime: Runtime, address: str, headers: Mapping[str, str]) -> HttpAnswer:
    try:
        return runtime.http.get(
            address, headers={"Accept": "application/json", **headers}, max_bytes=_LARGEST, deadline=_DEADLINE
        )
    except CallFailed as failure:
        raise _unreachable("configuration_unreachable", failure) from None


def _unreachable(code: str, failure: CallFailed) -> LtiRejected:
    if failure.blocked:
        return LtiRejected(
            "address_blocked", "Muster does not call this address: it is not one of the public internet."
        )
    return LtiRejected(
        code, later("The learning site cannot be reached from Muster. %(what)s", what=failure.reason), 502
    )


def _platform(runtime: Runtime, address: str, document: Mapping[str, Any]) -> _Platform:
    """The parts we need, each checked. The issuer must live where its configuration does (§3.5.1)."""
    names = ("issuer", "registration_endpoint", "authorization_endpoint", "token_endpoint", "jwks_uri")
    found = {name: document.get(name) for name in names}
    for name, value in found.items():
        if not isinstance(value, str) or not value:
            raise LtiRejected(
                "configuration_incomplete", later("The learning site's configuration lacks '%(name)s'.", name=name), 502
            )
        _check_address(runtime, value, name)
    values = {name: str(value) for name, value in found.items()}
    if len(values["issuer"]) > 500 or any(len(value) > 1000 for value in values.values()):
        raise LtiRejected("configuration_too_long", "An address in the learning site's configuration is too long.", 502)
    for name in ("issuer", "registration_endpoint"):
        if _where(values[name]) != _where(address):
            raise LtiRejected(
                "hosts_differ",
                later(
                    "The configuration at %(what)s names %(what2)s as its %(name)s. A learning site can register only itself.",
                    what=_where(address),
                    what2=_where(values[name]),
                    name=name,
                ),
            )
    methods = document.get("token_endpoint_auth_methods_supported")
    if isinstance(methods, list) and "private_key_jwt" not in methods:
        raise LtiRejected("no_private_key_jwt", "The learning site does not offer tokens by 'private_key_jwt'.", 502)
    about = document.get(PLATFORM)
    about = about if isinstance(about, dict) else {}
    _check_messages(about)
    scopes = document.get("scopes_supported")
    return _Platform(
        values["issuer"], values["registration_endpoint"], values["authorization_endpoint"], values["token_endpoint"],
        str(document.get("authorization_server") or "")[:1000], values["jwks_uri"],
        tuple(one for one in scopes if isinstance(one, str)) if isinstance(scopes, list) else (),
        str(about.get("product_family_code") or "")[:64], str(about.get("version") or "")[:64],
    )  # fmt: skip


def _check_messages(about: Mapping[str, Any]) -> None:
    """A platform that lists its messages must know the launch."""
    listed = about.get("messages_supported")
    if not isinstance(listed, list) or not listed:
        return
    if not any(isinstance(one, dict) and one.get("type") == "LtiResourceLinkRequest" for one in listed):
        raise LtiRejected("no_launches", "The learning site does not offer launches (LtiResourceLinkRequest).", 502)


def _check_address(runtime: Runtime, address: str, name: str) -> None:
    """An address that may be called: https (http in development), with a host, without a password in it.

    :raises LtiRejected: naming the field.
    """
    allowed = ("https", "http") if runtime.settings.development else ("https",)
    try:
        parts = urlsplit(address)
        fits = parts.scheme in allowed and bool(parts.hostname) and parts.username is None and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or len(address) > _LONGEST or any(letter.isspace() or ord(letter) < 32 for letter in address):
        raise LtiRejected("address_wrong", later("'%(name)s' is not an address that begins with https://.", name=name))


def _where(address: str) -> str:
    """Host and port, with the scheme's own port spelt out."""
    parts = urlsplit(address)
    return f"{(parts.hostname or '').lower()}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _post(runtime: Runtime, platform: _Platform, tool: Mapping[str, Any], token: str) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        answer = runtime.http.post(
            platform.registration, data=json.dumps(tool).encode(), headers=headers, max_bytes=_LARGEST,
            deadline=_DEADLINE,
        )  # fmt: skip
    except CallFailed as failure:
        raise _unreachable("registration_unreachable", failure) from None
    document = _object(answer)
    if answer.status in (401, 403):
        raise LtiRejected(
            "token_refused",
            "The learning site did not accept the registration token: each can be used once, and not for long."
            " Begin the registration again from there.",
            502,
        )
    if not answer.ok:
        raise LtiRejected(
            "registration_refused",
            later("The learning site refused to register Muster: %(what)s.", what=_said(answer, document)),
            502,
        )
    if document is None:
        raise LtiRejected("registration_garbled", "The learning site's answer to the registration is not JSON.", 502)
    return document


def _said(answer: HttpAnswer, document: Mapping[str, Any] | None) -> str:
    """The platform's own reason, where it is short and plain."""
    reason = (document or {}).get("error_description") or (document or {}).get("error")
    if document is None and len(answer.body) <= 200 and b"<" not in answer.body:
        reason = answer.body.decode("utf-8", "replace").strip()  # Moodle says it in plain text
    return str(reason)[:200].rstrip(".") if reason else f"it answered {answer.status}"


def _object(answer: HttpAnswer) -> dict[str, Any] | None:
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
