"""What reports ought to say, counted from the naive model in plain Python."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from plugin.core.clock import format_instant
from tests.histories.naive import DAY, ZONE, Answer, Enrolment, Model, Row

HELD = {"": None, "exception": "exception", "dismissed": None, "exempt": None, "guard": "guard", "gone": "target_gone"}
TO_DO = ("assigned", "in_progress", "window_open", "expired")
NUMBERS = (
    "enrolled", "certified", "in_progress", "not_started", "expired", "suspended", "held", "due_30", "overdue",
    "expiring_30",
)  # fmt: skip


def is_overdue(one: Enrolment, now: int) -> bool:
    return one.active and one.state in TO_DO and one.due is not None and one.due <= now


def days_overdue(one: Enrolment, now: int, zone: ZoneInfo = ZONE) -> int:
    if not is_overdue(one, now):
        return 0
    days = [datetime.fromtimestamp(at, zone).date() for at in (now, one.due or 0)]
    return max(1, (days[0] - days[1]).days)


def end_of_its_day(at: int, zone: ZoneInfo = ZONE) -> int:
    """The last second of a local day."""
    day = datetime.fromtimestamp(at, zone).date() + timedelta(days=1)
    return int(datetime.combine(day, time(0), zone).timestamp()) - 1


def day_text(at: int, zone: ZoneInfo = ZONE) -> str:
    return datetime.fromtimestamp(at, zone).date().isoformat()


def learners(model: Model) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of ``learners`` by person and certification, of those with a spell under way."""
    found = {}
    for (code, name), one in model.enrolments.items():
        if one.live:
            found[name, code] = {
                "state": one.state, "active": one.active, "suspended": model.people[name].state == "suspended",
                "held": HELD[one.held], "enrolled_at": format_instant(one.began), "due": format_instant(one.due),
                "days_overdue": days_overdue(one, model.now, model.zone), "expires": format_instant(one.expires),
                "window_opens": format_instant(one.window_opens), "cycle": one.cycle,
                "exception": one.question.type if one.question else None, "leaves_on": format_instant(one.leaves_on),
                "certified_at": format_instant(one.certified_at), "completed_at": format_instant(one.certified_at),
                "exempt_until": None, "withdrawn_at": None,
                "assignment_types": "; ".join(sorted({why.partition(":")[0] for why in one.why})) or None,
            }  # fmt: skip
    return found


def membership(model: Model) -> set[tuple[str, str, str]]:
    """Person, certification and assignment of every row of ``membership``."""
    return {(name, code, why) for (code, name), one in model.enrolments.items() if one.live for why in one.why}


def withdrawn(model: Model) -> set[tuple[str, str]]:
    """Person and certification of everybody whose latest spell has ended."""
    return {(name, code) for (code, name), one in model.enrolments.items() if not one.live}


def _counted(model: Model, name: str, course: str, one: Enrolment) -> list[int]:
    """When she completed a course, as far as it counts on the path she is on."""
    since = one.window_opens if one.state in ("window_open", "expired") else None
    times = model.completions.get((name, course), [])
    return [at for at in times if at <= model.now and (since is None or at > since)]


def progress(model: Model) -> dict[tuple[str, str], str | None]:
    """``progress`` by person and certification, of spells under way."""
    found = {}
    for (code, name), one in model.enrolments.items():
        terms = model.certifications[code]
        path = terms.again if one.state == "window_open" else terms.courses
        had = sum(bool(_counted(model, name, course, one)) for course in path)
        had = len(path) if one.state in ("certified", "complete") else had
        if one.live:
            found[name, code] = f"{had} of {len(path)}" if path else None
    return found


