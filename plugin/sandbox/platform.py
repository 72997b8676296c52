"""The sandbox as an LTI 1.3 platform: login initiation, authorisation, keys, tokens, names and roles, registration."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import jwt
import requests
from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request

from plugin.sandbox.api import store

blueprint = Blueprint("platform", __name__, url_prefix="/lti")
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
AGS = tuple(f"https://purl.imsglobal.org/spec/lti-ags/scope/{one}" for one in ("lineitem", "score", "result.readonly"))
ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
_VOCABULARY = "http://purl.imsglobal.org/vocab/lis/v2/"
ROLES = {
    "administrator": [f"{_VOCABULARY}system/person#Administrator", f"{_VOCABULARY}institution/person#Administrator"],
    "teacher": [f"{_VOCABULARY}membership#Instructor"],
    "learner": [f"{_VOCABULARY}membership#Learner"],
    "manager": [f"{_VOCABULARY}membership#Learner"],
    "none": [],
    "unknown": ["urn:example:role#Gardener"],
}
_TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
_tokens: dict[str, tuple[float, tuple[str, ...]]] = {}


def issuer() -> str:
    """This platform's own address."""
    return str(current_app.config["CONNECTION"]["issuer"])


def tool(client_id: str | None = None) -> dict[str, str] | None:
    """A tool registered here: its client id and deployment. Without a name the one registered last, else the first."""
    connection = current_app.config["CONNECTION"]
    first = {"client_id": connection["client_id"], "deployment": connection["deployment"]}
    client_id = client_id or store().setting("tool") or first["client_id"]
    if client_id == first["client_id"]:
        return first
    kept = store().setting(f"tool:{client_id}")
    found: dict[str, str] | None = json.loads(kept) if kept else None
    return found


@blueprint.get("/start")
def start() -> Any:
    """Third-party initiated login, posted to the tool as a real platform does."""
    connection = tool(request.args.get("client"))
    if connection is None:
        return Response("No tool is registered under this client id.", status=404, mimetype="text/plain")
    hint = json.dumps(
        {"role": request.args.get("role", "learner"), "course": request.args.get("course", "c1"),
         "certification": request.args.get("certification", "")}
    )  # fmt: skip
    fields = {
        "iss": issuer(), "login_hint": request.args.get("person", ""), "lti_message_hint": hint,
        "client_id": connection["client_id"], "lti_deployment_id": connection["deployment"],
        "target_link_uri": f"{current_app.config['MUSTER']}/lti/launch",
    }  # fmt: skip
    if request.args.get("storage"):
        fields["lti_storage_target"] = "_parent"
    return render_template("post.html", action=f"{current_app.config['MUSTER']}/lti/login", fields=fields)


@blueprint.route("/auth", methods=["GET", "POST"])
def auth() -> Any:
    """The authorisation endpoint: answers with a signed launch, posted to the tool."""
    asked = request.values
    connection = tool(asked.get("client_id") or "?")
    problem = _auth_problem(asked, connection) if connection else "This client_id is not registered."
    if connection is None or problem:
        return Response(problem, status=400, mimetype="text/plain")
    try:
        hint = json.loads(asked.get("lti_message_hint") or "{}")
    except ValueError:
        hint = {}
    token = _launch(
        connection,
        str(asked["login_hint"]),
        str(asked["nonce"]),
        str(hint.get("role", "learner")),
        str(hint.get("course", "c1")),
        str(hint.get("certification") or ""),
    )
    fields = {"id_token": token, "state": asked.get("state", "")}
    if asked.get("lti_storage_target"):
        fields["lti_storage_target"] = asked["lti_storage_target"]
    return render_template("post.html", action=asked["redirect_uri"], fields=fields)


