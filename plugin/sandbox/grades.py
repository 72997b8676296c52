"""Assignment and Grade Services 2.0 of the sandbox: line items of a course, results in them, and what a launch tells."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from plugin.sandbox.api import store, trouble
from plugin.sandbox.platform import AGS, ENDPOINT, granted, issuer

blueprint = Blueprint("grades", __name__, url_prefix="/lti/lineitems")
_MEDIA = "application/vnd.ims.lis."
ITEM, ITEMS, SCORE = f"{_MEDIA}v2.lineitem+json", f"{_MEDIA}v2.lineitemcontainer+json", f"{_MEDIA}v1.score+json"
RESULTS = f"{_MEDIA}v2.resultcontainer+json"
LINE_ITEM, SCORES, RESULT = AGS


def endpoint(course: str, link: str) -> dict[str, Any]:
    """The claim of a launch; the link's own line item is made when it is first launched."""
    with store().write() as db:
        row = db.execute("SELECT n FROM line_item WHERE course = ? AND link = ?", (course, link)).fetchone()
        number = row["n"] if row else _insert(course, {"label": "Muster", "scoreMaximum": 1}, link)
    return {
        ENDPOINT: {
            "scope": list(AGS),
            "lineitems": f"{issuer()}/lti/lineitems/{course}",
            "lineitem": _address(course, number),
        }
    }


def _insert(course: str, item: dict[str, Any], link: str = "") -> int:
    row = store().db.execute(
        "INSERT INTO line_item (course, link, resource, tag, label, most) VALUES (?, ?, ?, ?, ?, ?)",
        (course, link, item.get("resourceId") or "", item.get("tag") or "", str(item["label"]), float(item["scoreMaximum"])),
    )  # fmt: skip
    return int(row.lastrowid or 0)


def _address(course: str, number: int) -> str:
    return f"{issuer()}/lti/lineitems/{course}/{number}?type_id=1"


def _shown(row: Any) -> dict[str, Any]:
    shown = {"id": _address(row["course"], row["n"]), "label": row["label"], "scoreMaximum": row["most"]}
    extra = {"resourceId": row["resource"], "tag": row["tag"], "resourceLinkId": row["link"]}
    return {**shown, **{name: value for name, value in extra.items() if value}}


def _typed(document: Any, media: str, status: int = 200) -> Response:
    return Response(json.dumps(document), status=status, mimetype=media)


@blueprint.before_request
def _guard() -> Any | None:
    return trouble()


def _item(course: str, number: int) -> Any:
    return store().db.execute("SELECT * FROM line_item WHERE course = ? AND n = ?", (course, number)).fetchone()


def _refused(scope: str) -> Any | None:
    return None if granted(scope) else (jsonify(error="The token is not valid for this."), 401)


@blueprint.route("/<course>", methods=["GET", "POST"])
def line_items(course: str) -> Any:
    """The line items of a course, some at a time; or one more."""
    if refused := _refused(LINE_ITEM):
        return refused
    if request.method == "POST":
        return _make(course)
    limit = max(1, request.args.get("limit", 10, type=int))
    page = max(0, request.args.get("page", 0, type=int))
    wanted = {"resource": request.args.get("resource_id"), "tag": request.args.get("tag")}
    rows = store().db.execute("SELECT * FROM line_item WHERE course = ? ORDER BY n", (course,)).fetchall()
    rows = [row for row in rows if all(value is None or row[name] == value for name, value in wanted.items())]
    answer = _typed([_shown(row) for row in rows[page * limit : (page + 1) * limit]], ITEMS)
    if len(rows) > (page + 1) * limit:
        query = urlencode({**request.args, "limit": limit, "page": page + 1})
        answer.headers["Link"] = f'<{request.base_url}?{query}>; rel="next"'
    return answer


