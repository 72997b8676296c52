"""Leases of a database that was restored: whoever held them works elsewhere, or not at all, and never gives them back."""

from __future__ import annotations

from sqlalchemy import MetaData, update
from sqlalchemy.orm import Session

UNTIL = ("lease_until", "base_until")
"""Columns that say until when somebody works on a row."""


def free_leases(session: Session, there: MetaData) -> None:
    """Let every lease run out. The holder's name stays, so that a call that was open counts as one that may have arrived."""
    for table in there.tables.values():
        for name in UNTIL:
            if name in table.c:
                session.execute(update(table).where(table.c[name] != 0).values({name: 0}))
