"""The codes that the enrolment tables store, and the words the outside reads for them (AS-CODE, "Shapes")."""

from __future__ import annotations

WITHDRAWN, ASSIGNED, IN_PROGRESS, CERTIFIED, WINDOW_OPEN, EXPIRED, COMPLETE = range(7)
STATES = ("withdrawn", "assigned", "in_progress", "certified", "window_open", "expired", "complete")
"""Words by ``Enrolment.state``."""

FREE, HELD_BY_EXCEPTION, DISMISSED, EXEMPT, HELD_BY_GUARD, TARGET_GONE = range(6)
"""``Enrolment.hold``: the first keeps nothing back; the next three keep her from being active; the last two
hold a *withdrawal*, so she stays active."""
HOLDS = (None, "exception", None, None, "guard", "target_gone")
"""What ``show`` prints as ``held``."""
INACTIVE_HOLDS = (HELD_BY_EXCEPTION, DISMISSED, EXEMPT)

TIME_ALLOWANCE, UNKNOWN_DATE, DUPLICATE_COURSE, ALREADY_ASSIGNED = range(4)
EXCEPTION_TYPES = ("time_allowance", "unknown_date", "duplicate_course", "already_assigned")
"""Words by ``ExceptionRow.type``."""
