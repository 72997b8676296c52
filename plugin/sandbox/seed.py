"""A believable company, the same for the same seed: people from many cultures, units six deep, reporting lines ten deep."""

from __future__ import annotations

import random
from typing import Any

from plugin.sandbox.store import Store

_GIVEN = (
    "Amara", "Łukasz", "Zoë", "Priya", "Chidi", "Mei", "José", "Fatima", "Björn", "Aoife", "Yuki", "Omar",
    "Ingrid", "Tomás", "Anh", "Kwame", "Søren", "Noor", "Élodie", "Ravi", "Hana", "Mikołaj", "Zainab", "Liam",
    "Sofía", "Jürgen", "Ngozi", "Mateo", "Leila", "Arjun", "Saoirse", "Dmitri", "Thandiwe", "Pedro", "Xiulan",
    "Emre", "Freya", "Idris", "Giulia", "Kenji", "Maja", "Abdul", "Chloé", "Rahul", "Eilidh", "Viktor",
    "Nadia", "Hugo", "Ama", "Tariq",
)  # fmt: skip
_FAMILY = (
    "Okafor", "Kowalski", "Müller", "O'Brien", "Nguyễn", "García", "Åkesson", "Haddad", "Sørensen", "Chen",
    "Ivanova", "Mensah", "D'Angelo", "Đorđević", "Yılmaz", "Sharma", "Fernández", "Nakamura", "van-Dijk",
    "Österberg", "Dlamini", "Papadopoulos", "Šimić", "Al-Farsi", "Brânză", "Kim", "Lefèvre", "Murphy",
    "Novák", "Oyelaran", "Patel", "Quiñones", "Rossi", "Šarić", "Tanaka", "Ueda", "Vargas", "Wójcik", "Xu",
    "Young", "Zając", "Ferreira", "Hughes", "Lindqvist", "Moreau", "Singh",
)  # fmt: skip
_BUSINESS = ("Retail", "Claims", "Logistics", "Finance", "People", "Technology", "Customer Care", "Field Operations")
_PARTS = ("North", "South", "East", "West", "Central", "Nights", "Days", "Projects", "Support", "Planning")
_REGIONS = ("Nordics", "Iberia", "British Isles", "Central Europe", "Maghreb", "South Asia", "Far East")
_POSITIONS = (
    "Chief Executive", "Director", "Head of Area", "Senior Manager", "Manager", "Team Leader", "Senior Specialist",
    "Specialist", "Associate", "Trainee",
)  # fmt: skip
_COURSES = (
    "Food Hygiene Essentials", "Allergen Awareness", "Fire Safety", "Manual Handling", "First Aid at Work",
    "Data Protection", "Information Security", "Working at Height", "Safeguarding", "Customer Conversations",
    "Driving for Work", "Leading Teams",
)  # fmt: skip
_ZONES = ("Europe/London", "Europe/Warsaw", "America/New_York", "Asia/Tokyo", "Asia/Kolkata")
SHARES = (1, 4, 10, 30, 80, 200, 450, 700, 620, 305)
"""People on each of the ten levels of management, of 2,400."""


def seed(store: Store, people: int, units: int, number: int) -> None:
    """Fill an empty store."""
    rng = random.Random(number)
    with store.write():
        business, positions = _units(store, rng, units)
        names = _people(store, rng, people)
        _jobs(store, rng, names, business, positions)
        _audiences(store, rng, names)
        store.put(
            "courses",
            [
                {"id": f"c{n}", "name": name, "code": f"CRS{n:02}", "url": f"/courses/c{n}", "visible": True}
                for n, name in enumerate(_COURSES, start=1)
            ],
        )