def _auth_problem(asked: Any, connection: dict[str, str]) -> str:
    wanted = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "client_id": connection["client_id"],
    }
    for name, value in wanted.items():
        if asked.get(name) != value:
            return f"{name} must be {value}."
    if asked.get("redirect_uri") != f"{current_app.config['MUSTER']}/lti/launch":
        return "This redirect_uri is not registered."
    return "" if asked.get("nonce") and asked.get("login_hint") else "nonce and login_hint are needed."


def _launch(connection: dict[str, str], person: str, nonce: str, role: str, course: str, certification: str) -> str:
    from plugin.sandbox.grades import endpoint

    now, link = int(time.time()), f"link-{course}{'-' if certification else ''}{certification}"
    known = store().get("people", person) or {}
    spoken = str(known.get("language") or "en").replace("_", "-")
    claims = {
        "iss": issuer(), "aud": connection["client_id"], "sub": person, "iat": now, "exp": now + 60, "nonce": nonce,
        "name": known.get("name", person), "given_name": known.get("given_name", ""),
        "family_name": known.get("family_name", ""), "email": known.get("email", ""), "locale": spoken,
        CLAIM + "message_type": "LtiResourceLinkRequest", CLAIM + "version": "1.3.0",
        CLAIM + "deployment_id": connection["deployment"], CLAIM + "roles": ROLES.get(role, ROLES["unknown"]),
        CLAIM + "target_link_uri": f"{current_app.config['MUSTER']}/lti/launch",
        CLAIM + "resource_link": {"id": link, "title": "Muster"},
        CLAIM + "context": {"id": course, "title": (store().get("courses", course) or {}).get("name", course)},
        CLAIM + "launch_presentation": {"document_target": "iframe", "locale": spoken, "return_url": f"{issuer()}/"},
        CLAIM + "tool_platform": {"guid": "sandbox", "name": "Acme Learning (sandbox)", "product_family_code": "sandbox"},
        "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice": {
            "context_memberships_url": f"{issuer()}/lti/members/{course}", "service_versions": ["2.0"],
        },
        **endpoint(course, link), **({CLAIM + "custom": {"certification": certification}} if certification else {}),
    }  # fmt: skip
    return jwt.encode(claims, current_app.config["PEM"], algorithm="RS256", headers={"kid": "sandbox-1"})


@blueprint.get("/jwks")
def jwks() -> Any:
    """Our public key."""
    algorithm = jwt.algorithms.RSAAlgorithm
    key = json.loads(algorithm.to_jwk(algorithm(algorithm.SHA256).prepare_key(current_app.config["PUBLIC"])))
    return jsonify(keys=[{**key, "kid": "sandbox-1", "use": "sig", "alg": "RS256"}])


@blueprint.post("/token")
def token() -> Any:
    """Client credentials by private_key_jwt, verified with the tool's published keys."""
    if request.form.get("grant_type") != "client_credentials":
        return jsonify(error="unsupported_grant_type"), 400
    assertion = request.form.get("client_assertion", "")
    try:
        keys = requests.get(f"{current_app.config['MUSTER']}/lti/jwks", timeout=5).json()
        kid = jwt.get_unverified_header(assertion)["kid"]
        key = next(jwt.PyJWK(one) for one in keys["keys"] if one["kid"] == kid)
        claims = jwt.decode(
            assertion, key.key, algorithms=["RS256"], audience=f"{issuer()}/lti/token",
            options={"require": ["exp", "iat", "iss", "jti", "sub"]},
        )  # fmt: skip
    except (requests.RequestException, ValueError, KeyError, StopIteration, jwt.PyJWTError):
        return jsonify(error="invalid_client"), 400
    if claims["iss"] != claims["sub"] or tool(str(claims["iss"])) is None:
        return jsonify(error="invalid_client"), 400
    granted = tuple(one for one in request.form.get("scope", "").split() if one == NRPS or one in AGS)
    if not granted:
        return jsonify(error="invalid_scope"), 400
    value = secrets.token_urlsafe(24)
    _tokens[value] = (time.time() + 3600, granted)
    return jsonify(access_token=value, token_type="Bearer", expires_in=3600, scope=" ".join(granted))


