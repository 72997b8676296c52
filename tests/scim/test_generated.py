"""Generated requests to every operation of a directory: each answer is one of SCIM's, and nothing breaks anything."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from plugin.access.rules import SCOPES
from plugin.access.tokens import RequestedToken, TokenOwner
from plugin.access.tokens import make_token as token_of_host
from tests.digest import changed, digest_of
from tests.scim.conftest import CORE, ENTERPRISE, GROUP, PATCH, Directory
from tests.world import HOST, World

EXAMPLES = 80 if os.environ.get("MUSTER_LONG") else 4
"""Requests for each operation: of what is well formed, and of what is not."""
TEXT: dict[str, Any] = {"type": "string", "maxLength": 40}
USER = {"type": "object", "required": ["schemas", "userName"], "properties": {
    "schemas": {"type": "array", "items": {"enum": [CORE, ENTERPRISE]}}, "userName": TEXT, "externalId": TEXT,
    "active": {"type": "boolean"}, "name": {"type": "object", "properties": {"givenName": TEXT, "familyName": TEXT}},
    "emails": {"type": "array", "items": {"type": "object", "properties": {"value": TEXT, "primary": {"type": "boolean"}}}},
    ENTERPRISE: {"type": "object", "properties": {"department": TEXT, "manager": {"type": "object", "properties": {"value": TEXT}}}},
}}  # fmt: skip
A_GROUP = {"type": "object", "required": ["schemas", "displayName"], "properties": {
    "schemas": {"type": "array", "items": {"enum": [GROUP]}}, "displayName": TEXT,
    "members": {"type": "array", "items": {"type": "object", "properties": {"value": TEXT}}},
}}  # fmt: skip
CHANGES = {"type": "object", "required": ["schemas", "Operations"], "properties": {
    "schemas": {"type": "array", "items": {"enum": [PATCH]}},
    "Operations": {"type": "array", "items": {"type": "object", "required": ["op"], "properties": {
        "op": {"enum": ["add", "remove", "replace", "Add", "move"]},
        "path": {"enum": ["active", "userName", "members", 'emails[type eq "work"].value', f"{ENTERPRISE}:department", "x["]},
        "value": {}}}},
}}  # fmt: skip
SEARCH = {"type": "object", "properties": {
    "schemas": {"type": "array", "items": {"enum": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}}, "filter": TEXT,
    "startIndex": {"type": "integer"}, "count": {"type": "integer"}}}  # fmt: skip
QUERY = [{"name": name, "in": "query", "schema": kind} for name, kind in (
    ("filter", {"enum": ['userName eq "a"', "externalId pr", "meta.lastModified gt 5", "((", 'emails[value co "@"]']}),
    ("startIndex", {"type": "integer"}), ("count", {"type": "integer"}), ("attributes", TEXT), ("sortBy", TEXT))]  # fmt: skip
ANSWERS = {str(one): {"description": "SCIM", "content": {"application/scim+json": {}}} for one in (
    200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 412, 413, 414, 501)}  # fmt: skip


def _operation(body: dict[str, Any] | None, *parameters: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"parameters": list(parameters), "responses": ANSWERS}
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/scim+json": {"schema": body}}}
    return found


def _description() -> dict[str, Any]:
    number = {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 40},
    }
    paths: dict[str, Any] = {}
    for name, body in (("Users", USER), ("Groups", A_GROUP)):
        paths[f"/{name}"] = {"get": _operation(None, *QUERY), "post": _operation(body)}
        paths[f"/{name}/{{id}}"] = {"get": _operation(None, number), "put": _operation(body, number),
                                    "patch": _operation(CHANGES, number), "delete": _operation(None, number)}  # fmt: skip
        paths[f"/{name}/.search"] = {"post": _operation(SEARCH)}
    for name in ("Schemas", "ResourceTypes", "ServiceProviderConfig"):
        paths[f"/{name}"] = {"get": _operation(None)}
    paths["/Bulk"] = {"post": _operation({"type": "object"})}
    return {
        "openapi": "3.1.0",
        "info": {"title": "SCIM", "version": "2.0"},
        "servers": [{"url": "/scim/v2/dir"}],
        "paths": paths,
    }


def test_whatever_a_directory_sends_is_answered_as_scim_answers(directory: Directory, app: Flask) -> None:
    known = directory.user("zoe")["id"]
    described = schemathesis.openapi.from_dict(_description())
    described.app = app
    operations = [one.ok() for one in described.get_all_operations()]
    assert len(operations) == 18
    for operation in operations:

        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode)))
        def ask(case: schemathesis.Case) -> None:
            if "id" in case.path_parameters and len(str(case.path_parameters["id"])) % 2:
                case.path_parameters["id"] = known
            answer = case.call(
                base_url="http://localhost/scim/v2/dir", headers={"Authorization": f"Bearer {directory.token}"}
            )
            assert str(answer.status_code) in ANSWERS, (case.method, case.path, case.body, answer.text[:300])
            if answer.content:
                kind = answer.headers["content-type"][0]
                assert kind.startswith("application/scim+json"), (case.method, case.path, answer.status_code, kind)

        ask()
    assert directory.send("GET", "/Users?count=1").status_code == 200


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_of_another_scope_reaches_no_directory(directory: Directory, world: World, scope: str) -> None:
    known = directory.user("zoe")["id"]
    with world.runtime.db.write() as session:
        token = token_of_host(session, HOST, RequestedToken("p", (scope,)), owner=TokenOwner(), at=world.now, who="sam")
    before = digest_of(world.runtime.db)
    other = Directory(directory.client, token, world)
    asked = (
        ("GET", "/Users", None), ("POST", "/Users", {"schemas": [CORE], "userName": "x"}), ("DELETE", f"/Users/{known}", None),
        ("PATCH", f"/Users/{known}", {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}),
        ("POST", "/Users/.search", {}), ("GET", "/Schemas", None), ("PUT", f"/Users/{known}", {"schemas": [CORE], "userName": "y"}),
    )  # fmt: skip
    statuses = [other.send(method, path, body).status_code for method, path, body in asked]
    if scope == "scim":
        assert all(one < 300 for one in (statuses[0], statuses[1]))
    else:
        assert statuses == [403] * len(asked)
        assert changed(before, digest_of(world.runtime.db)) <= {"api_token", "counter", "trace"}
