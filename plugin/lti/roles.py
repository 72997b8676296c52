"""Who is an administrator (rules 10): a system or institution role, never one of a course."""

from __future__ import annotations

from collections.abc import Sequence

_ADMINISTRATORS = frozenset(
    f"http://purl.imsglobal.org/vocab/lis/v2/{where}/person#{role}"
    for where, role in (
        ("system", "Administrator"), ("system", "SysAdmin"), ("institution", "Administrator"),
    )
)  # fmt: skip


def is_administrator(roles: Sequence[str]) -> bool:
    """Whether any of these roles is an administrator's. ``Instructor`` and every membership role is not."""
    return any(role in _ADMINISTRATORS for role in roles)
