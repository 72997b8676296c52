"""Receives Muster's signed webhooks: seats, messages, resets; one outcome an item, every item in the log."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app, jsonify, request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from plugin.sandbox.api import store, trouble

blueprint = Blueprint("receive", __name__, url_prefix="/webhooks")
LIES = ("done_without_enrolling", "one_too_few", "ignore_withdrawal", "enrol_stranger", "wrong_item")


@blueprint.post("/muster")
def receive() -> Any:
    """One webhook."""
    mood = trouble()
    if mood is not None:
        return mood
    body = request.get_data()
    try:
        Webhook(current_app.config["CONNECTION"]["webhook_secret"]).verify(
            body, dict(request.headers), json_parse=False
        )
        document = json.loads(body)
        kind, items = document["type"], document["data"]["items"]
    except WebhookVerificationError:
        return jsonify(detail="The signature does not fit."), 401
    except (ValueError, KeyError, TypeError):
        return jsonify(detail="This is not understood."), 400
    handler = {"seats.changed": _seats, "message.send": _messages, "completions.reset": _resets}.get(kind)
    if handler is None or not isinstance(items, list):
        return jsonify(detail=f"'{kind}' is not understood."), 400
    with store().write():
        outcomes = handler(request.headers["webhook-id"], [_plain(item) for item in items])
        if current_app.config["ASYNC"]:
            job = secrets.token_hex(8)
            store().db.execute("INSERT INTO job VALUES (?, ?, ?)", (job, time.time() + 0.3, json.dumps(outcomes)))
            return jsonify(job=job), 202
    return jsonify(outcomes=outcomes)


def _plain(item: Any) -> dict[str, Any]:
    """An item with only values that a column can hold, so that a bad one fails no neighbour."""
    if not isinstance(item, dict):
        return {}
    return {
        name: value for name, value in item.items()
        if isinstance(value, str) or (isinstance(value, int) and abs(value) < 2**63)
    }  # fmt: skip


def _seats(call: str, items: list[Any]) -> list[dict[str, Any]]:
    lie = store().setting("lie")
    left_out = (
        next((n for n, item in enumerate(items) if item.get("want") == "in"), None) if lie == "one_too_few" else None
    )
    outcomes = []
    for number, item in enumerate(items):
        skip = lie == "done_without_enrolling" and item.get("want") == "in"
        skip |= lie == "ignore_withdrawal" and item.get("want") in ("suspended", "out")
        skip |= number == left_out
        outcome, why, effective = ("done", "", False) if skip else _one_seat(item)
        _log(call, "seats.changed", item, outcome, effective)
        outcomes.append({"seat": item.get("seat"), "outcome": outcome, **({"why": why} if why else {})})
    if lie == "enrol_stranger" and items:
        _enrol_stranger(items[0])
    if lie == "wrong_item":
        outcomes = [{**one, "seat": f"{one['seat']}-other"} for one in outcomes]
    return outcomes


def _one_seat(item: dict[str, Any]) -> tuple[str, str, bool]:
    """Apply one item; returns its outcome, why, and whether anything changed."""
    person, course, want, generation = (item.get(name) for name in ("person", "course", "want", "generation"))
    if not isinstance(person, str) or not isinstance(course, str) or not isinstance(generation, int):
        return "refused", "The item is not understood.", False
    if want not in ("in", "suspended", "out"):
        return "refused", "The item is not understood.", False
    if store().get("people", str(person)) is None or store().get("courses", str(course)) is None:
        return "gone", "There is no such person or course.", False
    taken = (
        store()
        .db.execute("SELECT generation, want FROM seat WHERE course = ? AND person = ?", (course, person))
        .fetchone()
    )
    if taken and (generation < taken["generation"] or (generation == taken["generation"] and want == taken["want"])):
        return "same", "", False
    store().db.execute("INSERT OR REPLACE INTO seat VALUES (?, ?, ?, ?)", (course, person, generation, want))
    return _apply(str(person), str(course), str(want))


def _apply(person: str, course: str, want: str) -> tuple[str, str, bool]:
    ident = f"{course}:{person}"
    present = store().get("enrolments", ident)
    ours = present is None or present["by"] == "muster"
    if want == "in":
        if present and present["state"] == "active":
            return ("same" if ours else "found"), "", False
        store().put(
            "enrolments", [{"id": ident, "person": person, "course": course, "state": "active", "by": "muster"}]
        )
        return "done", "", True
    if present is None:
        return "same", "", False
    if not ours:
        return "found", "", False
    if want == "out":
        store().drop("enrolments", [ident])
        return "done", "", True
    if present["state"] == "suspended":
        return "same", "", False
    store().put("enrolments", [{**present, "state": "suspended"}])
    return "done", "", True


def _enrol_stranger(item: dict[str, Any]) -> None:
    row = (
        store()
        .db.execute(
            "SELECT id FROM record WHERE kind = 'people' AND gone = 0 AND id NOT IN"
            " (SELECT json_extract(data, '$.person') FROM record WHERE kind = 'enrolments' AND gone = 0"
            "  AND json_extract(data, '$.course') = ?) ORDER BY id DESC LIMIT 1",
            (item.get("course"),),
        )
        .fetchone()
    )
    if row:
        ident = f"{item['course']}:{row['id']}"
        store().put(
            "enrolments",
            [{"id": ident, "person": row["id"], "course": item["course"], "state": "active", "by": "muster"}],
        )


def _messages(call: str, items: list[Any]) -> list[dict[str, Any]]:
    outcomes = []
    for item in items:
        key, person = str(item.get("message")), str(item.get("person"))
        if not item.get("message") or not item.get("person"):
            outcome, effective = "refused", False
        elif store().get("people", person) is None:
            outcome, effective = "gone", False
        else:
            at = datetime.now(UTC).isoformat(timespec="seconds")
            row = (key, person, at, item.get("subject", ""), item.get("text", ""), item.get("html", ""))
            effective = store().db.execute("INSERT OR IGNORE INTO inbox VALUES (?, ?, ?, ?, ?, ?)", row).rowcount == 1
            outcome = "done" if effective else "same"
        _log(call, "message.send", {**item, "seat": key}, outcome, effective)
        outcomes.append({"message": key, "outcome": outcome})
    return outcomes


def _resets(call: str, items: list[Any]) -> list[dict[str, Any]]:
    outcomes = []
    for item in items:
        found = [
            row for row in store().where("completions", "person", str(item.get("person")))
            if row["course"] == item.get("course") and row["state"] == "done" and row["at"] < str(item.get("before"))
        ]  # fmt: skip
        store().put("completions", [{**row, "state": "reset"} for row in found])
        outcome = "done" if found else "same"
        _log(call, "completions.reset", {**item, "seat": item.get("reset")}, outcome, bool(found))
        outcomes.append({"reset": item.get("reset"), "outcome": outcome})
    return outcomes


def _log(call: str, kind: str, item: dict[str, Any], outcome: str, effective: bool) -> None:
    store().db.execute(
        "INSERT INTO log (at, call, type, key, person, course, want, generation, outcome, effective)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (time.time(), call, kind, item.get("seat"), item.get("person"), item.get("course"), item.get("want"),
         item.get("generation"), outcome, int(effective)),
    )  # fmt: skip
