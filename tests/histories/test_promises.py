"""What no history may ever do (rules 3.4, 3.5, 4.3, 4.5, 7.7), and 2.8 after each of its steps."""

from __future__ import annotations

import os
from datetime import date
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from plugin.core.runtime import Runtime
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row

LONG = bool(os.environ.get("MUSTER_LONG"))
WORLDS = range(40) if LONG else (1,)
SEEDS = range(40) if LONG else (9,)
"""In 5 and 9 a standing answer decides about an added assignment, and nobody is asked whether she is assigned already."""
STEPS = 25
pytestmark = pytest.mark.long
NAMES = [f"u{n}" for n in range(8)]


def due(chance: Random) -> tuple | None:
    events = [("first_login", None), ("enrolment", None), ("profile_date", "hired"), ("course_completion", "c9")]
    event, item = chance.choice(events)
    return chance.choice(
        [
            None, ("on", date(2026, 10, chance.randint(1, 28)), None, None), ("on", date(2027, 5, 1), None, None),
            ("after", event, chance.choice([0, 3, 40]), "days", item),
        ]
    )  # fmt: skip


def some_row(chance: Random) -> Row:
    kind, target = chance.choice(
        [("audience", "a1"), ("audience", "a2"), ("organisation", "o1"), ("organisation", "o2"), ("manager", "j0"),
         ("individual", chance.choice(NAMES)), ("group", "g1")]
    )  # fmt: skip
    include = {"organisation": "below", "manager": "below"}.get(kind, "")
    return Row(kind, target, include, due(chance))


def some_world(runtime: Runtime, chance: Random, answers: dict[str, str], minimum: int) -> Lab:
    lab = Lab(runtime)
    lab.courses("c1", "c2", "c9")
    lab.unit("o1", "organisation", None)
    lab.unit("o2", "organisation", "o1")
    for n, name in enumerate(NAMES):
        lab.person(name, fields={"hired": str(lab.model.now - DAY)} if n % 2 else {})
        lab.job(f"j{n}", Job(name, chance.choice(["o1", "o2"]), None, "j0" if n else None))
    lab.audience("a1", set(chance.sample(NAMES, 4)))
    lab.audience("a2", set(chance.sample(NAMES, 4)))
    for code in ("A", "B"):
        rows = {row.name: row for row in (some_row(chance), some_row(chance))}
        lab.save(code, rows, Certification(courses=("c1", "c2"), minimum=minimum, answers=answers))
    lab.settle()
    lab.check()
    return lab


def active(lab: Lab) -> set[str]:
    """As the product has it."""
    return {key for key, row in lab.product().items() if not key.startswith("seat")
            and row["held"] not in ("exception", "dismissed")}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_no_change_of_dates_and_no_added_assignment_turns_an_active_learner_inactive(
    runtime: Runtime, seed: int
) -> None:
    chance = Random(seed)
    kinds = {
        "time_allowance": chance.choice(["hold", "dismiss", "realistic"]),
        "unknown_date": chance.choice(["hold", "dismiss", "wait"]),
        "duplicate_course": chance.choice(["hold", "dismiss", "assign"]),
        "already_assigned": chance.choice(["off", "hold"]),
    }
    lab = some_world(runtime, chance, kinds, chance.choice([0, 20]) * DAY)
    for _step in range(STEPS):
        before = active(lab)
        code = chance.choice(["A", "B"])
        old = lab.model.certifications[code]
        rows = dict(old.rows)
        if chance.random() < 0.5 or not rows:
            row = some_row(chance)
            rows.setdefault(row.name, row)
        else:
            name = chance.choice(sorted(rows))
            rows[name] = Row(rows[name].type, rows[name].target, rows[name].include, due(chance))
        lab.save(code, rows, Certification(**{**vars(old), "rows": {}}), earlier=chance.random() < 0.4)
        name = chance.choice(NAMES)
        if chance.random() < 0.3:
            lab.person(name, fields=chance.choice([{}, {"hired": str(lab.model.now - 90 * DAY)}]))
        if chance.random() < 0.2:
            lab.person(name, first_login=lab.model.now)
        if chance.random() < 0.2:
            lab.complete(name, "c9")
        lab.settle()
        lab.check()
        assert before <= active(lab)
        if chance.random() < 0.3:
            lab.at(lab.model.now + chance.choice([3600, 5 * DAY]))
            lab.settle()
            lab.check()
            assert before <= active(lab)
        lab.check_whole()


