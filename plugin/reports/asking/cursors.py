"""Where a list goes on: the last row's keys, bound to the report they are of."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from plugin.reports.asking.question import Question
from plugin.reports.asking.unknown import RefusedReport

_NONE = "This cursor is none that an answer gave."


def written(question: Question, keys: Sequence[Any]) -> str:
    """A cursor."""
    return base64.urlsafe_b64encode(json.dumps([question.digest, *keys]).encode()).decode().rstrip("=")


def read(question: Question, length: int) -> list[Any] | None:
    """The keys of the last row before; ``None`` at the beginning.

    :param length: how many keys there are.
    :raises Refused: for the cursor of another report, and for what is none.
    """
    if not question.cursor:
        return None
    try:
        padded = question.cursor + "=" * (-len(question.cursor) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise RefusedReport(_NONE) from None
    if not isinstance(found, list) or not found or not all(_plain(one) for one in found):
        raise RefusedReport(_NONE)
    if found[0] != question.digest:
        raise RefusedReport("This cursor is of another report: ask from the beginning.")
    if len(found) != length + 1:
        raise RefusedReport(_NONE)
    return found[1:]


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)
