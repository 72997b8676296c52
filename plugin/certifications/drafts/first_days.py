"""From when a row of a draft matches anybody, or the whole certification (rules 11.2)."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.drafts.drafts import REMOVED, edit_row, find_row, set_details
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid


def set_starts(session: Session, draft: Draft, key: str, day: str) -> None:
    """Set the first day of a row; without a key that of the certification.

    :param day: as ISO 8601 writes it; ``""`` for at once.
    :raises NotFound: when the draft has no such row. :raises Invalid: when it is to be removed.
    """
    if not key:
        set_details(session, draft, starts=day)
        return
    if find_row(session, draft, key).state == REMOVED:
        raise Invalid(_("This assignment is to be removed. Undo that first."))
    edit_row(session, draft, key, starts=day)
