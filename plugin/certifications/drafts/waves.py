"""How many begin in a period, of a row of a draft or of the whole certification (rules 11.3)."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.drafts.drafts import REMOVED, edit_row, find_row, set_details
from plugin.certifications.rules.waves import EVERY, MOST
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid


def set_wave(session: Session, draft: Draft, key: str, learners: int | None, every: str) -> None:
    """Set the wave of a row; without a key that of the certification.

    :param learners: how many in each period; 0 stops it, ``None`` takes it away.
    :raises NotFound: when the draft has no such row. :raises Invalid: for a number or period that is none.
    """
    wave: dict[str, Any] | None = None
    if learners is not None:
        if not 0 <= learners <= MOST or every not in EVERY:
            raise Invalid(_("Enter how many learners begin in each period: a whole number, 0 to stop."))
        wave = {"learners": learners, "every": every}
    if not key:
        set_details(session, draft, wave=wave)
        return
    if find_row(session, draft, key).state == REMOVED:
        raise Invalid(_("This assignment is to be removed. Undo that first."))
    edit_row(session, draft, key, wave=wave)
