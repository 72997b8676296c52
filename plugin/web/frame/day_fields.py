"""Calendar days in forms."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _

from plugin.core.errors import Invalid
from plugin.core.stamps import calendar_day


def day_from(text: str) -> str:
    """A day such as ``2027-03-31`` from what a date field sent; empty stays empty.

    :raises Invalid: for anything that is no day from 1970 to 9998.
    """
    if not text:
        return ""
    try:
        found = calendar_day(text)
    except ValueError:
        found = date.min
    if not 1970 <= found.year <= 9998:
        raise Invalid(_("“%(text)s” is no day. Write it like 2027-03-31.", text=text))
    return found.isoformat()