@pytest.mark.parametrize("seed", WORLDS)
def test_a_sync_never_needs_a_person_where_a_standing_answer_is_set(runtime: Runtime, seed: int) -> None:
    chance = Random(500 + seed)
    answers = {
        "time_allowance": chance.choice(["realistic", "assign", "dismiss"]),
        "unknown_date": chance.choice(["realistic", "dismiss", "wait"]),
        "duplicate_course": chance.choice(["assign", "dismiss"]), "already_assigned": "hold",
    }  # fmt: skip
    lab = some_world(runtime, chance, answers, chance.choice([0, 20, 90]) * DAY)
    asked = {key for key, row in lab.product().items() if not key.startswith("seat") and row["exception"]}
    for _step in range(STEPS):
        name = chance.choice(NAMES)
        job = Job(name, chance.choice(["o1", "o2", None]), None, chance.choice(["j0", "j1", None]))
        match chance.randrange(6):
            case 0:
                lab.audience(chance.choice(["a1", "a2"]), set(chance.sample(NAMES, 4)))
            case 1:
                lab.job(f"j{NAMES.index(name)}", job)
            case 2:
                lab.person(name, fields=chance.choice([{}, {"hired": str(lab.model.now)}]))
            case 3:
                lab.person(name, state=chance.choice(["active", "suspended"]))
            case 4:
                lab.complete(name, "c9")
            case 5:
                lab.at(lab.model.now + chance.choice([3600, 5 * DAY]))
        lab.settle()
        lab.check()
        now = {key for key, row in lab.product().items() if not key.startswith("seat") and row["exception"]}
        assert now <= asked
        lab.check_whole()


def test_a_second_row_a_second_exception_or_a_second_assignment_cannot_be_written(runtime: Runtime) -> None:
    """One live enrolment, one open exception, one answer, one seat, one assignment of a target: by their keys."""
    lab = Lab(runtime)
    lab.courses("c1")
    for name in NAMES[:2]:
        lab.person(name)
    lab.audience("a1", set(NAMES[:2]))
    short = ("on", date(2026, 11, 19), None, None)
    lab.save("A", {"audience:a1": Row("audience", "a1", "", short)}, Certification(courses=("c1",), minimum=20 * DAY))
    lab.settle()
    lab.answer("A", "u0", "assign")
    lab.settle()
    lab.check()
    for table in ("enrolment", "exception", "decision", "seat", "assignment", "settling"):
        with runtime.db.read() as session:
            rows = session.execute(text(f"SELECT * FROM {table} WHERE host_id = :h"), {"h": lab.host}).mappings().all()
        assert rows, table
        row = dict(rows[0])
        if table == "assignment":
            row["id"], row["why_key"] = row["id"] + 1000, row["why_key"] ^ 2
        names = ", ".join(f'"{name}"' for name in row)
        # the values themselves are taken from the row: only the keys may object
        row_id = " AND ".join(f'"{k}" = :{k}' for k in ("host_id", "certification", "person", "course") if k in rows[0])
        chosen = ", ".join(
            f':{name}' if table == "assignment" and name in ("id", "why_key") else f'"{name}"' for name in row
        )  # fmt: skip
        values = {k: row[k] for k in ("host_id", "certification", "person", "course", "id", "why_key")
                  if f":{k}" in row_id + chosen}  # fmt: skip
        with pytest.raises(IntegrityError), runtime.db.write() as session:
            session.execute(text(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} WHERE {row_id}"), values)
