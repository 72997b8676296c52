"""What the learning site tells of some kinds, read at once: for a change that counts on it in the same transaction."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.orm import Session

from plugin.core.errors import Unavailable
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.core.text.stored import later
from plugin.core.text.texts import usable
from plugin.hosts.port import Caps, HostTrouble, Record
from plugin.mirror.connections.store import can_be_read, open_connection, site_of
from plugin.mirror.pulling.rows import KINDS, Written, write_rows
from plugin.mirror.sources.learning_site import of_site

_MUCH = later(
    "The learning site has more to tell of this than %(seconds)s seconds are enough for. Let the command change it: muster source"
    " supply."
)
Told = Mapping[str, Sequence[Record]]
"""By kind of record what the site has of it."""


PATIENCE = 40.0
"""Seconds for which a page or a program waits at most; commands wait until the end."""


def read_at_once(runtime: Runtime, host_id: int, kinds: Collection[str], *, seconds: float | None = None) -> Told:
    """Everything that the learning site has of these kinds; nothing is written.

    A site that cannot be read at all, or not of a kind, tells nothing of it.

    :param seconds: for all of it.
    :raises Unavailable: where the site does not answer, or has more to tell than that.
    """
    until = None if seconds is None else time.monotonic() + seconds
    with runtime.db.read() as session:
        row = site_of(session, host_id)
        if row is None or not can_be_read(row):
            return {}
        session.expunge(row)
    told: dict[str, list[Record]] = {}
    host = open_connection(runtime, row)
    try:
        caps = Caps.from_json(row.caps) if row.caps else host.describe()
        for kind in KINDS:
            if kind in kinds and caps.can(kind, "full"):
                told[kind] = []
                for page in host.read(kind):
                    told[kind] += page.rows
                    if until is not None and time.monotonic() > until:
                        raise Unavailable(_MUCH % {"seconds": int(seconds or 0)})
    except HostTrouble as trouble:
        why = later("What the learning site says is needed now, and it cannot be read: %(why)s", why=trouble.why)
        raise Unavailable(why) from None
    return told


def write_at_once(session: Session, host_id: int, told: Told) -> Written:
    """Write it, as far as the site supplies it now. Who is missing is not judged: the next whole read does that."""
    zone = str(session.get_one(Host, host_id).time_zone)
    written = Written()
    for name, records in told.items():
        most = int(KINDS[name].table.__table__.c.ext.type.length)
        rows = [one for one in of_site(session, host_id, name, records) if usable(one.id, most)]
        written.add(write_rows(session, host_id, KINDS[name], rows, zone, 0))
    return written