def courses(model: Model) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows of ``courses`` by person, certification and course."""
    found = {}
    for (code, name), one in model.enrolments.items():
        for course in model.path_of(code, name) if one.live else ():
            times = _counted(model, name, course, one)
            seat = model.seats.get((name, course))
            at = None if not times else max(times) if one.state == "certified" else min(times)
            found[name, code, course] = {"want": seat.shown if seat else "out", "completed_at": format_instant(at)}
    return found


def exceptions(model: Model) -> dict[tuple[str, str], dict[str, Any]]:
    """Open questions by person and certification."""
    return {
        (name, code): {"type": one.question.type, "raised_at": format_instant(one.question.since),
                       "wanted_due": format_instant(one.question.wanted)}
        for (code, name), one in model.enrolments.items()
        if one.live and one.question
    }  # fmt: skip


def unit(model: Model, kind: str, name: str) -> set[str]:
    """Whoever is in a unit or below it."""
    return _existing(model, Row(kind, name, "below"))


def _existing(model: Model, row: Row) -> set[str]:
    """Whom a target matches, whatever a certification says of its own first day."""
    return {name for name in model.aimed_at("A", row) if model.exists(name)}


def team(model: Model, person: str, include: str) -> set[str]:
    """Whoever reports to any job of a person."""
    jobs = [job for job, one in model.jobs.items() if one.person == person]
    return set().union(*(_existing(model, Row("manager", job, include)) for job in jobs))


def counts(model: Model, code: str, people: set[str] | None = None) -> dict[str, Any]:
    """The numbers of ``overview`` of a certification, of these people alone."""
    now, rows = model.now, []
    for (other, name), one in model.enrolments.items():
        if other == code and one.live and (people is None or name in people):
            rows.append(one)
    active = [one for one in rows if one.active]

    def in_states(*states: str) -> list[Enrolment]:
        return [one for one in active if one.state in states]

    soon = now + 30 * DAY
    found: dict[str, Any] = {
        "enrolled": len(active), "certified": len(in_states("certified", "window_open", "complete")),
        "in_progress": len(in_states("in_progress")), "not_started": len(in_states("assigned")),
        "expired": len(in_states("expired")), "suspended": sum(one.frozen_since is not None for one in active),
        "held": sum(one.held == "exception" for one in rows),
        "due_30": sum(one.due is not None and now < one.due <= soon for one in in_states(*TO_DO)),
        "overdue": sum(is_overdue(one, now) for one in active),
        "expiring_30": sum(
            one.expires is not None and now < one.expires <= soon for one in in_states("certified", "window_open")
        ),
    }  # fmt: skip
    whole = found["enrolled"]
    for name, part in (("certified_percent", found["certified"]), ("not_overdue_percent", whole - found["overdue"])):
        found[name] = math.floor(1000 * part / whole) / 10 if whole else None
    return found


# --- what no row says any longer: since when, what was answered, what happened

ANSWERED = (
    "person", "certification", "type", "raised_at", "wanted_due", "answer", "answered_at", "answered_by",
)  # fmt: skip
HAPPENED = ("enrolled", "released", "withdrawn")


class Told:
    """Follows a history act by act, and keeps what its last state does not tell."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._answered: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        self.happened: dict[str, Counter[tuple[str | None, str, str]]] = {what: Counter() for what in HAPPENED}

    def settled(self, model: Model, before: dict[tuple[str, str], Enrolment]) -> None:
        """What follows has followed. :param before: enrolments as they stood."""
        now, since = model.now, {}
        for (code, name), one in model.enrolments.items():
            old = before.get((code, name))
            for why in one.why if one.live else ():
                spell, began = self._since.get((code, name, why), (0, now))
                since[code, name, why] = (one.spell, began if spell == one.spell else now)
            answer = one.answer
            if answer is not None and (old is None or old.answer != answer):
                at = format_instant(answer.at)
                self._keep(code, name, answer, at, format_instant(answer.wanted), "by rule")
            for what in self._what(old, one):
                self.happened[what][format_instant(now), name, code] += 1
        self._since = since

    def _what(self, old: Enrolment | None, one: Enrolment) -> list[str]:
        was = old is not None and old.live and old.active
        anew = old is None or not old.live or old.spell != one.spell
        if one.active and not was:
            return ["enrolled" if anew else "released"]
        return ["withdrawn"] if was and not one.live else []

    def _keep(self, code: str, name: str, answer: Answer, raised: str | None, wanted: str | None, who: str) -> None:
        row = (name, code, answer.type, raised, wanted, answer.action, format_instant(answer.at), who)
        self._answered.setdefault((code, name), []).append(row)

    def answered_by_hand(self, model: Model, code: str, name: str, before: Enrolment) -> None:
        """:param before: her enrolment, with the open question."""
        answer, question = model.enrolments[code, name].answer, before.question
        assert answer is not None
        assert question is not None
        self._keep(code, name, answer, format_instant(question.since), format_instant(question.wanted), "tester")
        if model.enrolments[code, name].active and not before.active:
            self.happened["released"][format_instant(model.now), name, code] += 1

    def reopened(self, model: Model, code: str, name: str) -> None:
        """The last answer is none any longer."""
        self._answered[code, name].pop()

    def answers(self) -> set[tuple[Any, ...]]:
        """Every answer that was not taken back."""
        return {row for rows in self._answered.values() for row in rows}

    def since(self, model: Model, row: dict[str, Any]) -> str | None:
        """``since`` of a row of ``membership``."""
        began = model.enrolments[row["certification"], row["person"]].began
        return format_instant(max(began, self._since[row["certification"], row["person"], row["assignment"]][1]))


def messages(model: Model) -> Counter[tuple[str, str, str]]:
    """Event, learner and certification of every row of ``messages``."""
    return Counter((when, name, code) for (code, name), told in model.told.items() for when, _spell, _cycle in told)


def cancelled(model: Model) -> Counter[tuple[str, str]]:
    """Learner and certification of those that nobody is to have any longer."""
    return Counter(
        (name, code) for (code, name), told in model.told.items() for state in told.values() if state == "cancelled"
    )
