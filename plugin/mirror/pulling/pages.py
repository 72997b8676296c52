"""Writing a page of a read: rows, marks and stamps in one transaction, and one record that cannot be kept costs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.host_time import move_on
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.core.text.stored import later
from plugin.core.text.texts import shown, usable
from plugin.hosts.port import Caps, HostDialect, LeftOutRecord, Page, Record
from plugin.mirror import problems
from plugin.mirror.changes import stamp
from plugin.mirror.pulling import lost_values
from plugin.mirror.pulling.fields import Unread
from plugin.mirror.pulling.rows import Kind, Written, drop_rows, write_rows
from plugin.mirror.pulling.unit_trees import renumber
from plugin.mirror.sources.learning_site import accounts_changed, lay_over_site, of_site
from plugin.mirror.tables import Connection

_log = log("mirror")


class Superseded(Unavailable):
    """What the host's dates mean, or how its records are mapped, was changed while it was read: the read begins again."""


@dataclass(frozen=True)
class HostReader:
    """A host being read, by one mapping and in one zone to its end (decision 0092)."""

    runtime: Runtime
    host_id: int
    connection: Connection
    host: HostDialect
    caps: Caps
    zone: str


def write_page(
    reader: HostReader,
    kind: Kind,
    page: Page,
    sweep: int,
    marks: dict[str, Any],
    kept: lost_values.KeptRows | None = None,
) -> int:
    """One page, its marks and its stamps in one transaction; returns how many rows changed.

    Where the database refuses a row, the page is halved until it stands alone; that one is left out and said.

    :raises Superseded: where zone or mapping are others than when the read began; nothing of the page is written.
    """
    move_on(reader.runtime, reader.host_id)  # first whatever time brought about by itself
    rows, aside = _named(kind, page)
    page = replace(page, rows=rows, aside=[*page.aside, *aside])
    try:
        return _write(reader, kind, page, sweep, marks, kept)
    except (*DATABASE_AWAY, Unavailable):
        raise
    except Exception as error:
        if not rows:
            raise
        _log.warning("a page could not be written", kind=kind.name, rows=len(rows), error=type(error).__name__)
    changed = _write_each(reader, kind, replace(page, rows=(), gone=()), list(rows), sweep, kept)
    return changed + _write(reader, kind, replace(page, rows=()), sweep, marks, kept)


def _write_each(
    reader: HostReader, kind: Kind, page: Page, rows: Sequence[Record], sweep: int, kept: lost_values.KeptRows | None
) -> int:  # fmt: skip
    """These rows in ever smaller parts, since there is one among them that cannot be written."""
    try:
        return _write(reader, kind, replace(page, rows=rows, aside=()), sweep, None, kept)
    except (*DATABASE_AWAY, Unavailable):
        raise
    except Exception as error:
        if len(rows) == 1:
            _log.error("a record could not be written", kind=kind.name, error=type(error).__name__)
            aside = [LeftOutRecord(shown(rows[0].id, 255), "stored")]
            return _write(reader, kind, replace(page, rows=(), aside=aside), sweep, None, kept)
    middle = len(rows) // 2
    return sum(_write_each(reader, kind, page, part, sweep, kept) for part in (rows[:middle], rows[middle:]))


def _named(kind: Kind, page: Page) -> tuple[list[Record], list[LeftOutRecord]]:
    """The records that can be kept under their id, whatever the dialect let through, and the others."""
    most = int(kind.table.__table__.c.ext.type.length)
    rows = [row for row in page.rows if usable(row.id, most)]
    aside = (
        [LeftOutRecord(shown(row.id)) for row in page.rows if not usable(row.id, most)]
        if len(rows) < len(page.rows)
        else []
    )
    return rows, aside


def _write(
    reader: HostReader, kind: Kind, page: Page, sweep: int, marks: Mapping[str, Any] | None, kept: lost_values.KeptRows | None
) -> int:  # fmt: skip
    def work(session: Session) -> int:
        rows = of_site(session, reader.host_id, kind.name, page.rows)
        rows = rows if kept is None else lost_values.keep_back(session, reader.host_id, rows, kept)
        over = lay_over_site(session, reader.host_id, kind.name, rows, partial=page.partial)
        written = write_rows(
            session, reader.host_id, kind, rows, reader.zone, sweep, partial=page.partial, lay_over=over
        )  # fmt: skip
        gone = drop_rows(session, reader.host_id, kind, [one for one in page.gone if usable(one, 520)])
        finish(session, reader, written, gone)
        row = _still_as_begun(session, reader)
        before = dict(row.marks.get(kind.name, {}))
        if marks is not None:
            read = {**before, "cursor": None, **marks, "read": reader.runtime.clock.now()}
            row.marks = {**row.marks, kind.name: read}
        _note(session, reader, kind, page, written, sweep or int(before.get("sweep", 0)))
        return written.changed + gone.changed

    return reader.runtime.db.transact(work)


def _still_as_begun(session: Session, reader: HostReader) -> Connection:
    """The connection, locked: whoever changes its mapping or the zone locks it too, so this read's marks come before
    that change, which forgets them, or never."""
    row = session.get_one(Connection, (reader.host_id, reader.connection.id), with_for_update=True)
    [(zone,)] = fetch(session, "SELECT time_zone FROM host WHERE id = ?", reader.host_id)
    if zone != reader.zone or row.mapping != reader.connection.mapping:
        raise Superseded(
            later("The time zone or the mapping of the learning site was changed meanwhile; it is read again.")
        )
    return row


def _note(session: Session, reader: HostReader, kind: Kind, page: Page, written: Written, sweep: int) -> None:
    """Write down what could not be read, and end what could not be read before."""
    met = [problems.Problem(ext, unread) for ext, unread in written.unread]
    met += [problems.Problem(one.id, Unread("id", one.id, one.cost)) for one in page.aside]
    well = [*(row.id for row in page.rows), *page.gone]
    problems.note(session, reader.host_id, kind.name, met, reader.runtime.clock.now(), sweep=sweep, well=well)


def finish(session: Session, reader: HostReader, *parts: Written) -> None:
    """Number the trees and stamp the people that something written touches; identities of sources join who came."""
    accounts = sorted({person for part in parts for person in part.accounts})
    parts = (*parts, accounts_changed(session, reader.host_id, accounts, reader.runtime.clock.now()))
    people = set().union(*(part.people for part in parts))
    if any(part.trees for part in parts):
        renumber(session, reader.host_id)
    if people or any(part.changed for part in parts):
        stamp(session, reader.host_id, people, reader.runtime.clock.now())
