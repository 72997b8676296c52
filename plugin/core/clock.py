"""The two clocks: the clock of rules, which a test may set, and the true clock, which nobody may."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from plugin.core.errors import Invalid
from plugin.core.stamps import timestamp
from plugin.core.text.translate import gettext as _


@dataclass(frozen=True)
class Clock:
    """Epoch seconds, UTC.

    ``now()`` is the clock of rules, retries, leases, grace and guard windows. With ``fixed`` (from
    ``MUSTER_NOW``, development only) it stands still at that instant for the life of the process.
    ``true()`` is always the real time: signatures, tokens, nonces, sessions and TLS use it.
    """

    fixed: int | None = None

    def now(self) -> int:
        """The instant that rules go by."""
        return self.fixed if self.fixed is not None else int(time.time())

    def true(self) -> int:
        """The real instant."""
        return int(time.time())


def parse_instant(text: str) -> int:
    """RFC 3339 text to epoch seconds.

    :raises Invalid: when it is not an instant with a zone.
    """
    written = text.strip()
    try:
        return timestamp(written)
    except ValueError:
        pass
    try:
        named = datetime.fromisoformat(written).tzinfo is not None
    except ValueError:
        named = True
    if not named:
        raise Invalid(_("'%(text)s' names no time zone; write it like 2027-03-31T17:00:00Z.", text=text))
    raise Invalid(_("'%(text)s' is not a time such as 2027-03-31T17:00:00Z.", text=text))


def format_instant(instant: int | None) -> str | None:
    """Epoch seconds to RFC 3339 in UTC (``2027-03-31T17:00:00Z``); ``None`` stays ``None``."""
    if instant is None:
        return None
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
