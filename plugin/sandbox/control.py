"""The World, as JSON for tests and demonstrations. The server listens on loopback only, so it asks nobody's leave.

POST (JSON body; every change may say ``"hint": false``):
``/world/hire {organisation, position?, name?, manager_job?}`` · ``/world/move {person, organisation?, position?,
manager_job?, job?}`` · ``/world/suspend|unsuspend|delete {person}`` · ``/world/unit {unit, parent?, name?}`` ·
``/world/delete-unit {unit}`` · ``/world/delete-job {job}`` · ``/world/audience-member {audience, person, member}`` ·
``/world/delete-audience {audience}`` · ``/world/first-login {person}`` · ``/world/field {person, field, value}`` ·
``/world/speak {person, language}`` ·
``/world/enrol-by-hand {person, course, state?}`` · ``/world/unenrol {person, course}`` ·
``/world/complete {person, course, at?}`` · ``/world/reset-completion {person, course}`` ·
``/world/lie {lie}`` · ``/world/mood {mood}`` · ``/world/delete-line-item {item}`` ·
``/world/forget {kind, ids}`` (no hint, no tombstone's worth of notice) · ``/world/furnish {finished}`` (no hint).
GET: ``/world/roster/<course>`` · ``/world/grades/<course>`` · ``/world/inbox/<person>`` ·
``/world/log?after=N`` · ``/world/units?kind=`` ·
``/world/people?unit=&below=`` · ``/world/person/<id>`` · ``/world/state``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, jsonify, request

from plugin.sandbox.api import store
from plugin.sandbox.furnish import furnish
from plugin.sandbox.grades import book, delete_item
from plugin.sandbox.hints import post_hint
from plugin.sandbox.receive import LIES

blueprint = Blueprint("control", __name__, url_prefix="/world")
MOODS = ("ok", "slow", "failing", "down", "html", "loop", "drop", "timeout", "hang", "garbage")


class Wrong(Exception):
    """The request asks for what cannot be."""


@blueprint.errorhandler(Wrong)
def _wrong(error: Wrong) -> Any:
    return jsonify(detail=str(error)), 400


def _asked() -> dict[str, Any]:
    found = request.get_json(silent=True)
    return found if isinstance(found, dict) else dict(request.form)


def _existing(kind: str, ident: Any) -> dict[str, Any]:
    row = store().get(kind, str(ident))
    if row is None:
        raise Wrong(f"There is no record '{ident}' among the {kind}.")
    return row


@blueprint.post("/<act>")
def change(act: str) -> Any:
    """Do one thing to the world."""
    handler = ACTS.get(act)
    if handler is None:
        raise Wrong(f"'{act}' is nothing that can be done to the world.")
    asked = _asked()
    with store().write():
        answer, hints = handler(asked)
    if asked.get("hint", True) not in (False, "false", "0"):
        for kind, ids in hints:
            post_hint(kind, ids)
    return jsonify(answer)


Result = tuple[dict[str, Any], list[tuple[str, list[str]]]]


def _hire(asked: dict[str, Any]) -> Result:
    number = int(store().db.execute("SELECT count(*) FROM record WHERE kind = 'people'").fetchone()[0]) + 1
    ident, name = f"U-{number}", str(asked.get("name") or f"New Person {number}")
    given, _, family = name.partition(" ")
    store().put(
        "people",
        [{"id": ident, "name": name, "given_name": given, "family_name": family, "email": f"u{number}@acme.example",
          "username": f"user{number:05}", "number": f"EMP{number:06}", "state": "active", "time_zone": "Europe/London",
          "language": "en", "created": _now(), "first_login": None, "fields": {"hired": _now()[:10]}}],
    )  # fmt: skip
    job: dict[str, Any] = {
        "id": f"J-{number}",
        "person": ident,
        "title": "New job",
        "temporary": False,
        "start": _now()[:10],
    }
    for field in ("organisation", "position", "manager_job"):
        if asked.get(field):
            job[field] = str(asked[field])
    if "position" in job:
        job["position_since"] = job["start"]
    store().put("jobs", [job])
    return {"person": ident, "job": job["id"]}, [("person.changed", [ident]), ("job.changed", [job["id"]])]


def _move(asked: dict[str, Any]) -> Result:
    jobs = store().where("jobs", "person", str(asked.get("person")))
    jobs = [job for job in jobs if not asked.get("job") or job["id"] == asked["job"]]
    if not jobs:
        raise Wrong("This person has no such job.")
    job, position = dict(jobs[0]), jobs[0].get("position")
    for field in ("organisation", "position", "manager_job", "end", "start"):
        if field in asked:
            job[field] = asked[field] or None
    if job.get("position") != position:
        job["position_since"] = _now()[:10] if job.get("position") else None
    store().put("jobs", [job])
    return {"job": job["id"]}, [("job.changed", [job["id"]])]


def _state(state: str) -> Any:
    def act(asked: dict[str, Any]) -> Result:
        person = _existing("people", asked.get("person"))
        store().put("people", [{**person, "state": state}])
        return {"person": person["id"]}, [("person.changed", [person["id"]])]

    return act


def _delete(asked: dict[str, Any]) -> Result:
    person = _existing("people", asked.get("person"))
    for kind in ("jobs", "members", "enrolments"):
        store().drop(kind, [row["id"] for row in store().where(kind, "person", person["id"])])
    store().drop("people", [person["id"]])
    return {"person": person["id"]}, [("person.changed", [person["id"]])]


def _unit(asked: dict[str, Any]) -> Result:
    unit = dict(_existing("units", asked.get("unit")))
    for field in ("parent", "name"):
        if field in asked:
            unit[field] = asked[field] or None
    store().put("units", [unit])
    return {"unit": unit["id"]}, [("unit.changed", [unit["id"]])]


def _drop(kind: str, field: str, hint: str) -> Any:
    def act(asked: dict[str, Any]) -> Result:
        row = _existing(kind, asked.get(field))
        store().drop(kind, [row["id"]])
        return {field: row["id"]}, [(hint, [row["id"]])]

    return act


def _audience_member(asked: dict[str, Any]) -> Result:
    audience, person = _existing("audiences", asked.get("audience")), _existing("people", asked.get("person"))
    ident = f"{audience['id']}:{person['id']}"
    if asked.get("member", True) in (False, "false", "0"):
        store().drop("members", [ident])
    else:
        store().put("members", [{"id": ident, "audience": audience["id"], "person": person["id"]}])
    return {"member": ident}, [("member.changed", [ident])]


def _first_login(asked: dict[str, Any]) -> Result:
    person = _existing("people", asked.get("person"))
    store().put("people", [{**person, "first_login": asked.get("at") or _now()}])
    return {"person": person["id"]}, [("person.changed", [person["id"]])]


def _speak(asked: dict[str, Any]) -> Result:
    """From now on she reads the learning site in this language."""
    person = _existing("people", asked.get("person"))
    store().put("people", [{**person, "language": str(asked.get("language") or "en")}])
    return {"person": person["id"]}, [("person.changed", [person["id"]])]


def _field(asked: dict[str, Any]) -> Result:
    person = _existing("people", asked.get("person"))
    if not asked.get("field"):
        raise Wrong("Name the field.")
    store().put("people", [{**person, "fields": {**person.get("fields", {}), str(asked["field"]): asked.get("value")}}])
    return {"person": person["id"]}, [("person.changed", [person["id"]])]


def _enrol_by_hand(asked: dict[str, Any]) -> Result:
    person, course = _existing("people", asked.get("person")), _existing("courses", asked.get("course"))
    ident = f"{course['id']}:{person['id']}"
    row = {"id": ident, "person": person["id"], "course": course["id"], "state": asked.get("state", "active"),
           "by": asked.get("by", "other")}  # fmt: skip
    store().put("enrolments", [row])
    return row, [("enrolment.changed", [ident])]


def _unenrol(asked: dict[str, Any]) -> Result:
    ident = f"{asked.get('course')}:{asked.get('person')}"
    store().drop("enrolments", [ident])
    return {"enrolment": ident}, [("enrolment.changed", [ident])]


def _complete(asked: dict[str, Any]) -> Result:
    person, course = _existing("people", asked.get("person")), _existing("courses", asked.get("course"))
    at = str(asked.get("at") or _now())
    ident = f"{course['id']}:{person['id']}:{at}"
    store().put(
        "completions", [{"id": ident, "person": person["id"], "course": course["id"], "at": at, "state": "done"}]
    )
    return {"completion": ident}, [("completion.changed", [ident])]


def _furnish(asked: dict[str, Any]) -> Result:
    return furnish(store(), asked), []


def _reset_completion(asked: dict[str, Any]) -> Result:
    rows = [
        {**row, "state": "reset"} for row in store().where("completions", "person", str(asked.get("person")))
        if row["course"] == asked.get("course")
    ]  # fmt: skip
    store().put("completions", rows)
    return {"reset": len(rows)}, [("completion.changed", [row["id"] for row in rows])]


def _lie(asked: dict[str, Any]) -> Result:
    lie = asked.get("lie") or ""
    if lie and lie not in LIES:
        raise Wrong(f"'{lie}' is no lie; use one of {', '.join(LIES)}.")
    store().db.execute("INSERT OR REPLACE INTO setting VALUES ('lie', ?)", (lie,))
    return {"lie": lie or None}, []


def _mood(asked: dict[str, Any]) -> Result:
    mood = asked.get("mood") or "ok"
    if mood not in MOODS:
        raise Wrong(f"'{mood}' is no mood; use one of {', '.join(MOODS)}.")
    store().db.execute("INSERT OR REPLACE INTO setting VALUES ('mood', ?)", (mood,))
    return {"mood": mood}, []


def _forget(asked: dict[str, Any]) -> Result:
    ids = [str(one) for one in asked.get("ids", [])]
    store().drop(str(asked.get("kind")), ids)
    return {"forgotten": len(ids)}, []


def _delete_line_item(asked: dict[str, Any]) -> Result:
    delete_item(int(asked.get("item") or 0))
    return {"item": asked.get("item")}, []


ACTS: dict[str, Any] = {
    "hire": _hire, "move": _move, "suspend": _state("suspended"), "unsuspend": _state("active"), "delete": _delete,
    "unit": _unit, "delete-unit": _drop("units", "unit", "unit.changed"),
    "delete-job": _drop("jobs", "job", "job.changed"),
    "delete-audience": _drop("audiences", "audience", "audience.changed"), "audience-member": _audience_member,
    "first-login": _first_login, "field": _field, "speak": _speak, "enrol-by-hand": _enrol_by_hand, "unenrol": _unenrol,
    "complete": _complete, "reset-completion": _reset_completion, "delete-line-item": _delete_line_item,
    "lie": _lie, "mood": _mood, "forget": _forget, "furnish": _furnish,
}  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- looking


@blueprint.get("/roster/<course>")
def roster(course: str) -> Any:
    """Who is in a course, as the host knows it."""
    return jsonify(store().where("enrolments", "course", course))


@blueprint.get("/grades/<course>")
def grades(course: str) -> Any:
    """The gradebook of a course: its line items, each with the scores in it."""
    items, scores = book(course)
    return jsonify(
        [
            {**dict(item), "scores": [dict(row) for (_person, n), row in scores.items() if n == item["n"]]}
            for item in items
        ]
    )


@blueprint.get("/inbox/<person>")
def inbox(person: str) -> Any:
    """What a person was sent."""
    rows = store().db.execute("SELECT * FROM inbox WHERE person = ? ORDER BY at, key", (person,))
    return jsonify([dict(row) for row in rows])


@blueprint.get("/log")
def log() -> Any:
    """Every item as received, oldest first."""
    rows = store().db.execute("SELECT * FROM log WHERE n > ? ORDER BY n", (request.args.get("after", 0, type=int),))
    return jsonify([dict(row) for row in rows])


@blueprint.get("/person/<ident>")
def person(ident: str) -> Any:
    """A person with her jobs."""
    return jsonify({**_existing("people", ident), "jobs": store().where("jobs", "person", ident)})


@blueprint.get("/state")
def state() -> Any:
    """Mood and lie."""
    return jsonify(mood=store().setting("mood") or "ok", lie=store().setting("lie") or None)


@blueprint.get("/units")
def units() -> Any:
    """Units with the number of people working there now, directly and with all below."""
    kind = request.args.get("kind", "organisation")
    people = _people_by_unit(kind)
    rows = [row for row in store().all("units") if row["kind"] == kind]
    below = _below(rows)
    children = Counter(row.get("parent") for row in rows)
    return jsonify(
        [
            {**row, "children": children[row["id"]],
             "direct": len(people[row["id"]]), "below": len(set().union(*(people[one] for one in below[row["id"]])))}
            for row in rows
        ]
    )  # fmt: skip


@blueprint.get("/people")
def people() -> Any:
    """Ids of the people who work in a unit now; with ``below=1`` also under it. Suspended ones are marked."""
    unit = _existing("units", request.args.get("unit"))
    by_unit = _people_by_unit(unit["kind"])
    rows = [row for row in store().all("units") if row["kind"] == unit["kind"]]
    wanted = _below(rows)[unit["id"]] if request.args.get("below") else {unit["id"]}
    found = sorted(set().union(*(by_unit[one] for one in wanted)))
    return jsonify([{"id": one, "state": (store().get("people", one) or {}).get("state")} for one in found])


def _people_by_unit(kind: str) -> dict[str, set[str]]:
    today, alive = _now()[:10], {row["id"] for row in store().all("people")}
    found: dict[str, set[str]] = defaultdict(set)
    for job in store().all("jobs"):
        ended = job.get("end") and job["end"][:10] < today
        begun = not job.get("start") or job["start"][:10] <= today
        if job.get(kind) and job["person"] in alive and begun and not ended:
            found[job[kind]].add(job["person"])
    return found


def _below(rows: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Each unit with everything under it."""
    children: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        children[row.get("parent") or ""].append(row["id"])
    found: dict[str, set[str]] = {}
    for row in rows:
        seen: set[str] = set()
        level = [row["id"]]
        while level:
            seen.update(level)
            level = [child for one in level for child in children[one] if child not in seen]
        found[row["id"]] = seen
    return found
