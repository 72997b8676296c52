"""What a review shows, before a save and before an undo alike: its numbers, its changes, one of its messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Proposal
from plugin.certifications.drafts.differences import RowChange, changes
from plugin.certifications.drafts.drafts import REMOVED
from plugin.core.errors import NotFound
from plugin.enrolment.message_dates import preview
from plugin.enrolment.saving.reach_review import begins_part, left_out_part
from plugin.enrolment.saving.review import Review, exception_part
from plugin.enrolment.terms import zone_of_host
from plugin.enrolment.waves.queues import Queue
from plugin.mirror.lookup.browse import Described, describe, hidden, names_of_people
from plugin.mirror.lookup.without_account import UnmatchedRecord, of_targets
from plugin.web.assignments.due_form import due_item_name
from plugin.web.certifications.notification_form import trigger_words
from plugin.web.certifications.row_words import begins_words, exclusion_words, wave_words
from plugin.web.certifications.setting_words import other_words
from plugin.web.frame.kit import host_id, page_number, runtime
from plugin.web.frame.words import action_words, count, due_words, exception_words, long_day, ngettext, short_day

NAMES_PART = 100
LINES = 60
"""Periods shown in the table of a forecast; of more, when the last begin."""
BARS = 14
PEOPLE = "messages"
"""The part of a review that counts people, not learners alone."""


@dataclass(frozen=True)
class ShownChange:
    """A changed row: its target, and its settings in words; of one that changed only those that differ."""

    state: str
    type: str
    key: str
    described: Described
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class ForeseenSentence:
    """What is foreseen about exceptions of a type, in a sentence, and the part of the review that holds the names."""

    sentence: str
    part: str


def review_context(
    session: Session, certification: int, proposal: Proposal, found: Review, zone: str
) -> dict[str, Any]:
    """What the templates of a review need."""
    return {
        "found": found,
        "changes": shown_changes(session, changes(proposal.current, proposal.definition), zone),
        "others": other_words(proposal.current, proposal.definition),
        "foreseen": [*left_out(session, found), *begins(session, found, zone), *foreseen(found)],
        **forecast_context(found.queue, zone),
        "sample": _sample(session, certification, found, proposal.definition.name),
        "strangers": strangers(session, changes(proposal.current, proposal.definition)),
    }


def strangers(session: Session, found: Sequence[RowChange]) -> list[tuple[str, list[UnmatchedRecord]]]:
    """By unit or audience that is added or changed, its people without an account at the learning site (SOURCES 3.5)."""
    rows = [one.row for one in found if one.state != REMOVED]
    targets = [(row.type, row.target, row.include == "below") for row in rows]
    people = of_targets(session, host_id(), targets, runtime().clock.now())
    names = describe(session, host_id(), people)
    return [(names[target].name, listed) for target, listed in people.items()]


def shown_changes(session: Session, found: Sequence[RowChange], zone: str) -> list[ShownChange]:
    """Changed rows, named and in words."""
    names = describe(session, host_id(), [(one.row.type, one.row.target) for one in found])
    shown = []
    unseen = hidden(session, host_id(), "individual", [one.row.target for one in found if one.row.type == "individual"])
    for one in (one for one in found if one.row.type != "individual" or one.row.target not in unseen):
        before, after = (
            settings_in_words(session, row, zone) if row is not None else () for row in (one.before, one.after)
        )
        if before and after:
            differing = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
            before, after = tuple(old for old, _new in differing), tuple(new for _old, new in differing)
        shown.append(ShownChange(
            one.state, one.row.type, one.row.key, names[one.row.type, one.row.target],
            tuple(word for word in before if word), tuple(word for word in after if word),
        ))  # fmt: skip
    return shown


def settings_in_words(session: Session, row: AssignmentDef, zone: str) -> tuple[str, ...]:
    """The settings of a row, one after the other, always as many; what its type lacks is empty."""
    group = row.type == "group"
    include = {
        "below": _("Include all below"),
        "direct": _("Include direct team"),
        "": _("Without those below") if row.type in ("organisation", "position") else "",
    }
    return (
        str(include.get(row.include, row.include)),
        exclusion_words(session, row.exclusions),
        begins_words(row.starts),
        wave_words(row.wave),
        str(row.group.get("description", "")) if group else "",
        str(_("Self-enrolment open") if row.group.get("self_enrol") else _("Self-enrolment closed")) if group else "",
        str(_("withdrawal allowed") if row.group.get("withdraw") else _("withdrawal not allowed")) if group else "",
        due_words(row.due, zone, due_item_name(session, host_id(), row.due)),
    )


def left_out(session: Session, found: Review) -> list[ForeseenSentence]:
    """How many people of its target each new or changed row leaves out (rules 11.1)."""
    kinds = {row: row.partition(":")[::2] for row in found.left_out}
    names = describe(session, host_id(), list(kinds.values()))
    return [
        ForeseenSentence(
            ngettext(
                "“%(name)s” leaves out %(num)s learner who is excepted.",
                "“%(name)s” leaves out %(num)s learners who are excepted.",
                size, name=names[kinds[row]].name,
            ),
            left_out_part(number),
        )
        for number, (row, size) in enumerate(found.left_out.items())
    ]  # fmt: skip


def begins(session: Session, found: Review, zone: str) -> list[ForeseenSentence]:
    """Which new or changed rows begin later, with how many people as things are now, and who stays (rules 11.2)."""
    kinds = {row: row.partition(":")[::2] for row in found.begins}
    names, told = describe(session, host_id(), list(kinds.values())), []
    for number, (row, (at, later, staying)) in enumerate(found.begins.items()):
        words = {"name": names[kinds[row]].name, "day": long_day(at, zone)}
        told.append(ForeseenSentence(
            ngettext(
                "“%(name)s” begins on %(day)s; as things are now it matches %(num)s learner then.",
                "“%(name)s” begins on %(day)s; as things are now it matches %(num)s learners then.", later, **words,
            ),
            begins_part(number),
        ))  # fmt: skip
        if staying:
            told.append(ForeseenSentence(
                ngettext(
                    "%(num)s learner enrolled through “%(name)s” stays, although it begins on %(day)s.",
                    "%(num)s learners enrolled through “%(name)s” stay, although it begins on %(day)s.",
                    staying, **words,
                ),
                begins_part(number, staying=True),
            ))  # fmt: skip
    return told


def foreseen(found: Review) -> list[ForeseenSentence]:
    """Exceptions that would be raised, and what standing answers would decide (rules 4.5)."""
    told = [
        ForeseenSentence(
            ngettext(
                "%(num)s learner will get the exception “%(kind)s”.",
                "%(num)s learners will get the exception “%(kind)s”.",
                size, kind=exception_words(kind),
            ),
            exception_part(kind),
        )
        for kind, size in found.exceptions.items()
    ]  # fmt: skip
    told += [
        ForeseenSentence(
            ngettext(
                "“%(kind)s” concerns %(num)s learner; the standing answer “%(answer)s” decides.",
                "“%(kind)s” concerns %(num)s learners; the standing answer “%(answer)s” decides.",
                size, kind=exception_words(kind), answer=action_words(answer),
            ),
            exception_part(kind, answer),
        )
        for (kind, answer), size in found.ruled.items()
    ]  # fmt: skip
    return told


def _sample(session: Session, certification: int, found: Review, name: str) -> dict[str, str] | None:
    """One of the messages, as it would read (rules 8.5)."""
    if found.sample is None:
        return None
    learner = names_of_people(session, host_id(), [found.sample.learner])[found.sample.learner]
    text = preview(
        session, host_id(), found.sample.definition, name, learner, number=certification, due=found.sample_due
    )
    return {**text, "to": learner.name or learner.ext, "when": trigger_words()[found.sample.when]}


def _days_of(found: Review, part: str, ids: Sequence[int], zone: str) -> dict[int, str]:
    """Of those who wait for a wave the day foreseen (rules 11.3)."""
    if part != "later" or found.queue is None:
        return {}
    queue = found.queue
    days = {one: queue.day_of(one) for one in ids}
    none = {
        one: str(_("stopped")) if one in queue.stopped else _after(queue, zone) for one, at in days.items() if not at
    }
    return {one: long_day(at, zone) if at else none[one] for one, at in days.items()}


def _after(queue: Queue, zone: str) -> str:
    return str(_("after %(day)s", day=long_day(queue.steps[-1].at, zone))) if queue.steps else ""


def names_context(session: Session, found: Review, part: str) -> dict[str, Any]:
    """A page of the people behind a number of a review.

    :raises NotFound: when reviews have no such number.
    """
    people = found.names.get(part)
    if people is None:
        raise NotFound(_("The review has no such number."))
    start = (page_number() - 1) * NAMES_PART
    ids = list(people[start : start + NAMES_PART])
    described = names_of_people(session, host_id(), ids)
    words = ngettext("%(num)s learner", "%(num)s learners", len(people))
    if part == PEOPLE:
        words = ngettext("%(num)s person gets a message", "%(num)s people get messages", len(people))
    return {
        "days": _days_of(found, part, ids, zone_of_host(session, host_id())),
        "people": [described[one] for one in ids], "total": len(people), "page_number": page_number(),
        "page_size": NAMES_PART, "start": start, "heading": words, "shown": count(start + len(ids)),
    }  # fmt: skip


@dataclass(frozen=True)
class ForecastBar:
    """One bar of the picture: where it stands, how high it is, how many it stands for, and its day."""

    x: int
    height: int
    size: int
    label: str


def forecast_context(queue: Queue | None, zone: str) -> dict[str, Any]:
    """What the review shows of a forecast: lines of the table, and bars of the picture."""
    if queue is None or not (queue.expected or queue.now):
        return {"forecast": None}
    days: dict[int, int] = {queue.at: len(queue.now)}
    for step in queue.steps:
        days[step.at] = days.get(step.at, 0) + len(step.people)
    left, lines = len(queue.expected) + len(queue.now), []
    for at, size in days.items():
        left -= size
        lines.append((long_day(at, zone) if at != queue.at else str(_("with this save")), size, left))
    sizes = list(days.items())[:BARS]
    most = max((size for _at, size in sizes), default=0) or 1
    bars = [
        ForecastBar(40 * n, round(size / most * 140), size, short_day(at, zone)) for n, (at, size) in enumerate(sizes)
    ]
    return {
        "forecast": {
            "lines": lines[:LINES], "more": max(len(lines) - LINES, 0), "last": lines[-1][0], "bars": bars,
            "stopped": len(queue.stopped), "beyond": len(queue.beyond),
        }
    }  # fmt: skip
