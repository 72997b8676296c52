"""Who may do what: every page, operation and command names its rule, and is asked before it runs (ACCESS 1)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol, TypeVar

from flask_babel import gettext as _

from plugin.access.rights import Rights
from plugin.core.errors import Forbidden, MusterError

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
"""Anybody: the door, static files, signs of life. What comes in proves itself otherwise."""
SIGNED_IN = "signed in"
"""Anybody with a session, an operator's too."""
LAUNCHED = "launched"
"""Anybody who was launched, known to the host or not."""
LEARNER = "learner"
"""A person of this host's mirror; sees herself, and her team."""
STAFF = "staff"
"""Whoever has any right beyond a learner's; what she sees is narrowed to it."""
SEE = "see"
"""Reads the certification in the address: its administrators, and auditors."""
CHANGE = "change"
"""Administers the certification in the address."""
CREATE = "create"
"""Makes new certifications, out of one she reads where the address names one."""
SEE_HOST = "see host"
"""Reads what belongs to the whole host: site administrators and auditors."""
CHANGE_HOST = "change host"
"""Changes what belongs to the whole host: site administrators."""
SETUP = "setup"
"""Connects a learning site: an operator, or the site's administrator."""
SEE_SETUP = "see setup"
"""Looks at how a learning site is connected: as for ``setup``, and auditors."""
OPERATOR = "operator"
"""Decides which learning sites there are: whoever opened a setup link."""
RULES = (PUBLIC, SIGNED_IN, LAUNCHED, LEARNER, STAFF, SEE, CHANGE, CREATE, SEE_HOST, CHANGE_HOST, SETUP, SEE_SETUP,
         OPERATOR)  # fmt: skip

SCOPES = ("read", "write", "reports", "sources", "scim")
"""What a token may be for; none contains another."""
LAUNCH, OPERATING, PROGRAM = "launch", "setup", "program"
"""How a visitor came: launched, by a setup link, or with a token."""


class Visitor(Protocol):
    """What a rule asks about a launch, or about a program."""

    @property
    def person(self) -> int | None: ...

    @property
    def purpose(self) -> str: ...

    @property
    def rights(self) -> Rights: ...

    @property
    def scopes(self) -> Collection[str]: ...


class SignedOut(MusterError):
    """There is no session, or it ended."""

    status = 401
    exit_code = 1


Widens = bool | Callable[..., bool]
"""Whether a view widens: always, never, or as a question about the request says; it gets the parts of the address."""


def rule(name: str, *, scope: str = "", area: bool = False, widens: Widens = False) -> Callable[[View], View]:
    """Name the rule of a view; it stands directly above the function.

    :param area: whether it shows and does no more than what is about the people of an area, to whoever looks after one.
    :param widens: whether it gives rights or sends data elsewhere, so that it waits where a host wants two (ACCESS 2); a
        question where it removes as well, since removals act at once.
    :param scope: for what a program comes to: the scope its token needs. Programs get nowhere without one.
    """
    if name not in RULES or (scope and scope not in SCOPES):
        raise ValueError(f"There is no rule '{name}', or no scope '{scope}'.")

    def mark(view: View) -> View:
        view.access_rule = name  # type: ignore[attr-defined]  # kept on the function itself
        view.access_scope = scope  # type: ignore[attr-defined]  # kept on the function itself
        view.access_area = area  # type: ignore[attr-defined]  # kept on the function itself
        view.access_widens = widens  # type: ignore[attr-defined]  # kept on the function itself
        return view

    return mark


def rule_of(view: Callable[..., Any]) -> str | None:
    """The rule a view names, or ``None``."""
    return getattr(view, "access_rule", None)


def scope_of(view: Callable[..., Any]) -> str:
    """The scope a program needs for it; empty where programs have no business."""
    return getattr(view, "access_scope", "")


def area_of(view: Callable[..., Any]) -> bool:
    """Whether whoever looks after an area may come to it."""
    return getattr(view, "access_area", False)


def widens_of(view: Callable[..., Any]) -> Widens:
    """Whether it gives rights or sends data elsewhere."""
    found: Widens = getattr(view, "access_widens", False)
    return found


