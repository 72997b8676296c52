"""What a review shows, before a save and before an undo alike: its numbers, its changes, one of its messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Proposal
from plugin.certifications.differences import Change, changes
from plugin.core.errors import NotFound
from plugin.enrolment.preview import Review, exception_part
from plugin.mirror.browse import Described, describe, names_of_people
from plugin.notifications.templates import preview
from plugin.web.due_form import due_item_name
from plugin.web.kit import host_id, page_number
from plugin.web.notification_form import trigger_words
from plugin.web.setting_words import other_words
from plugin.web.words import action_words, count, due_words, exception_words, ngettext

NAMES_PART = 100
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
class Foreseen:
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
        "foreseen": foreseen(found),
        "sample": _sample(session, certification, found, proposal.definition.name),
    }


def shown_changes(session: Session, found: Sequence[Change], zone: str) -> list[ShownChange]:
    """Changed rows, named and in words."""
    names = describe(session, host_id(), [(one.row.type, one.row.target) for one in found])
    shown = []
    for one in found:
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
        str(row.group.get("description", "")) if group else "",
        str(_("Self-enrolment open") if row.group.get("self_enrol") else _("Self-enrolment closed")) if group else "",
        str(_("withdrawal allowed") if row.group.get("withdraw") else _("withdrawal not allowed")) if group else "",
        due_words(row.due, zone, due_item_name(session, host_id(), row.due)),
    )


def foreseen(found: Review) -> list[Foreseen]:
    """Exceptions that would be raised, and what standing answers would decide (DOMAIN 4.5)."""
    told = [
        Foreseen(
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
        Foreseen(
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
    """One of the messages, as it would read (DOMAIN 8.5)."""
    if found.sample is None:
        return None
    learner = names_of_people(session, host_id(), [found.sample.learner])[found.sample.learner]
    text = preview(
        session, host_id(), found.sample.definition, name, learner, number=certification, due=found.sample_due
    )
    return {**text, "to": learner.name or learner.ext, "when": trigger_words()[found.sample.when]}


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
        "people": [described[one] for one in ids], "total": len(people), "page_number": page_number(),
        "page_size": NAMES_PART, "start": start, "heading": words, "shown": count(start + len(ids)),
    }  # fmt: skip
