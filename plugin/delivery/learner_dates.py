"""What delivery and notifications ask of enrolment, which stands above them: when somebody is due, and when it expires.

Whoever runs them hands in the answer (:func:`plugin.enrolment.message_dates.stored_dates`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sqlalchemy.orm import Session

Pair = tuple[int, int]
"""A certification and a learner."""
Dates = tuple[int | None, int | None]
"""The due and the expiry date."""
DatesOf = Callable[[Session, int, Collection[Pair]], Mapping[Pair, Dates]]
"""The dates of pairs of a host; a pair without an enrolment may be missing."""
NO_DATES: Dates = (None, None)
