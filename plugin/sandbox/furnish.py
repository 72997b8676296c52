"""``/world/furnish``: courses that people completed over the last year, and people in the regions, for something to look at."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from plugin.sandbox.store import Store

COURSES = (
    ("x1", "Fire Safety at Work"), ("x2", "Food Safety Level 2"), ("x3", "Data Protection in Practice"),
    ("x4", "Conversations that Matter"), ("x5", "First Aid Certificate"), ("x6", "Ladders and Scaffolds"),
)  # fmt: skip


def furnish(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    """Add the courses, who completed them and when, and jobs in the regions.

    :param asked: ``finished``: rows of a course, people, a share of them from 0 to 1, and between how many days ago.
    """
    rng, now = random.Random(11), datetime.now(UTC)
    store.put(
        "courses",
        [
            {"id": one, "name": name, "code": one.upper(), "url": f"/courses/{one}", "visible": True}
            for one, name in COURSES
        ],
    )
    units = [row["id"] for row in store.all("units") if row["id"].startswith("REG-")]
    people = [row["id"] for row in store.all("people") if row["state"] == "active"]
    if units and not store.get("jobs", "R-1"):
        store.put(
            "jobs",
            [
                {"id": f"R-{n}", "person": person, "title": "Regional duty", "organisation": rng.choice(units),
                 "temporary": False, "start": f"2025-{rng.randint(1, 12):02}-01"}
                for n, person in enumerate(rng.sample(people, len(people) // 5), start=1)
            ],
        )  # fmt: skip
    rows = []
    for one in asked.get("finished", ()):
        for person in one["people"]:
            if rng.random() >= one["share"]:
                continue
            day = now - timedelta(days=rng.randint(*sorted(one["ago"])), minutes=rng.randint(0, 600))
            at = day.strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.append(
                {"id": f"{one['course']}:{person}:{at}", "person": person, "course": one["course"], "at": at, "state": "done"}
            )  # fmt: skip
    store.put("completions", rows)
    return {"courses": len(COURSES), "completions": len(rows)}
