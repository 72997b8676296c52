"""Every number of a review is the truth: the equations of rules 5.3, and what the save then does."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from random import Random

import pytest

from plugin.core.runtime import Runtime
from plugin.enrolment.saving.review import review
from plugin.enrolment.saving.warnings import removal_warning, switched, targets
from tests.histories.foreseen import active, after_saving, expected_adding, expected_removing
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row

WORLDS = 40 if os.environ.get("MUSTER_LONG") else 1
pytestmark = pytest.mark.long
PEOPLE = [f"u{n:02}" for n in range(36)]
COURSES = ("c1", "c2", "c3")


def due(chance: Random) -> tuple | None:
    return chance.choice(
        [
            None, None, ("on", date(2026, 11, 20), None, None), ("on", date(2027, 2, 1), None, None),
            ("after", "enrolment", chance.choice([2, 30]), "days", None), ("after", "first_login", 30, "days", None),
            ("after", "profile_date", 30, "days", "hired"),
        ]
    )  # fmt: skip


def some_row(chance: Random) -> Row:
    kind = chance.choice(["organisation", "organisation", "audience", "manager", "individual", "group"])
    target = {
        "organisation": f"o{chance.randrange(6)}", "audience": f"a{chance.randrange(3)}",
        "manager": f"j{chance.randrange(36):02}", "individual": chance.choice(PEOPLE), "group": "g1",
    }[kind]  # fmt: skip
    include = {"organisation": ["", "below"], "manager": ["direct", "below"]}.get(kind, [""])
    return Row(kind, target, chance.choice(include), due(chance), but=some_exclusions(chance), starts=chance.choice(
        [None, None, None, None, date(2026, 10, 1), date(2026, 12, 24)]
    ), wave=chance.choice([None, None, None, (2, "day"), (5, "week"), (0, "week")]))  # fmt: skip


def some_exclusions(chance: Random) -> tuple[tuple[str, str, str], ...]:
    """Nothing, mostly; else one or two targets that the row leaves out."""
    found = {}
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        kind = chance.choice(["organisation", "audience", "individual"])
        target = {"organisation": f"o{chance.randrange(6)}", "audience": f"a{chance.randrange(3)}"}.get(
            kind, chance.choice(PEOPLE)
        )
        found[kind, target] = (kind, target, chance.choice(["", "below"]) if kind == "organisation" else "")
    return tuple(found.values())


def some_world(runtime: Runtime, chance: Random) -> Lab:
    """Overlapping targets, suspended people, exceptions, answers and exemptions."""
    lab = Lab(runtime)
    lab.courses(*COURSES)
    for n in range(6):
        lab.unit(f"o{n}", "organisation", None if n == 0 else f"o{chance.randrange(n)}")
    for name in PEOPLE:
        fields = {"hired": str(lab.model.now - DAY * chance.randrange(60))} if chance.random() < 0.7 else {}
        lab.person(name, fields=fields, first_login=chance.choice([None, lab.model.now - DAY]))
    jobs = {}
    for n, name in enumerate(PEOPLE):
        boss = f"j{chance.randrange(max(n, 1)):02}" if n and chance.random() < 0.9 else None
        ends = lab.model.now - DAY if chance.random() < 0.1 else None
        jobs[f"j{n:02}"] = Job(name, f"o{chance.randrange(6)}", None, boss, ends=ends)
    jobs["j99"] = Job(PEOPLE[5], "o0", None, "j03")
    lab.jobs(jobs)
    for n in range(3):
        lab.audience(f"a{n}", set(chance.sample(PEOPLE, 9)))
    for code, courses in (("A", ("c1", "c2")), ("B", ("c2", "c3"))):
        rows = {row.name: row for row in [some_row(chance) for _ in range(4)] + [Row("group", "g1")]}
        terms = Certification(
            courses=courses, minimum=chance.choice([0, 5]) * DAY, leaving=chance.choice(["suspend", "remove"]),
            grace=chance.choice([0, 0, 3]) * DAY,
            answers={"duplicate_course": chance.choice(["hold", "assign"]), "unknown_date": chance.choice(["hold", "wait"])},
        )  # fmt: skip
        lab.save(code, rows, terms)
    lab.settle()
    for name in chance.sample(PEOPLE, 5):
        lab.join("A", "g1", name)
        lab.exempt("A", chance.choice(PEOPLE), None)
    lab.settle()
    for name in chance.sample(PEOPLE, 5):
        lab.person(name, state="suspended")
    lab.settle()
    for (code, name), one in list(lab.model.enrolments.items()):
        if one.live and one.question and chance.random() < 0.4 and lab.model.people[name].state == "active":
            lab.answer(code, name, "dismiss")
    lab.settle()
    lab.check()
    return lab


def changed_rows(chance: Random, lab: Lab, code: str) -> dict[str, Row]:
    """A draft: some rows new, some gone, some wider or narrower."""
    rows = dict(lab.model.certifications[code].rows)
    for _ in range(chance.randrange(3)):
        if rows:
            rows.pop(chance.choice(sorted(rows)))
    for name in list(rows):
        if rows[name].type == "organisation" and chance.random() < 0.3:
            rows[name] = replace(rows[name], include="" if rows[name].include else "below")
        if chance.random() < 0.15:
            rows[name] = replace(rows[name], but=some_exclusions(chance))
        if chance.random() < 0.15:
            rows[name] = replace(rows[name], starts=chance.choice([None, date(2026, 12, 24)]))
        if chance.random() < 0.3:
            rows[name] = replace(rows[name], wave=chance.choice([None, (3, "day"), (7, "week"), (0, "day")]))
    for _ in range(chance.randrange(3)):
        row = some_row(chance)
        rows.setdefault(row.name, row)
    return rows


@pytest.mark.parametrize("seed", range(WORLDS))
def test_each_number_of_a_review_is_what_the_rules_and_then_the_save_say(runtime: Runtime, seed: int) -> None:
    chance = Random(seed)
    lab = some_world(runtime, chance)
    for _draft in range(5):
        code = chance.choice(["A", "B"])
        model, rows = lab.model, changed_rows(chance, lab, code)
        old, terms = model.certifications[code], model.certifications[code]
        after = after_saving(model, code, rows)
        proposal = lab.proposal(code, rows, terms)
        with lab.runtime.db.read() as session:
            found = review(session, lab.host, [proposal], now=model.now)[0]
        before = {name: model.matched(code, row) for name, row in old.rows.items()}
        now = {name: model.matched(code, row) for name, row in rows.items()}
        # Of a row whose wave changed more may begin now (11.3).
        new = set(after.live_in(code)) - model.live_in(code)
        faster = {name for name in now if name in before and old.rows[name].wave != rows[name].wave and now[name] & new}
        wider = set().union(
            *(now[name] for name in now if name not in before or now[name] - before[name] or name in faster)
        )
        narrower = set().union(*(before[name] for name in before if name not in now or before[name] - now[name]))
        adding, removing = found.adding, found.removing
        parts = (
            adding.already,
            adding.newly,
            adding.later,
            adding.held_back,
            adding.suspended,
            adding.not_to_be_assigned,
        )
        assert adding.x == sum(parts)
        assert removing.x == removing.withdrawn + removing.kept + removing.suspended + removing.not_enrolled
        assert adding == expected_adding(model, after, code, wider), (seed, _draft, code)
        assert removing == expected_removing(model, after, code, narrower), (seed, _draft, code)
        assert found.matched == {name: len(people) for name, people in now.items()}
        was = active(model, code)
        lab.save(code, rows, terms, allow=removing.withdrawn)
        lab.settle()
        lab.check()
        lab.check_whole()
        # Who was held back only by a row that is gone is free now: counted in no number of 5.3, and here by hand.
        released = active(lab.model, code) - was - wider
        leaving = {name for name in narrower & was if not lab.model.enrolments[code, name].active}
        assert len(active(lab.model, code)) == len(was) + adding.newly + len(released) - len(leaving)
        if not terms.grace:
            assert len(leaving) == removing.withdrawn
        for course in COURSES:
            wanted = {name for (name, one), seat in lab.model.seats.items() if one == course and seat.shown == "in"}
            opened = [other for other in ("A", "B") if course in lab.model.certifications[other].courses]
            assert wanted == set().union(*(active(lab.model, other) for other in opened))


@pytest.mark.parametrize("seed", range(WORLDS))
def test_both_warnings_count_against_the_saved_state_and_the_draft(runtime: Runtime, seed: int) -> None:
    chance = Random(1000 + seed)
    lab = some_world(runtime, chance)
    for _draft in range(4):
        code = chance.choice(["A", "B"])
        model, draft = lab.model, changed_rows(chance, lab, code)
        chosen = {row.name: row for row in [some_row(chance) for _ in range(2)] if row.name not in draft}
        proposal = lab.proposal(code, draft, model.certifications[code])
        together = lab.proposal(code, {**draft, **chosen}, model.certifications[code]).definition.assignments
        with lab.runtime.db.read() as session:
            new = [one for one in together if one.key in chosen]
            adding = targets(session, lab.host, proposal, new, now=model.now)
            gone = [one for one in proposal.definition.assignments if chance.random() < 0.5]
            removing, _messages = removal_warning(session, lab.host, proposal, gone, now=model.now)
        x = set().union(*(model.matched(code, row) for row in chosen.values()))
        assert adding == expected_adding(model, after_saving(model, code, {**draft, **chosen}), code, x), (seed, _draft)
        names = {one.key for one in gone}
        x = set().union(*(model.matched(code, draft[name]) for name in names))
        left = {name: row for name, row in draft.items() if name not in names}
        assert removing == expected_removing(model, after_saving(model, code, left), code, x), (seed, _draft)
        switching_says_the_truth(lab, code, draft)


def switching_says_the_truth(lab: Lab, code: str, draft: dict[str, Row]) -> None:
    """The sentence that a row repeats when *Include* is switched: new or wider, narrower, or as it was saved."""
    model = lab.model
    for name, row in draft.items():
        if row.type not in ("organisation", "manager") or row.missing:
            continue
        other = {"below": "" if row.type == "organisation" else "direct"}.get(row.include, "below")
        rows = {**draft, name: replace(row, include=other)}
        with lab.runtime.db.read() as session:
            proposal = lab.proposal(code, rows, model.certifications[code])
            found = switched(session, lab.host, proposal, name, now=model.now)
        after, now = after_saving(model, code, rows), model.matched(code, rows[name])
        saved = model.certifications[code].rows.get(name)
        before = model.matched(code, saved) if saved else set()
        if saved is None or now - before:
            assert found == expected_adding(model, after, code, now), (name, other)
        elif before - now:
            assert found == expected_removing(model, after, code, before - now), (name, other)
        else:
            assert found is None
