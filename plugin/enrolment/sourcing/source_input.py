"""What a source hands over: files that were given, or another program's API read whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.core.errors import Invalid, RefusedByRule, Unavailable
from plugin.core.runtime import Runtime
from plugin.hosts.csv.last_file import LastFile
from plugin.hosts.port import HostTrouble
from plugin.hosts.registry import DIALECTS, open_host
from plugin.mirror.connections.store import spec_for
from plugin.mirror.sources.api_sources import read_api
from plugin.mirror.sources.files import LoadFiles, read_files
from plugin.mirror.sources.source import Source, source_of, source_row
from plugin.mirror.sources.tables import Identity, SourceLoad
from plugin.mirror.tables import Connection

DONE = "done"
"""The state of a load that was done."""


class ReadTooEarly(Exception):
    """Another load, or a change of how the source is read, came between reading a file and writing what it says."""


def standing(session: Session, row: Connection) -> tuple[Any, ...]:
    """What files are read against: the newest load, how they are read, and whether. Where that changed, they are read anew."""
    here = (SourceLoad.host_id == row.host_id, SourceLoad.source == row.id, SourceLoad.state == DONE)
    newest = session.scalar(select(func.max(SourceLoad.id)).where(*here))
    said = (row.settings.get(name) for name in ("join", "units"))
    return newest, row.state == "paused", json.dumps([row.kind, row.mapping, *said], sort_keys=True)


def read(
    runtime: Runtime, host_id: int, name: str, files: Sequence[tuple[str, bytes]], kind: str
) -> tuple[Source, LoadFiles]:
    with runtime.db.read() as session:
        row = source_row(session, host_id, name)
        source = source_of(session, row)
        last, stands = _last_file(session, source), standing(session, row)
        session.expunge(row)
    if source.kind in DIALECTS and not files:
        return source, replace(_asked(runtime, row, source), stands=stands)
    if source.kind != "csv":
        raise Invalid(f"{name} is a source of kind {source.kind}: it reads no files.")
    handed = read_files(source, files, kind, last)
    if all(one.file.kind != "people" for one in handed.readings) and not _knows_people(runtime, source):
        raise RefusedByRule(f"{name} knows nobody yet: its first load needs a file of people.")
    return source, replace(handed, stands=stands)


def _asked(runtime: Runtime, row: Connection, source: Source) -> LoadFiles:
    """What another program's API has, read whole.

    :raises Unavailable: where it cannot be read.
    """
    address = str(row.settings.get("url") or "")
    if not address:
        raise Invalid(f"{source.name} has no address to read from: muster source set {source.name} --url ADDRESS")
    spec = replace(spec_for(runtime, row), api_url=address)
    try:
        return read_api(source, open_host(spec, runtime.http, runtime.clock))
    except HostTrouble as trouble:
        raise Unavailable(trouble.why) from None


def _last_file(session: Session, source: Source) -> LastFile | None:
    """The file of people that the newest load read, where nothing was taken back since."""
    here = (SourceLoad.host_id == source.host_id, SourceLoad.source == source.id, SourceLoad.state == DONE)
    for row in session.scalars(select(SourceLoad).where(*here).order_by(SourceLoad.id.desc())):
        if any(one["kind"] == "people" for one in row.files):
            return LastFile.unpack(row.content) if row.content else None
    return None


def _knows_people(runtime: Runtime, source: Source) -> bool:
    here = (Identity.host_id == source.host_id, Identity.source == source.id)
    with runtime.db.read() as session:
        return session.scalars(select(Identity.id).where(*here).limit(1)).first() is not None
