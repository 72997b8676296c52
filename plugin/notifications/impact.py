"""How many messages something would send: counted before a save (DOMAIN 8.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.notifications.inherited import recipients
from plugin.notifications.recipients import recipients_of
from plugin.notifications.triggers import active


def impact(
    session: Session,
    host_id: int,
    certification: int,
    when: str,
    learners: BitMap,
    definitions: Sequence[Mapping[str, Any]] | None = None,
) -> int:
    """Messages that an event would send if it happened to these learners.

    :param definitions: the notifications proposed, in the file's shape; ``None``: those saved.
    """
    if not learners:
        return 0
    if definitions is None:
        lists = [one.to for one in active(session, host_id, certification, when)] if certification else []
    else:
        lists = [recipients(one) for one in definitions if one.get("when") == when and one.get("on", True)]
    count = 0
    for to in lists:
        if set(to) <= {"learner"}:
            count += len(learners) * len(to)
        else:
            count += sum(len(found) for found in recipients_of(session, host_id, list(learners), to).values())
    return count
