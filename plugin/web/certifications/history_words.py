"""What the history says, in sentences: what somebody did, what followed, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from flask_babel import gettext as _

from plugin.core.tables import Journal
from plugin.web.certifications.happening_words import what_words
from plugin.web.frame.day_words import plain_day
from plugin.web.frame.words import action_words, exception_words, ngettext, state_words

_BY_TIME, _BY_COURSES = {"window_open", "expired"}, {"in_progress", "certified", "complete"}
_STATES = ("assigned", "in_progress", "certified", "window_open", "expired", "complete")
_UNDO = re.compile(r"Undo of ([0-9]+)")


def who_words(who: str) -> str:
    """Who did it; nobody where a change, a rule or the time did."""
    words = {"sync": _("The learning site"), "rule": _("A rule"), "clock": _("Time"), "time": _("Time")}
    return str(words.get(who, who))


def by_time(followed: Iterable[str]) -> bool:
    """Whether nothing followed but what the time alone does."""
    found = set(followed)
    return bool(found) and _BY_TIME.issuperset(found)


def act_words(entry: Journal, name: str, zone: str, *, by_itself: bool = False, followed: Collection[str] = ()) -> str:
    """What was done, in a sentence.

    :param name: of the learner it is about, where it is one. :param by_itself: nobody did it. :param followed: what came of it.
    """
    if by_itself:
        if by_time(followed):
            return str(_("A day came"))
        if followed and _BY_COURSES.issuperset(followed):
            return str(_("Courses were completed"))
        words = {
            "sync": _("A change at the learning site"), "rule": _("A rule of this certification"),
            "clock": _("A day came"), "time": _("A day came"),
        }  # fmt: skip
        return str(words.get(entry.who, entry.who))
    what, many = entry.what, entry.count
    if what.startswith("exception_"):
        answer = action_words(what.removeprefix("exception_"))
        if what == "exception_reopen":
            return str(ngettext("Opened %(num)s exception again", "Opened %(num)s exceptions again", many))
        return str(
            ngettext("Answered %(num)s exception: %(answer)s", "Answered %(num)s exceptions: %(answer)s", many, answer=answer)
        )  # fmt: skip
    until = entry.data.get("until") if entry.data else None
    day = plain_day(int(until) - 1, zone) if isinstance(until, int) else ""
    about: dict[str, str] = {"name": name, "group": entry.reason, "day": day}
    return str(_single(what, about, many))


def _single(what: str, about: Mapping[str, str], many: int) -> str:
    day = about["day"]
    words: Mapping[str, Callable[[], str]] = {
        "saved": lambda: _("Saved changes"),
        "joined": lambda: _("%(name)s joined the group “%(group)s”", **about),
        "left": lambda: _("%(name)s left the group “%(group)s”", **about),
        "extended": lambda: (
            _("Moved the date of %(name)s to %(day)s", **about)
            if about["name"]
            else ngettext(
                "Moved the date of %(num)s learner to %(day)s",
                "Moved the dates of %(num)s learners to %(day)s",
                many,
                day=day,
            )
        ),
        "exempted": lambda: (
            _("Does not apply to %(name)s until %(day)s", **about) if day else _("Does not apply to %(name)s", **about)
        ),
        "held_released": lambda: ngettext("Released %(num)s withdrawal", "Released %(num)s withdrawals", many),
        "held_refused": lambda: ngettext("Refused %(num)s withdrawal", "Refused %(num)s withdrawals", many),
        "records_brought": lambda: ngettext("Imported %(num)s record", "Imported %(num)s records", many),
        "records_taken_back": lambda: ngettext("Took back %(num)s record", "Took back %(num)s records", many),
        "message_again": lambda: _("Sent %(name)s a message again", **about),
    }
    return str(words[what]()) if what in words else what_words(what)


def effect_words(what: str, reason: str, size: int) -> tuple[str, str]:
    """What followed, counted; and how it looks: ``plus``, ``minus`` or nothing."""
    if what.startswith("exception_"):
        kind, _colon, answer = reason.partition(": ")
        named = exception_words(kind)
        if what == "exception_raised":
            return str(ngettext("%(num)s exception: %(kind)s", "%(num)s exceptions: %(kind)s", size, kind=named)), ""
        if what == "exception_closed":
            return str(
                ngettext("%(num)s exception gone by itself: %(kind)s", "%(num)s exceptions gone by themselves: %(kind)s",
                         size, kind=named)
            ), ""  # fmt: skip
        told = action_words(answer.removesuffix(" (by rule)"))
        return str(
            ngettext("%(num)s exception answered by rule: %(answer)s", "%(num)s exceptions answered by rule: %(answer)s",
                     size, answer=told)
        ), ""  # fmt: skip
    words: Mapping[str, Callable[[], tuple[str, str]]] = {
        "enrolled": lambda: (ngettext("+%(num)s enrolled", "+%(num)s enrolled", size), "plus"),
        "released": lambda: (ngettext("+%(num)s let in", "+%(num)s let in", size), "plus"),
        "withdrawn": lambda: (ngettext("−%(num)s withdrawn", "−%(num)s withdrawn", size), "minus"),
        "leaving": lambda: (ngettext("%(num)s leaves after grace", "%(num)s leave after grace", size), ""),
        "held": lambda: (
            ngettext("%(num)s withdrawal put on hold", "%(num)s withdrawals put on hold", size), "",
        ),
        "due_changed": lambda: (ngettext("%(num)s due date changed", "%(num)s due dates changed", size), ""),
        "drift_repaired": lambda: (ngettext("%(num)s set right", "%(num)s set right", size), ""),
        "seats_repaired": lambda: (ngettext("%(num)s course place set right", "%(num)s course places set right", size), ""),
    }  # fmt: skip
    if what in words:
        found, tone = words[what]()
        return str(found), tone
    named = state_words(what) if what in _STATES else what_words(what)
    return str(ngettext("%(num)s now: %(state)s", "%(num)s now: %(state)s", size, state=named)), ""


def reason_words(entry: Journal, versions: Mapping[int, int]) -> str:
    """Why, in words; a reason that somebody typed stays as it is.

    :param versions: by number of a save the version that it made.
    """
    if entry.what in ("joined", "left") or entry.what.startswith("exception_"):
        return ""
    undone = _UNDO.fullmatch(entry.reason)
    if undone and int(undone[1]) in versions:
        return str(_("Undo of version %(number)s", number=versions[int(undone[1])]))
    words = {
        "found by the daily check": _("Found by the daily check"), "guard": _("More than the withdrawal guard lets pass"),
        "target_gone": _("The target of an assignment is missing at the host"),
        "team_gone": _("A manager no longer has a team"), "exempt": _("It does not apply"),
        "deleted at the host": _("Deleted at the learning site"),
    }  # fmt: skip
    return str(words.get(entry.reason, entry.reason))


def undone_saves(reasons: list[str]) -> list[int]:
    """The numbers of saves that reasons name as undone."""
    return [int(found[1]) for one in reasons if (found := _UNDO.fullmatch(one))]
