"""The generic host API as the sandbox serves it: eight kinds, page by page, whole, since a mark, or by id."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
import time
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from plugin.sandbox.store import KINDS, Store

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
MOST, MOST_IDS = 1000, 200


def store() -> Store:
    """The application's store."""
    found: Store = current_app.config["STORE"]
    return found


def trouble() -> Any | None:
    """What the present mood answers in place of the truth, or ``None``."""
    mood = store().setting("mood") or "ok"
    if mood == "slow":
        time.sleep(1.5)
    if mood in ("failing", "down"):
        return jsonify(detail="The sandbox was told to fail."), 503 if mood == "down" else 500, {"Retry-After": "2"}
    if mood == "html":
        return Response("<!doctype html><title>Log in</title><h1>Please log in</h1>", mimetype="text/html")
    if mood == "garbage":
        return Response('{"items": [', mimetype="application/json")
    if mood in ("timeout", "hang"):
        time.sleep(60)
    return None


@blueprint.before_request
def _guard() -> Any | None:
    if request.headers.get("Authorization") != f"Bearer {current_app.config['CONNECTION']['api_token']}":
        return jsonify(detail="The token is not valid."), 401
    return trouble()


@blueprint.get("/")
def describe() -> Any:
    """What is offered."""
    config = current_app.config
    return jsonify(
        version=1, name="Acme Learning (sandbox)", time_zone="Europe/London",
        kinds={kind: ["full", "delta", "ids"] for kind in KINDS},
        writes={"seats": 500, "messages": 100, **({"resets": 100} if config["RESETS"] else {})},
        reads_status=True, tells_same=True, resets_completion=bool(config["RESETS"]),
    )  # fmt: skip


@blueprint.get("/<kind>")
def read(kind: str) -> Any:
    """A page of a kind."""
    if kind not in KINDS:
        return jsonify(detail=f"There is no kind '{kind}'."), 404
    if request.args.get("ids") is not None:
        return _by_ids(kind, [one for one in request.args["ids"].split(",") if one])
    try:
        limit = max(1, min(MOST, int(request.args.get("limit", MOST))))
        since = int(request.args.get("since") or 0)
        mark, _, after = (request.args.get("cursor") or f"{store().seq()}|").partition("|")
        int(mark)
    except ValueError:
        return jsonify(detail="This mark or cursor is not ours."), 410
    if since > store().seq():
        return jsonify(detail="This mark is from another time."), 410
    return _page(kind, limit, since, mark, after)


def _page(kind: str, limit: int, since: int, mark: str, after: str) -> Any:
    rows = store().db.execute(
        "SELECT id, gone, data FROM record WHERE kind = ? AND id > ? AND seq > ?" + ("" if since else " AND gone = 0")
        + " ORDER BY id LIMIT ?",
        (kind, after, since, limit + 1),
    ).fetchall()  # fmt: skip
    more, rows = len(rows) > limit, rows[:limit]
    following = f"{mark}|{rows[-1]['id']}" if more else None
    if (store().setting("mood") or "ok") == "loop" and rows:
        following = f"{mark}|"
    items = [_shown(row["data"]) for row in rows if not row["gone"]]
    gone = [row["id"] for row in rows if row["gone"]]
    return jsonify(items=items, gone=gone, next=following, mark=None if following else mark)


def _by_ids(kind: str, ids: list[str]) -> Any:
    if len(ids) > MOST_IDS:
        return jsonify(detail=f"At most {MOST_IDS} ids at a time."), 400
    marks = ",".join("?" * len(ids))
    rows = store().db.execute(
        f"SELECT data FROM record WHERE kind = ? AND gone = 0 AND id IN ({marks}) ORDER BY id", (kind, *ids)
    )
    return jsonify(items=[_shown(row[0]) for row in rows], gone=[], next=None, mark=None)


def _shown(data: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(data)
    if (store().setting("mood") or "ok") == "drop":
        row.pop("id", None)
    if str(row.get("url", "")).startswith("/"):
        row["url"] = current_app.config["CONNECTION"]["issuer"] + row["url"]
    return row


@blueprint.get("/jobs-status/<job>")
def job_status(job: str) -> Any:
    """How far asynchronous work is."""
    row = store().db.execute("SELECT ready, outcomes FROM job WHERE id = ?", (job,)).fetchone()
    if row is None:
        return jsonify(detail="There is no such job."), 404
    if row["ready"] > time.time():
        return jsonify(state="running")
    return jsonify(state="done", outcomes=json.loads(row["outcomes"]))