def granted(scope: str) -> bool:
    """Whether the token of this request lets it use a service."""
    value = request.headers.get("Authorization", "").removeprefix("Bearer ")
    until, scopes = _tokens.get(value, (0.0, ()))
    return until > time.time() and scope in scopes


@blueprint.get("/members/<course>")
def members(course: str) -> Any:
    """Names and roles of one course."""
    if not granted(NRPS):
        return jsonify(error="invalid_token"), 401
    limit = max(1, request.args.get("limit", 100, type=int))
    page = max(0, request.args.get("page", 0, type=int))
    rows = [row for row in store().where("enrolments", "course", course) if row["state"] == "active"]
    listed = [_as_member(row["person"]) for row in rows[page * limit : (page + 1) * limit]]
    answer = jsonify(id=request.base_url, context={"id": course}, members=listed)
    answer.mimetype = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
    if len(rows) > (page + 1) * limit:
        query = urlencode({"limit": limit, "page": page + 1})
        answer.headers["Link"] = f'<{request.base_url}?{query}>; rel="next"'
    return answer


def _as_member(ident: str) -> dict[str, Any]:
    known = store().get("people", ident) or {}
    names = {"name": "name", "given_name": "given_name", "family_name": "family_name", "email": "email",
             "ext_user_username": "username", "lis_person_sourcedid": "number"}  # fmt: skip
    shown = {name: known[field] for name, field in names.items() if known.get(field)}
    return {"status": "Active", "user_id": ident, "roles": ["Learner"], **shown}


@blueprint.get("/openid-configuration")
def configuration() -> Any:
    """What dynamic registration reads."""
    base = issuer()
    return jsonify(
        {
            "issuer": base, "token_endpoint": f"{base}/lti/token", "jwks_uri": f"{base}/lti/jwks",
            "authorization_endpoint": f"{base}/lti/auth", "registration_endpoint": f"{base}/lti/registration",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", NRPS, *AGS], "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email"],
            "https://purl.imsglobal.org/spec/lti-platform-configuration": {
                "product_family_code": "sandbox", "version": "1", "messages_supported": [{"type": "LtiResourceLinkRequest"}],
                "variables": [],
            },
        }
    )  # fmt: skip


@blueprint.post("/registration")
def registration() -> Any:
    """Register a tool; the token is single use."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    with store().write() as db:
        used = db.execute("DELETE FROM setting WHERE name = ?", (f"registration:{given}",)).rowcount
    asked = request.get_json(silent=True)
    if not used:
        return jsonify(error="invalid_token"), 401
    if not isinstance(asked, dict) or not asked.get("jwks_uri") or not asked.get("redirect_uris"):
        return jsonify(error="invalid_client_metadata"), 400
    wanted = asked.get(_TOOL)
    made = {"client_id": secrets.token_hex(8), "deployment": secrets.token_hex(3)}
    store().setting(f"tool:{made['client_id']}", json.dumps(made))
    if f"{current_app.config['MUSTER']}/lti/launch" in asked["redirect_uris"]:
        store().setting("tool", made["client_id"])  # launched from here from now on
    granted = [one for one in str(asked.get("scope", "")).split() if one == NRPS or one in AGS]
    configured = {**(wanted if isinstance(wanted, dict) else {}), "deployment_id": made["deployment"]}
    return jsonify({**asked, "client_id": made["client_id"], "scope": " ".join(granted), _TOOL: configured})


@blueprint.get("/register-tool")
def register_tool() -> Any:
    """Open a tool's registration page, as an administrator would by pasting its address."""
    value = secrets.token_urlsafe(16)
    store().setting(f"registration:{value}", "1")
    query = urlencode({"openid_configuration": f"{issuer()}/lti/openid-configuration", "registration_token": value})
    return redirect(f"{request.args.get('url', current_app.config['MUSTER'] + '/lti/register')}?{query}")
