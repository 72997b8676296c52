"""What the rules say a save would come to: the numbers of a review (rules 5.3)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from plugin.enrolment.saving.review import Adding, Removing
from tests.histories.naive import Model, Row, Save


def active(model: Model, code: str) -> set[str]:
    return {name for (other, name), one in model.enrolments.items() if other == code and one.active}


def after_saving(model: Model, code: str, rows: dict[str, Row]) -> Model:
    """What the rules say a save would lead to."""
    new = deepcopy(model)
    before = new.certifications[code].rows
    new.certifications[code].rows = {
        name: replace(row, missing=old.missing, pins=set(old.pins), settled=old.settled)
        if (old := before.get(name)) and (old.include, old.but) == (row.include, row.but)
        else replace(row)
        for name, row in rows.items()
    }
    new.settle({code: Save(set(rows) - set(before))})
    return new


def expected_adding(model: Model, after: Model, code: str, x: set[str]) -> Adding:
    def one(name: str) -> str:
        learner = after.enrolments.get((code, name))
        if model.people[name].state == "suspended":  # frozen people first (2.6)
            return "suspended"
        if name in active(model, code):
            return "already"
        if model.is_exempt(code, name) or (learner is not None and learner.live and learner.held == "dismissed"):
            return "never"
        if learner is None or not learner.live:
            return "later"
        return "newly" if name in active(after, code) else "held"

    found = [one(name) for name in x]
    return Adding(
        len(x), found.count("already"), found.count("newly"), found.count("later"), found.count("held"), found.count("suspended"),
        found.count("never"),
    )  # fmt: skip


def expected_removing(model: Model, after: Model, code: str, x: set[str]) -> Removing:
    def one(name: str) -> str:
        if model.people[name].state == "suspended":
            return "suspended"
        if name not in active(model, code):
            return "not_enrolled"
        now, then = model.enrolments[code, name], after.enrolments[code, name]
        if not then.active or (then.leaves_on is not None and now.leaves_on is None):
            return "withdrawn"
        # Whoever is in her days of grace already leaves without this save, and it is not this save that keeps her.
        return "kept"

    found = [one(name) for name in x]
    return Removing(
        len(x), found.count("withdrawn"), found.count("kept"), found.count("suspended"), found.count("not_enrolled")
    )
