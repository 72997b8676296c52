"""Why an assignment matches a person or not, and why she is not active, in sentences a person understands.

Translated where somebody's page asks; on the command line, without a page, they stay as they are written.
"""

from __future__ import annotations

from flask_babel import gettext as _


def sentence(kind: str, matches: bool, *, kept: bool = False) -> str:
    """Why an assignment of a type matches a learner, or not.

    :param kept: its target is gone at the host, and she stays until somebody answers (DOMAIN 5.10).
    """
    if kept:
        return str(_("The target is gone at the learning site; this learner is kept until somebody answers."))
    return _yes(kind) if matches else _no(kind)


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
