"""Why an assignment matches a person or not, and why she is not active, in sentences a person understands.

Translated where somebody's page asks; on the command line, without a page, they stay as they are written.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from plugin.core.days import local_day


def sentence(kind: str, matches: bool, *, kept: bool = False) -> str:
    """Why an assignment of a type matches a learner, or not.

    :param kept: its target is gone at the host, and she stays until somebody answers (rules 5.10).
    """
    if kept:
        return str(_("The target is gone at the learning site; this learner is kept until somebody answers."))
    return _yes(kind) if matches else _no(kind)


def of_unit(kind: str, hers: Sequence[str], target: str, *, here: bool, below: bool, include: bool) -> str:
    """Why an organisation or position matches a learner with current jobs, or not, by name.

    :param hers: the units of her jobs: where she matches those that do it, else all of them.
    :param here: one of them is the target itself; ``below``: one is under it. :param include: *Include all below* is on.
    """
    names = {"hers": ", ".join(hers), "target": target}
    place = kind == "organisation"
    if not hers:
        words = _("Has no current job in an organisation.") if place else _("Has no current job with a position.")
    elif here:
        words = _("Works in %(target)s.", **names) if place else _("Holds the position %(target)s.", **names)
    elif below and include:
        words = (
            _("Works in %(hers)s, below %(target)s, and Include all below is on.", **names) if place
            else _("Holds the position %(hers)s, below %(target)s, and Include all below is on.", **names)
        )  # fmt: skip
    elif below:
        words = (
            _("Works in %(hers)s, below %(target)s, but Include all below is off.", **names) if place
            else _("Holds the position %(hers)s, below %(target)s, but Include all below is off.", **names)
        )  # fmt: skip
    else:
        words = (
            _("Works in %(hers)s, neither in %(target)s nor below it.", **names) if place
            else _("Holds the position %(hers)s, which is neither %(target)s nor below it.", **names)
        )  # fmt: skip
    return str(words)


def of_manager(*, direct: bool, below: bool, include: bool) -> str:
    """Why a manager's team has a learner in it, or not: she reports to the manager, or through others."""
    if direct:
        words = _("Reports to this manager.")
    elif below and include:
        words = _("Reports to this manager through others, and Include all below is on.")
    elif below:
        words = _("Reports to this manager through others, but only the direct team is included.")
    else:
        words = _("Does not report to this manager, nor through others.")
    return str(words)


def left_out(names: Sequence[str]) -> str:
    """Why an assignment whose target matches a learner does not match her: she belongs to what it excepts (rules 11.1)."""
    return str(_("Would match, but %(names)s is excepted and this learner belongs to it.", names=", ".join(names)))


def begins_on(why: str, day: str) -> str:
    """Why an assignment does not match a learner of its target yet (rules 11.2).

    :param why: the sentence that says why its target matches her.
    """
    begins = _("The assignment begins on %(day)s.", day=day)
    return f"{why} {begins}"


def waits(why: str, at: int | None, zone: str, *, stopped: bool) -> str:
    """Why an assignment with a wave has not enrolled a learner of its target yet (rules 11.3).

    :param why: the sentence that says why its target matches her. :param at: the instant foreseen; ``None`` for none.
    """
    waiting = _("This learner waits for a wave that is stopped.") if stopped else _("This learner waits for a wave.")
    if at is not None:
        day = local_day(at, zone).isoformat()
        waiting = _("This learner waits; by the forecast she begins on %(day)s.", day=day)
    return f"{why} {waiting}"


def _yes(kind: str) -> str:
    words = {
        "organisation": lambda: _("Has a current job in this organisation, or under it where all below are included."),
        "position": lambda: _("Has a current job in this position, or under it where all below are included."),
        "audience": lambda: _("Is a member of this audience."),
        "manager": lambda: _("Reports to this manager, directly or, where all below are included, through others."),
        "individual": lambda: _("Is assigned individually."),
        "group": lambda: _("Is a member of this group."),
    }
    return str(words[kind]())


def _no(kind: str) -> str:
    words = {
        "organisation": lambda: _(
            "Has no current job in this organisation (or under it, where all below are included)."
        ),
        "position": lambda: _("Has no current job in this position (or under it, where all below are included)."),
        "audience": lambda: _("Is not a member of this audience."),
        "manager": lambda: _(
            "Has no current job that reports to this manager (or through others, where all below are included)."
        ),
        "individual": lambda: _("This is somebody else."),
        "group": lambda: _("Is not a member of this group."),
    }
    return str(words[kind]())


def closed(kind: str, state: str) -> str:
    """Why a certification or program that is not live reaches nobody."""
    if kind == "program":
        return str(
            _("This program is a draft: it reaches nobody.") if state == "draft"
            else _("This program is archived: it reaches nobody.")
        )  # fmt: skip
    return str(
        _("This certification is a draft: it reaches nobody.") if state == "draft"
        else _("This certification is archived: it reaches nobody.")
    )  # fmt: skip


def held_back(kind: str) -> str:
    """Which open exception holds a learner back."""
    words = {
        "time_allowance": lambda: _("The exception “Time allowance” holds this learner back."),
        "unknown_date": lambda: _("The exception “Completion time unknown” holds this learner back."),
        "duplicate_course": lambda: _("The exception “Duplicate course” holds this learner back."),
        "already_assigned": lambda: _("The exception “Already assigned” holds this learner back."),
    }
    return str(words.get(kind, lambda: _("An exception holds this learner back."))())
