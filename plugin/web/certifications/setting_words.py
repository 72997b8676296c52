"""Settings of a certification beside its assignments, in words: what a save changed or would change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from flask_babel import gettext as _

from plugin.certifications.definition import DEFAULT_EXCEPTIONS, Definition
from plugin.certifications.drafts.differences import other_changes
from plugin.web.certifications.row_words import wave_words
from plugin.web.frame.words import action_words, day, exception_words


def other_words(before: Definition | None, after: Definition) -> list[tuple[str, str]]:
    """Settings that change: what they are called, and the new one where it fits a line."""
    labels = {
        "name": _("Name"), "kind": _("Kind"), "state": _("Availability"), "available": _("Availability"),
        "content": _("Courses"), "period": _("Validity and renewal"), "enrol": _("Enrolment into courses"),
        "leaving": _("When a learner leaves"), "exceptions": _("Standing answers to exceptions"),
        "notifications": _("Notifications"), "starts": _("First day"), "wave": _("Wave"),
        "areas": _("Area administrators"), "category": _("Category"),
    }  # fmt: skip
    words: Mapping[str, Callable[[Definition, Definition], list[str]]] = {
        "name": lambda _old, new: [new.name], "state": _available, "available": _available, "enrol": _enrolment,
        "leaving": _leaving, "exceptions": _answers,
        "wave": lambda _old, new: [wave_words(new.wave) or str(_("all at once"))],
        "starts": lambda _old, new: [_day(new.starts) if new.starts else _("at once")],
        "areas": lambda _old, new: [_("may work on it") if new.areas else _("may not work on it")],
        "category": lambda _old, new: [new.category],
    }  # fmt: skip
    changed: dict[str, str] = {}
    if before is not None:
        for name in other_changes(before, after):
            said = words[name](before, after) if name in words else []
            changed[str(labels.get(name, name))] = " · ".join(said)
    return list(changed.items())


def _available(_old: Definition, new: Definition) -> list[str]:
    """All of it: a last day alone does not say whether anybody is reached before."""
    states = {
        "draft": _("Draft: reaches nobody yet"), "live": _("Available to learners"),
        "archived": _("Archived: read only"),
    }  # fmt: skip
    begins, ends = new.available.get("from"), new.available.get("until")
    said = [states.get(new.state, new.state)]
    if begins:
        said.append(_("from %(day)s", day=_day(begins)))
    if ends:
        said.append(_("last day %(day)s", day=_day(ends)))
    return said


def _day(value: object) -> str:
    return day(date.fromisoformat(str(value)))


def _enrolment(_old: Definition, new: Definition) -> list[str]:
    return [_("at once") if new.enrol == "at_once" else _("when they open the course from Muster")]


def _leaving(old: Definition, new: Definition) -> list[str]:
    """What differs of it."""

    def differs(name: str, otherwise: str) -> str:
        value = str(new.leaving.get(name) or otherwise)
        return "" if value == str(old.leaving.get(name) or otherwise) else value

    seats = {"suspend": _("they are suspended"), "remove": _("they are removed"), "keep": _("they stay")}
    ends = {
        "stay": _("at its end all course places stay"),
        "leave": _("at its end all course places are treated the same"),
    }
    seat, grace, at_end = differs("seat", "suspend"), differs("grace", "0 days"), differs("at_end", "stay")
    returns = {
        "realistic": _("a due date that passed while they were suspended becomes a realistic one"),
        "keep": _("a due date that passed while they were suspended stays"),
    }
    after = _("after %(period)s", period=grace) if grace else ""
    back = returns.get(differs("on_return", "realistic"), "")
    return [one for one in (seats.get(seat, seat), after, ends.get(at_end, at_end), back) if one]


def _answers(old: Definition, new: Definition) -> list[str]:
    """Those that differ."""
    before, after = ({**DEFAULT_EXCEPTIONS, **one.exceptions} for one in (old, new))
    return [
        f"{exception_words(kind)}: {policy_words(kind, answer)}"
        for kind, answer in after.items()
        if before.get(kind) != answer
    ]


def policy_words(kind: str, answer: str) -> str:
    """A standing answer to a type of exception."""
    if kind == "already_assigned" and answer == "off":
        return str(_("Do not ask"))
    words = {"hold": _("Ask an administrator"), "wait": _("Wait until it is known")}
    return str(words.get(answer) or action_words(answer))
