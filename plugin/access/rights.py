"""What a visitor may do in her host: her role at launch and her grants, added up (ACCESS 1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date

from plugin.access.tables import AccessGrant
from plugin.core.days import local_day

ROLES = ("site", "certification", "area", "auditor")
"""What a grant may give."""


@dataclass(frozen=True)
class Rights:
    """Rights within one host; the empty one is a learner's.

    :ivar site: everything of the host.
    :ivar auditor: reads everything, changes nothing.
    :ivar all: administers every certification; ``certifications``: administers these, by our ids.
    :ivar categories: administers every certification of these; ``units``: looks after the people of these, by our ids,
        and of all below. What they come to now are ``certifications`` and ``opened``, once :func:`plugin.access.standing.filled`
        has looked.
    :ivar opened: certifications that are open to areas, where she looks after one.
    :ivar creates: makes new certifications.
    :ivar only: where not ``None``, reaches no other certification: a token that names some.
    """

    site: bool = False
    auditor: bool = False
    all: bool = False
    certifications: frozenset[int] = frozenset()
    creates: bool = False
    only: frozenset[int] | None = None
    categories: frozenset[str] = frozenset()
    units: frozenset[int] = frozenset()
    opened: frozenset[int] = frozenset()

    @property
    def any(self) -> bool:
        """Whether she is more than a learner."""
        return self.of_all or bool(self.units)

    @property
    def of_all(self) -> bool:
        """Whether she has a right that is not about an area alone."""
        return bool(self.site or self.auditor or self.all or self.certifications or self.categories or self.creates)

    @property
    def only_looks(self) -> bool:
        """An auditor and nothing besides: what she keeps is for herself."""
        return self.auditor and not (
            self.site or self.all or self.certifications or self.categories or self.creates or self.units
        )

    @property
    def sees_host(self) -> bool:
        """Reads what belongs to the whole host."""
        return (self.site or self.auditor) and self.only is None

    @property
    def changes_host(self) -> bool:
        """Changes what belongs to the whole host."""
        return self.site and self.only is None

    @property
    def may_create(self) -> bool:
        """Makes new certifications."""
        return (self.site or self.creates) and self.only is None

    def changes(self, certification: int) -> bool:
        """Administers this certification."""
        return (self.site or self.all or certification in self.certifications) and self._reaches(certification)

    def sees(self, certification: int) -> bool:
        """Reads this certification."""
        return (self.auditor and self._reaches(certification)) or self.changes(certification)

    def works_in(self, certification: int) -> bool:
        """Looks after her area's people in this certification."""
        return bool(self.units) and certification in self.opened and self._reaches(certification)

    def seen(self) -> frozenset[int] | None:
        """The only certifications she reads, of some perhaps her area's people alone; ``None`` for all."""
        if self.site or self.auditor or self.all:
            return self.only
        return self._reached(self.certifications | (self.opened if self.units else frozenset()))

    def seen_whole(self) -> frozenset[int] | None:
        """The only certifications of which she reads everybody; ``None`` for all."""
        return self.only if self.site or self.auditor or self.all else self._reached(self.certifications)

    def _reached(self, certifications: frozenset[int]) -> frozenset[int]:
        return certifications if self.only is None else certifications & self.only

    def narrowed(self, certifications: Collection[int] | None) -> Rights:
        """The same rights over these certifications alone; ``None`` leaves them as they are."""
        return self if certifications is None else replace(self, only=frozenset(certifications))

    def covers(self, other: Rights) -> bool:
        """Whether whoever has these may give the others away: nobody grants what she has not."""
        if self.site and self.only is None:
            return True
        if (
            other.site
            or other.auditor
            or other.units
            or (other.creates and not self.may_create)
            or (other.all and not self.all)
        ):
            return False
        if self.only is not None:
            return False
        return self.all or (
            other.certifications <= self.certifications and other.categories <= self.categories
        )  # fmt: skip

    def _reaches(self, certification: int) -> bool:
        return self.only is None or certification in self.only


NONE = Rights()
SHELL = Rights(site=True, auditor=True, all=True, creates=True)
"""Whoever may run commands on the server."""


def rights_of(grants: Iterable[AccessGrant], *, role: bool, life: int, day: date) -> Rights:
    """Rights added up.

    :param grants: hers, ended ones among them.
    :param role: whether her launch came with an administrator's role.
    :param life: of her person; grants to an earlier life count for nothing.
    :param day: today in the host's zone.
    """
    found = Rights(site=role)
    for one in grants:
        if not is_over(one, day) and (one.person is None or one.life == life):
            found = added(found, of_grant(one))
    return found


def of_grant(grant: AccessGrant) -> Rights:
    """What one grant gives."""
    if grant.role == "site":
        return Rights(site=True)
    if grant.role == "auditor":
        return Rights(auditor=True)
    if grant.role == "certification":
        named, categories = grant.scope.get("certifications"), frozenset(grant.scope.get("categories", ()))
        return Rights(
            all=named is None and not categories, certifications=frozenset(named or ()), categories=categories,
            creates=bool(grant.scope.get("may_create")),
        )  # fmt: skip
    if grant.role == "area":
        return Rights(units=frozenset(grant.scope.get("units", ())))
    return NONE


def added(one: Rights, other: Rights) -> Rights:
    """Both together."""
    return Rights(
        site=one.site or other.site, auditor=one.auditor or other.auditor, all=one.all or other.all,
        certifications=one.certifications | other.certifications, creates=one.creates or other.creates,
        categories=one.categories | other.categories, units=one.units | other.units,
    )  # fmt: skip


def is_over(grant: AccessGrant, day: date) -> bool:
    """Whether its last day is behind us."""
    return bool(grant.until) and grant.until < day.isoformat()


def today(now: int, zone: str) -> date:
    """The day by which ends are judged: the last day is whole, in the host's zone."""
    return local_day(now, zone)
