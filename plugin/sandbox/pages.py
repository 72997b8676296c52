"""What a person sees of the sandbox: who to be, courses, rosters, inboxes, Muster in its frame, and the World."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, render_template, request

from plugin.sandbox.api import store
from plugin.sandbox.control import MOODS
from plugin.sandbox.grades import book
from plugin.sandbox.receive import LIES
from plugin.sandbox.store import plain

blueprint = Blueprint("pages", __name__)
PAGE = 100
ABOUT = {
    "administrator": "Sets up certifications and says who must complete them.",
    "teacher": "Teaches courses; in Muster a learner like everybody else.",
    "manager": "Leads others, and sees how the team stands.",
    "learner": "Sees what to complete, why, and by when.",
}
"""What to expect of each role on the front page."""


@blueprint.get("/")
def front() -> Any:
    """Choose who to be."""
    suggested = [
        ("administrator", store().get("people", "U-1")),
        ("teacher", store().get("people", "U-20")),
        ("manager", store().get("people", "U-6")),
        ("learner", store().get("people", "U-900") or store().get("people", "U-40")),
    ]
    return render_template(
        "front.html", suggested=suggested, about=ABOUT, found=_found(), query=request.args.get("q", "")
    )


def _found() -> list[dict[str, Any]]:
    query = request.args.get("q", "").strip()
    if not query:
        return []
    rows = store().db.execute(
        "SELECT id FROM record WHERE kind = 'people' AND gone = 0 AND"
        " (instr(plain(json_extract(data, '$.name')), ?) OR id = ? COLLATE NOCASE OR json_extract(data, '$.username') = ?)"
        " ORDER BY json_extract(data, '$.name') LIMIT 20",
        (plain(query), query, query),
    )
    return [person for row in rows if (person := store().get("people", row["id"]))]


@blueprint.get("/muster/<role>/<person>")
def muster(role: str, person: str) -> Any:
    """Muster, launched in a frame."""
    known = store().get("people", person) or {"id": person, "name": person}
    return render_template(
        "frame.html", role=role, person=known, storage=request.args.get("storage", ""),
        course=request.args.get("course", "c1"), certification=request.args.get("certification") or None,
        tool=current_app.config["MUSTER"],
    )  # fmt: skip


@blueprint.get("/tools")
def tools() -> Any:
    """Register a tool, as an administrator does by pasting its address; and what to enter where it is done by hand."""
    config = current_app.config
    asked = request.args.get("url", "")
    return render_template(
        "tools.html", asked=asked, tool=config["MUSTER"], platform=config["CONNECTION"],
        offered=asked or f"{config['MUSTER']}/lti/register",
    )  # fmt: skip


@blueprint.get("/courses")
def courses() -> Any:
    """All courses with the size of their rosters."""
    sizes = dict(
        store().db.execute(
            "SELECT json_extract(data, '$.course'), count(*) FROM record WHERE kind = 'enrolments' AND gone = 0"
            " AND json_extract(data, '$.state') = 'active' GROUP BY 1"
        ).fetchall()
    )  # fmt: skip
    return render_template("courses.html", courses=store().all("courses"), sizes=sizes)


@blueprint.get("/courses/<course>")
def roster(course: str) -> Any:
    """One course's roster."""
    found = store().get("courses", course) or abort(404)
    rows = store().where("enrolments", "course", course)
    page = max(0, request.args.get("page", 0, type=int))
    shown = [
        {**row, "name": (store().get("people", row["person"]) or {}).get("name", row["person"])}
        for row in rows[page * PAGE : (page + 1) * PAGE]
    ]
    items, scores = book(course)
    return render_template(
        "roster.html", course=found, rows=shown, total=len(rows), page=page, size=PAGE, items=items, scores=scores
    )


@blueprint.get("/inbox/<person>")
def inbox(person: str) -> Any:
    """One person's messages."""
    found = store().get("people", person) or abort(404)
    rows = store().db.execute("SELECT * FROM inbox WHERE person = ? ORDER BY at DESC, key", (person,)).fetchall()
    return render_template("inbox.html", person=found, messages=rows)


@blueprint.get("/world")
def world() -> Any:
    """Change the world."""
    person = store().get("people", request.args.get("person", "")) if request.args.get("person") else None
    jobs = store().where("jobs", "person", person["id"]) if person else []
    units = sorted((row for row in store().all("units") if row["kind"] == "organisation"), key=lambda row: row["name"])
    positions = [row for row in store().all("units") if row["kind"] == "position"]
    return render_template(
        "world.html", positions=positions, person=person, jobs=jobs, units=units, found=_found(), query=request.args.get("q", ""),
        audiences=store().all("audiences"), courses=store().all("courses"), moods=MOODS, lies=LIES,
        mood=store().setting("mood") or "ok", lie=store().setting("lie"),
    )  # fmt: skip
