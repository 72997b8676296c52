"""The second half of a launch: the platform's signed message, verified.

PyLTI1p3 is wrapped by subclasses; every check it lacks or gets wrong is made here (LTI Security Framework §5.1.3).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from pylti1p3.deployment import Deployment as LibDeployment
from pylti1p3.exception import LtiException
from pylti1p3.message_launch import MessageLaunch
from pylti1p3.registration import Registration
from pylti1p3.tool_config import ToolConfAbstract
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.core.text.texts import clean, clean_tree, usable
from plugin.lti.approval import learn_deployment
from plugin.lti.errors import LtiRejected
from plugin.lti.keysets import KeySets
from plugin.lti.login import digest, is_ours
from plugin.lti.shims import Bound, Form, NoCookies
from plugin.lti.tables import Deployment, Nonce

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
LEEWAY = 10
LONGEST_TOKEN = 65536
OLDEST, LONGEST_LIFE = 3600, 7200
_OBJECTS = ("resource_link", "context", "custom", "launch_presentation", "tool_platform", "lis")


@dataclass(frozen=True)
class Launched:
    """A verified launch, as values."""

    host_id: int
    issuer: str
    subject: str
    name: str
    roles: tuple[str, ...]
    locale: str
    context: str
    return_url: str
    document_target: str
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LoginRow:
    """The login this launch belongs to, read and not yet used up."""

    state: str
    host_id: int
    nonce: str
    secret: str
    storage: str


def find_login(runtime: Runtime, state: str) -> LoginRow:
    """The login of a state.

    :raises LtiRejected: when there is none, or it took too long.
    """
    with runtime.db.read() as session:
        row = session.get(Nonce, digest(state)) if state else None
    if row is None or row.kind != "login" or row.expires < runtime.clock.true():
        raise LtiRejected("state_unknown", "This launch was opened twice, or took too long. Open Muster again.")
    return LoginRow(state, int(row.data["host"]), row.data["nonce"], row.data["secret"], row.data["storage"])


def verify_launch(runtime: Runtime, keysets: KeySets, login: LoginRow, id_token: str) -> Launched:
    """Verify a platform's message; nothing is used up yet (see :func:`use_up`).

    :raises LtiRejected: with a code for each thing that can be wrong.
    """
    if not id_token:
        raise LtiRejected("token_missing", "The learning site sent no launch.")
    if len(id_token) > LONGEST_TOKEN:
        raise LtiRejected("token_too_long", "The learning site's launch is too long.")
    with runtime.db.read() as session:
        registrations = _Registrations(session, login)
        try:
            message = _Launch(Form(id_token, login.state), registrations, keysets)
            claims = message.set_login(login, runtime).get_launch_data()
        except LtiRejected:
            raise
        except LtiException as error:
            raise LtiRejected(_code(error), _sentence(error)) from None
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
            raise LtiRejected(
                "not_lti", "The learning site's message is not a launch that Muster understands."
            ) from None
    if registrations.unknown:
        _learn_deployment(runtime, login.host_id, registrations.unknown)
    return _launched(login.host_id, claims)


def _learn_deployment(runtime: Runtime, host_id: int, deployment: str) -> None:
    """The message is genuine, but of a deployment nobody named: let in the first, keep the others for approval."""
    if not runtime.db.transact(lambda session: learn_deployment(session, host_id, deployment)):
        raise LtiRejected(
            "deployment_pending",
            "Muster is not let into this part of the learning site yet. Whoever runs Muster does that under Hosts.",
            403,
        )


def use_up(session: Session, login: LoginRow) -> None:
    """Use up the login: state and nonce open one session, once.

    :raises LtiRejected: when somebody was faster.
    """
    gone = session.execute(
        delete(Nonce).where(Nonce.digest == digest(login.state), Nonce.kind == "login").returning(Nonce.digest)
    ).first()
    if gone is None:
        raise LtiRejected("replayed", "This launch was opened already. Open Muster again.")


def _launched(host_id: int, claims: Mapping[str, Any]) -> Launched:
    claims = _cleaned(claims)
    presentation = claims.get(CLAIM + "launch_presentation") or {}
    context = claims.get(CLAIM + "context") or {}
    name = claims.get("name") or " ".join(
        str(claims[part]) for part in ("given_name", "family_name") if claims.get(part)
    )
    return Launched(
        host_id=host_id,
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        name=clean(str(name)),
        roles=tuple(str(role) for role in claims[CLAIM + "roles"]),
        locale=clean(str(presentation.get("locale") or claims.get("locale") or ""), 16),
        context=str(context.get("id")) if usable(context.get("id")) else "",
        return_url=str(presentation.get("return_url") or "")[:2000],
        document_target=str(presentation.get("document_target") or "")[:16],
        claims=claims,
    )


def _cleaned(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims as text that can be kept, ids of people and places as they are: a cleaned id would be another's.

    A place whose id nobody can keep is left out.
    """
    places = (CLAIM + "context", CLAIM + "resource_link")
    found: dict[str, Any] = {**clean_tree(claims, most=4000), "sub": claims["sub"]}
    for name in places:
        place = claims.get(name)
        if isinstance(place, dict) and usable(place.get("id")):
            found[name]["id"] = place["id"]
        elif isinstance(place, dict):
            del found[name]
    return found


def _code(error: LtiException) -> str:
    words = "".join(letter if letter.isalnum() else "_" for letter in str(error).lower())
    return words.strip("_")[:60] or "not_lti"


