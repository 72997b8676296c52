"""Who may do what: every view names its rule, and the application asks before the view runs (DOMAIN §10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from flask_babel import gettext as _

from plugin.core.errors import Forbidden, MusterError

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
"""Anybody: the door, static files, signs of life. What comes in proves itself otherwise."""
LAUNCHED = "launched"
"""Anybody who was launched, known to the host or not."""
LEARNER = "learner"
"""A person of this host's mirror; sees herself, and her team."""
ADMINISTRATOR = "administrator"
"""An administrator of this host, at launch or named in Muster."""
SETUP = "setup"
"""An administrator, or whoever opened a setup link: Hosts and nothing else."""
READER = "reader"
"""A program with a token of this host."""
WRITER = "writer"
"""A program whose token may change things."""
RULES = (PUBLIC, LAUNCHED, LEARNER, ADMINISTRATOR, SETUP, READER, WRITER)


class Visitor(Protocol):
    """What a rule asks about a launch, or about a program."""

    @property
    def person(self) -> int | None: ...

    @property
    def is_administrator(self) -> bool: ...

    @property
    def purpose(self) -> str: ...


class SignedOut(MusterError):
    """There is no session, or it ended."""

    status = 401
    exit_code = 1


def rule(name: str) -> Callable[[View], View]:
    """Name the rule of a view; it stands directly above the function."""
    if name not in RULES:
        raise ValueError(f"There is no rule '{name}'.")

    def mark(view: View) -> View:
        view.access_rule = name  # type: ignore[attr-defined]
        return view

    return mark


def rule_of(view: Callable[..., Any]) -> str | None:
    """The rule a view names, or ``None``."""
    return getattr(view, "access_rule", None)


def check(name: str, visitor: Visitor | None) -> None:
    """Let the visitor pass, or not.

    :raises SignedOut: where a launch is needed and there is none.
    :raises Forbidden: where this visitor may not.
    """
    if name == PUBLIC:
        return
    if name in (READER, WRITER):
        _check_program(name, visitor)
        return
    if visitor is None:
        raise SignedOut(_("Your session has ended. Open this page again from your learning site."))
    if name == SETUP and (visitor.purpose == "setup" or visitor.is_administrator):
        return
    if visitor.purpose in (READER, WRITER):
        raise Forbidden(_("A token opens the API only."))
    if visitor.purpose == "setup":
        raise Forbidden(_("A setup link opens Hosts only."))
    if name == LAUNCHED or (name == LEARNER and visitor.person is not None):
        return
    if name == ADMINISTRATOR and visitor.is_administrator:
        return
    if name == LEARNER:
        raise Forbidden(_("Muster does not know you yet: your learning site has not told it about you."))
    raise Forbidden(_("This page is for administrators of your learning site."))


def _check_program(name: str, visitor: Visitor | None) -> None:
    if visitor is None or visitor.purpose not in (READER, WRITER):
        raise SignedOut(
            _("Send a token that Muster knows: 'Authorization: Bearer muster_…'. Administrators make one under Hosts.")
        )
    if name == WRITER and visitor.purpose != WRITER:
        raise Forbidden(_("This token may read only."))