def _units(store: Store, rng: random.Random, count: int) -> tuple[list[str], list[str]]:
    rows: list[dict[str, Any]] = []
    levels: dict[str, int] = {}

    def add(ident: str, framework: tuple[str, str], kind: str, parent: str | None, name: str) -> None:
        levels[ident] = levels.get(parent or "", 0) + 1
        rows.append(
            {"id": ident, "kind": kind, "framework": framework[0], "framework_name": framework[1], "parent": parent,
             "name": name, "code": ident.upper()}
        )  # fmt: skip

    first, second, third = ("bu", "Business units"), ("reg", "Regions"), ("pos", "Positions")
    add("ORG-1", first, "organisation", None, "Acme Group")
    business = ["ORG-1"]
    for n in range(2, max(count * 4 // 5, 10)):
        parent = business[0] if n <= 9 else rng.choice([unit for unit in business[1:] if levels[unit] < 6])
        name = _BUSINESS[(n - 2) % 8] if n <= 9 else f"{rng.choice(_PARTS)} {rng.choice(_BUSINESS)} {n}"
        add(f"ORG-{n}", first, "organisation", parent, name)
        business.append(f"ORG-{n}")
    for n in range(max(count // 5, 7)):
        region: str | None = None if n < 7 else f"REG-{rng.randint(1, n)}"
        add(f"REG-{n + 1}", second, "organisation", region, _REGIONS[n] if n < 7 else f"Site {n + 1}")
    positions = []
    for n, name in enumerate(_POSITIONS, start=1):
        add(f"P-{n}", third, "position", f"P-{n - 1}" if n > 1 else None, name)
        positions.append(f"P-{n}")
    store.put("units", rows)
    return business, positions


def _people(store: Store, rng: random.Random, count: int) -> list[str]:
    rows: list[dict[str, Any]] = []
    for n in range(1, count + 1):
        given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
        rows.append(
            {
                "id": f"U-{n}", "name": f"{given} {family}", "given_name": given, "family_name": family,
                "email": f"u{n}@acme.example", "username": f"user{n:05}", "number": f"EMP{n:06}",
                "state": "suspended" if rng.random() < 0.015 else "active", "time_zone": rng.choice(_ZONES),
                "language": "en", "created": "2024-01-15T09:00:00Z",
                "first_login": None if rng.random() < 0.1 else f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T08:00:00Z",
                "fields": {"hired": f"20{rng.randint(10, 25)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"},
            }
        )  # fmt: skip
    rows[0] |= {"id": "U-1", "name": "Sam Rivera", "given_name": "Sam", "family_name": "Rivera", "state": "active"}
    store.put("people", rows)
    return [str(row["id"]) for row in rows]


def _jobs(store: Store, rng: random.Random, names: list[str], business: list[str], positions: list[str]) -> None:
    total = sum(SHARES)
    bounds, used = [], 0
    for level, share in enumerate(SHARES):
        size = 1 if level == 0 else max(1, share * len(names) // total)
        bounds.append((used, min(len(names), used + size) if level < 9 else len(names)))
        used = bounds[-1][1]
    rows: list[dict[str, Any]] = []
    for level, (low, high) in enumerate(bounds):
        for n in range(low, high):
            above = bounds[level - 1] if level else None
            boss = rng.randrange(above[0], max(above[0] + 1, above[1] - (above[1] - above[0]) // 2)) if above else None
            row = {
                "id": f"J-{n + 1}", "person": names[n], "title": _POSITIONS[level], "organisation": rng.choice(business),
                "position": positions[level], "temporary": False, "start": f"20{rng.randint(12, 25)}-03-01",
                "position_since": "2025-02-01",
            }  # fmt: skip
            if boss is not None:
                row |= {"manager": names[boss]} if rng.random() < 0.02 else {"manager_job": f"J-{boss + 1}"}
            if rng.random() < 0.01:
                row["end"] = "2025-12-31"
            rows.append(row)
    for n in range(len(names) // 12):
        rows.append(
            {"id": f"S-{n + 1}", "person": rng.choice(names), "title": "Second job", "organisation": rng.choice(business),
             "position": positions[8], "temporary": False, "manager_job": f"J-{rng.randint(1, max(2, len(names) // 20))}"}
        )  # fmt: skip
    store.put("jobs", rows)


def _audiences(store: Store, rng: random.Random, names: list[str]) -> None:
    audiences = [{"id": f"A-{n}", "name": f"Audience {n}", "code": f"AUD{n:02}"} for n in range(1, 31)]
    for n, name in enumerate(("New starters", "First aiders", "Drivers", "Night workers", "Fire wardens")):
        audiences[n]["name"] = name
    store.put("audiences", audiences)
    rows = []
    for audience in audiences:
        size = rng.randint(5, max(6, min(len(names), len(names) // 8)))
        for person in rng.sample(names, min(size, len(names))):
            rows.append({"id": f"{audience['id']}:{person}", "audience": audience["id"], "person": person})
    store.put("members", rows)