def _sentence(error: LtiException) -> str:
    return f"The learning site's launch is not valid: {str(error).rstrip('.')}."


class _Registrations(ToolConfAbstract):
    """Registrations and deployments from the database; only those of the login's host."""

    def __init__(self, session: Session, login: LoginRow) -> None:
        super().__init__()
        self._session, self._login = session, login
        self.unknown = ""
        """A deployment that a signed message named and nobody knows; whether it may pass is decided at the end."""

    def check_iss_has_one_client(self, iss: str) -> bool:
        return False

    def check_iss_has_many_clients(self, iss: str) -> bool:
        return True

    def find_registration_by_issuer(self, *_args: Any, **_kwargs: Any) -> None:
        return None

    def find_deployment(self, *_args: Any, **_kwargs: Any) -> None:
        return None

    def find_registration_by_params(self, iss: str, client_id: str, *_args: Any, **_kwargs: Any) -> Registration | None:
        host = self._session.get(Host, self._login.host_id)
        if host is None or host.state != "active" or (host.issuer, host.client_id) != (iss, client_id):
            return None
        made = Registration().set_issuer(host.issuer).set_client_id(host.client_id)
        return made.set_auth_login_url(host.auth_url).set_auth_token_url(host.token_url).set_key_set_url(host.jwks_url)

    def find_deployment_by_params(self, iss: str, deployment_id: str, client_id: str, *_a: Any, **_k: Any) -> Any:
        if not usable(deployment_id):  # a number, or text that only one of the two databases would take
            return None
        found = self._session.scalars(
            select(Deployment).where(
                Deployment.host_id == self._login.host_id, Deployment.deployment_id == deployment_id,
                Deployment.state == "active",
            )
        ).first()  # fmt: skip
        if found is None:
            self.unknown = deployment_id
        return LibDeployment().set_deployment_id(deployment_id) if found or self.unknown else None


class _Launch(MessageLaunch):
    """The library's launch with every check that it lacks."""

    def __init__(self, form: Form, registrations: _Registrations, keysets: KeySets) -> None:
        super().__init__(form, registrations, Bound(), NoCookies())
        self._keysets = keysets

    def set_login(self, login: LoginRow, runtime: Runtime) -> _Launch:
        """The login this launch answers."""
        self._login, self._runtime = login, runtime
        return self

    def _get_request_param(self, key: str) -> str:
        return str(self._request.get_param(key))

    def validate_state(self) -> _Launch:
        return self

    def save_launch_data(self) -> _Launch:
        return self

    def validate_jwt_format(self) -> _Launch:
        super().validate_jwt_format()
        if not isinstance(self._jwt.get("body"), dict) or not isinstance(self._jwt.get("header"), dict):
            raise LtiException("Invalid JWT format")
        return self

    def validate_nonce(self) -> _Launch:
        nonce = self._get_jwt_body().get("nonce")
        if not nonce or nonce != self._login.nonce:
            raise LtiException("Invalid Nonce")
        return self

    def get_client_id(self) -> str:
        """The audience that is us: alone, or named as authorised party among several."""
        body = self._get_jwt_body()
        audience, party = body.get("aud"), body.get("azp")
        listed = audience if isinstance(audience, list) else [audience]
        if not listed or not all(isinstance(one, str) and one for one in listed):
            raise LtiException("aud is empty")
        if len(listed) > 1 and not party:
            raise LtiException("azp is missing though there are several audiences")
        client = party or listed[0]
        if client not in listed:
            raise LtiException("azp is not among the audiences")
        return str(client)

    def validate_jwt_signature(self) -> _Launch:
        header = self._jwt["header"]
        if header.get("alg") != "RS256":
            raise LtiException("The token must be signed with RS256")
        kid = header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise LtiException("JWT KID not found")
        key = self._keysets.key(str(self._registration.get_key_set_url()), kid)
        try:
            body = jwt.decode(
                self._get_id_token(), key.key, algorithms=["RS256"], audience=self.get_client_id(),
                issuer=self._registration.get_issuer(), leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise LtiException(f"The token is not valid ({type(error).__name__})") from None
        self._check_times(body)
        self._jwt["body"] = body
        return self

    def _check_times(self, body: Mapping[str, Any]) -> None:
        now = time.time()
        if now - float(body["iat"]) > OLDEST or float(body["exp"]) - float(body["iat"]) > LONGEST_LIFE:
            raise LtiException("The token is too old, or would live too long")

    def validate_message(self) -> _Launch:
        body = self._get_jwt_body()
        for name in _OBJECTS:
            value = body.get(CLAIM + name)
            if value is not None and not isinstance(value, dict):
                raise LtiException(f"{name} is not an object")
        roles = body.get(CLAIM + "roles")
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise LtiException("Missing Roles Claim")
        if not isinstance(body.get("sub"), str) or not body["sub"]:
            raise LtiException("sub is empty")
        if not usable(body["sub"]):
            raise LtiException("sub is too long or holds a character that cannot be used")
        if body.get(CLAIM + "version") != "1.3.0":
            raise LtiException("Incorrect version, expected 1.3.0")
        target = body.get(CLAIM + "target_link_uri")
        if not isinstance(target, str) or not is_ours(self._runtime, target):
            raise LtiException("target_link_uri is missing or is not Muster's")
        super().validate_message()
        return self


def dumps(claims: Mapping[str, Any]) -> str:
    """Claims as text, for keeping a verified launch while the browser proves itself."""
    return json.dumps(claims)
