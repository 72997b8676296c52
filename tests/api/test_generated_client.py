"""A client made from the description alone asks every operation about reports, and gets what the description says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.api.conftest import Program
from tests.world import World, row

Operation = Callable[..., Any]


def generated(description: dict[str, Any], send: Callable[[str, str, Any], Any]) -> dict[str, Operation]:
    """A function for each operation about reports, by method and path: it takes the parameters that the description names,
    refuses others, and checks the answer against its schema."""
    made: dict[str, Operation] = {}
    for path, methods in description["paths"].items():
        if not re.match(r"/api/v1/(reports|saved-reports|sent-reports)", path):
            continue
        common = methods.get("parameters", [])
        for method, operation in methods.items():
            if method in ("get", "post", "delete"):
                made[f"{method} {path.removeprefix('/api/v1')}"] = _operation(
                    description, send, method, path, operation, common
                )
    return made


def _operation(
    description: dict[str, Any], send: Callable[[str, str, Any], Any], method: str, path: str, operation: dict[str, Any],
    common: list[dict[str, Any]],
) -> Operation:  # fmt: skip
    parameters = {one["name"]: one for one in [*common, *operation.get("parameters", [])] if "name" in one}

    def call(body: Any = None, **given: Any) -> Any:
        filters = given.pop("filters", {}) if "filters" in parameters else {}
        assert set(given) <= set(parameters), set(given) - set(parameters)
        assert (body is None) == ("requestBody" not in operation)
        address = path
        for name, one in parameters.items():
            if one["in"] == "path":
                address = address.replace(f"{{{name}}}", quote(str(given.pop(name)), safe=""))
        query = urlencode([*given.items(), *filters.items()])
        status, answer = send(method.upper(), f"{address}?{query}" if query else address, body)
        [(code, said)] = [one for one in operation["responses"].items() if one[0].startswith("2")]
        assert status == int(code), (method, path, status, answer)
        schema = said.get("content", {}).get("application/json", {}).get("schema")
        if schema is not None:
            _fits(description, schema, answer)
        return answer

    return call


def _fits(description: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """Whether an answer is what its schema says: kinds, what is required, nothing else."""
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    kinds = schema.get("type")
    allowed = kinds if isinstance(kinds, list) else [kinds]
    if value is None:
        assert "null" in allowed or schema.get("nullable"), schema
        return
    types: dict[str, Any] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    assert any(one is None or isinstance(value, types.get(one, object)) for one in allowed), (schema, value)
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"]), (schema, value)
        for name, inside in value.items():
            _fits(description, schema["properties"][name], inside)
    if isinstance(value, list) and "items" in schema:
        for inside in value:
            _fits(description, schema["items"], inside)


@pytest.fixture
def client(world: World, program: Callable[..., Program]) -> dict[str, Operation]:
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-01"}), row("individual", "bea"), settle=True,
               state="live", exceptions={"time_allowance": "assign"})  # fmt: skip
    made = program(scopes=("reports",))

    def send(method: str, path: str, body: Any) -> tuple[int, Any]:
        answer = made.send(method, path.removeprefix("/api/v1"), body)
        return answer.status_code, json.loads(answer.data) if answer.data else None

    return generated(made.client.get("/api/v1/openapi.json").json, send)


def test_a_generated_client_asks_saves_and_sends_reports(client: dict[str, Operation]) -> None:
    assert sorted(client) == [
        "delete /saved-reports/{number}", "delete /saved-reports/{number}/schedules/{schedule}", "get /reports",
        "get /reports/{source}", "get /saved-reports", "get /saved-reports/{number}/schedules", "get /sent-reports",
        "get /sent-reports/{number}/file", "post /saved-reports", "post /saved-reports/{number}/schedules",
    ]  # fmt: skip
    for source in client["get /reports"]()["items"]:
        found = client["get /reports/{source}"](source=source["source"], limit=2)
        assert found["total"] >= len(found["items"])
    found = client["get /reports/{source}"](
        source="learners", columns="person,days_overdue", sort="-days_overdue", filters={"overdue": "true"}
    )
    assert found == {"items": [{"person": "ann", "days_overdue": 17}], "next": None, "total": 1}
    saved = client["post /saved-reports"]({"name": "Late", "source": "learners", "query": [["overdue", "true"]]})
    assert client["get /saved-reports"]()["items"] == [saved]
    timing = {"every": "monthly", "day": 1, "at": "07:30"}
    made = client["post /saved-reports/{number}/schedules"]({"timing": timing, "skip_empty": True}, number=saved["id"])
    assert made["next_at"] == "2026-12-01T07:30:00Z"
    assert client["get /saved-reports/{number}/schedules"](number=saved["id"])["items"] == [made]
    assert client["get /sent-reports"]() == {"items": []}
    client["delete /saved-reports/{number}/schedules/{schedule}"](number=saved["id"], schedule=made["id"])
    client["delete /saved-reports/{number}"](number=saved["id"])
    assert client["get /saved-reports"]() == {"items": []}
