"""The codes that the enrolment tables store, and the words the outside reads for them (AS-CODE, "Shapes")."""

from __future__ import annotations

WITHDRAWN, ASSIGNED, IN_PROGRESS, CERTIFIED, WINDOW_OPEN, EXPIRED, COMPLETE = range(7)
STATES = ("withdrawn", "assigned", "in_progress", "certified", "window_open", "expired", "complete")
"""Words by ``Enrolment.state``."""
REACHED = (CERTIFIED, WINDOW_OPEN, COMPLETE)
"""Of whoever has what the certification asks for."""
VALID = (CERTIFIED, WINDOW_OPEN)
"""Of whoever has a certification that will expire."""
FIRST_TIME = (ASSIGNED, IN_PROGRESS)
"""Of whoever has yet to get there for the first time."""
STILL_TO_DO = (*FIRST_TIME, EXPIRED)
"""Of whoever has something to do now."""

FREE, HELD_BY_EXCEPTION, DISMISSED, EXEMPT, HELD_BY_GUARD, TARGET_GONE = range(6)
"""``Enrolment.hold``: the first keeps nothing back; the next three keep her from being active; the last two
hold a *withdrawal*, so she stays active."""
HOLDS = (None, "exception", None, None, "guard", "target_gone")
"""What ``show`` prints as ``held``."""
INACTIVE_HOLDS = (HELD_BY_EXCEPTION, DISMISSED, EXEMPT)

TIME_ALLOWANCE, UNKNOWN_DATE, DUPLICATE_COURSE, ALREADY_ASSIGNED = range(4)
EXCEPTION_TYPES = ("time_allowance", "unknown_date", "duplicate_course", "already_assigned")
"""Words by ``ExceptionRow.type``."""


def listed(*codes: int) -> str:
    """Codes as SQL lists them, behind ``IN``."""
    return f"({', '.join(map(str, codes))})"


def active(of: str = "") -> str:
    """The SQL condition that an enrolment is active. :param of: the table's alias, with its full stop.

    These holds stand side by side: as a range they are compared in half the time.
    """
    return f"{of}state > {WITHDRAWN} AND {of}hold NOT BETWEEN {min(INACTIVE_HOLDS)} AND {max(INACTIVE_HOLDS)}"