def check(
    name: str, visitor: Visitor | None, *, scope: str = "", certification: int | None = None, area: bool = False
) -> None:
    """Let the visitor pass, or not.

    :param scope: that a program's token needs; empty for pages.
    :param certification: the one in the address, for ``see`` and ``change``.
    :raises SignedOut: where a launch or a token is needed and there is none.
    :raises Forbidden: where this visitor may not.
    """
    if name == PUBLIC:
        return
    if scope:
        require_scope(visitor, scope)
    if visitor is None:
        raise SignedOut(_("Your session has ended. Open this page again from your learning site."))
    if visitor.purpose == PROGRAM and not scope:
        raise Forbidden(_("A token opens the API only."))
    if not allows(name, visitor, certification, area=area):
        raise Forbidden(_refusal(name, visitor))


def require_scope(visitor: Visitor | None, scope: str) -> None:
    """A program whose token has this scope.

    :raises SignedOut: without a token that Muster knows. :raises Forbidden: where its token lacks the scope.
    """
    if visitor is None or visitor.purpose != PROGRAM:
        raise SignedOut(
            _("Send a token that Muster knows: 'Authorization: Bearer muster_…'. Administrators make one under Hosts.")
        )
    if scope in visitor.scopes:
        return
    if scope == "write" and "read" in visitor.scopes:
        raise Forbidden(_("This token may read only."))
    raise Forbidden(_("This token lacks the scope '%(scope)s'.", scope=scope))


def demand(name: str, visitor: Visitor, certification: int | None = None, *, area: bool = False) -> None:
    """As :func:`check`, inside an operation whose body names what it is about.

    :raises Forbidden: where this visitor may not.
    """
    if not allows(name, visitor, certification, area=area):
        raise Forbidden(_refusal(name, visitor))


def in_area(name: str, visitor: Visitor, certification: int | None = None) -> bool:
    """Whether a rule lets this visitor pass for the people of her area alone."""
    rights = visitor.rights
    if name == STAFF:
        return bool(rights.units) and not rights.of_all
    if name in (SEE, CHANGE) and certification is not None:
        return rights.works_in(certification) and not allows(name, visitor, certification)
    return False


def allows(name: str, visitor: Visitor, certification: int | None = None, *, area: bool = False) -> bool:
    """Whether a rule lets this visitor pass; programs are their owners here.

    :param area: whether what it is asked for is cut to the people of an area.
    """
    if area and in_area(name, visitor, certification):
        return True
    rights = visitor.rights
    if name == PUBLIC:
        return True
    if visitor.purpose == OPERATING:
        return name in (SIGNED_IN, SETUP, SEE_SETUP, OPERATOR)
    answers = {
        SIGNED_IN: True,
        LAUNCHED: visitor.purpose == LAUNCH,
        LEARNER: visitor.person is not None,
        STAFF: rights.of_all,
        SEE: certification is not None and rights.sees(certification),
        CHANGE: certification is not None and rights.changes(certification),
        CREATE: rights.may_create and (certification is None or rights.sees(certification)),
        SEE_HOST: rights.sees_host,
        CHANGE_HOST: rights.changes_host,
        SETUP: rights.changes_host,
        SEE_SETUP: rights.sees_host,
        OPERATOR: False,
    }
    return answers[name]


def _refusal(name: str, visitor: Visitor) -> str:
    if visitor.purpose == OPERATING:
        return _("A setup link opens Hosts only.")
    if name == LEARNER:
        return _("Muster does not know you yet: your learning site has not told it about you.")
    if name == OPERATOR:
        return _("Only whoever runs Muster does this, with a setup link.")
    if visitor.rights.units and not visitor.rights.of_all:
        return _("Whoever looks after an area does not come to this.")
    if not visitor.rights.any:
        return _("This page is for administrators of your learning site.")
    if visitor.rights.auditor and name in (CHANGE, CREATE, CHANGE_HOST, SETUP):
        return _("You may look at everything here, and change nothing.")
    if name in (SEE, CHANGE):
        return _("You do not administer this certification.")
    if name == CREATE:
        return _("You may not make new certifications.")
    return _("This page is for those who administer the whole learning site.")