def _make(course: str) -> Any:
    asked = request.get_json(force=True, silent=True)
    if request.mimetype != ITEM:
        return jsonify(error=f"The content type must be {ITEM}."), 415
    most = asked.get("scoreMaximum") if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or not asked.get("label") or not isinstance(most, int | float) or most <= 0:
        return jsonify(error="A line item needs a label and a scoreMaximum above nought."), 400
    if store().get("courses", course) is None:
        return jsonify(error="There is no such course."), 404
    with store().write():
        number = _insert(course, asked)
    return _typed(_shown(_item(course, number)), ITEM, 201)


@blueprint.route("/<course>/<int:number>", methods=["GET", "DELETE"])
def line_item(course: str, number: int) -> Any:
    """One line item: what it is, or away with it and its results."""
    if refused := _refused(LINE_ITEM):
        return refused
    row = _item(course, number)
    if row is None:
        return jsonify(error="There is no such line item."), 404
    if request.method == "GET":
        return _typed(_shown(row), ITEM)
    with store().write():
        delete_item(number)
    return Response(status=204)


def delete_item(number: int) -> None:
    """Take a line item away, with its results; call inside a transaction."""
    store().db.execute("DELETE FROM score WHERE item = ?", (number,))
    store().db.execute("DELETE FROM line_item WHERE n = ?", (number,))


@blueprint.post("/<course>/<int:number>/scores")
def scores(course: str, number: int) -> Any:
    """Take one score; an older one than is there is refused, and so is one of somebody who is not in the course."""
    if refused := _refused(SCORES):
        return refused
    row, asked = _item(course, number), request.get_json(force=True, silent=True)
    if row is None:
        return jsonify(error="There is no such line item."), 404
    if request.mimetype != SCORE:
        return jsonify(error=f"The content type must be {SCORE}."), 415
    needed = ("userId", "timestamp", "activityProgress", "gradingProgress")
    if not isinstance(asked, dict) or not all(isinstance(asked.get(name), str) for name in needed):
        return jsonify(error=f"A score needs {', '.join(needed)}."), 400
    if store().get("enrolments", f"{course}:{asked['userId']}") is None:
        return jsonify(error="This user is not in the course."), 400
    with store().write() as db:
        known = db.execute("SELECT at FROM score WHERE item = ? AND person = ?", (number, asked["userId"])).fetchone()
        if known and known["at"] >= asked["timestamp"]:
            return jsonify(error="There is a newer score."), 409
        db.execute(
            "INSERT OR REPLACE INTO score (item, person, at, given, most, progress, posts) VALUES (?, ?, ?, ?, ?, ?,"
            " 1 + coalesce((SELECT posts FROM score WHERE item = ? AND person = ?), 0))",
            (number, asked["userId"], asked["timestamp"], asked.get("scoreGiven"), asked.get("scoreMaximum"),
             f"{asked['activityProgress']} {asked['gradingProgress']}", number, asked["userId"]),
        )  # fmt: skip
    return Response(status=200)


@blueprint.get("/<course>/<int:number>/results")
def results(course: str, number: int) -> Any:
    """What stands in a line item."""
    if refused := _refused(RESULT):
        return refused
    row = _item(course, number)
    if row is None:
        return jsonify(error="There is no such line item."), 404
    rows = store().db.execute("SELECT * FROM score WHERE item = ? ORDER BY person", (number,))
    listed = [
        {"id": f"{_address(course, number)}#{one['person']}", "scoreOf": _address(course, number), "userId": one["person"],
         "resultScore": (one["given"] or 0) * row["most"] / (one["most"] or 1), "resultMaximum": row["most"]}
        for one in rows
    ]  # fmt: skip
    return _typed(listed, RESULTS)


def book(course: str) -> tuple[list[Any], dict[tuple[str, int], Any]]:
    """A course's line items, and its scores by person and line item."""
    items = store().db.execute("SELECT * FROM line_item WHERE course = ? ORDER BY n", (course,)).fetchall()
    rows = store().db.execute(
        "SELECT s.* FROM score s JOIN line_item i ON i.n = s.item WHERE i.course = ? ORDER BY s.person", (course,)
    )
    return items, {(row["person"], row["item"]): row for row in rows}
