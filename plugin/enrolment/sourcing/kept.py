"""What is kept of loads: those that were done, and those that wait until somebody lets them through (SOURCES 4.4, 4.5)."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from plugin.core.ids import take_ids
from plugin.core.runtime import Runtime
from plugin.enrolment.sourcing.plans import LoadPlan, report_of
from plugin.enrolment.sourcing.source_input import DONE
from plugin.mirror.sources.files import LoadFiles
from plugin.mirror.sources.source import Source, source_of, source_row
from plugin.mirror.sources.tables import SourceLoad

WAITS, UNDONE = "waits", "undone"
KEPT = 30 * 24 * 3600
"""Seconds for which a load, its report and the way back are kept (SOURCES 4.5)."""
Named = Sequence[tuple[str, bytes]]
"""Files: their names and contents."""
_LIGHT = (defer(SourceLoad.report), defer(SourceLoad.content), defer(SourceLoad.before))


def loads_in(session: Session, source: Source, state: str, *, light: bool = False) -> list[SourceLoad]:
    """Loads of a source in a state, newest first. ``light``: their reports and contents are not read with them."""
    here = (SourceLoad.host_id == source.host_id, SourceLoad.source == source.id, SourceLoad.state == state)
    query = select(SourceLoad).where(*here).order_by(SourceLoad.id.desc())
    return list(session.scalars(query.options(*_LIGHT) if light else query))


def short(document: dict[str, Any]) -> dict[str, Any]:
    """A plan as it is kept: of many refused rows the first; all are in the report."""
    files = [{**one, "refused": one["refused"][:200]} for one in document["files"]]
    return {**document, "files": files}


def files_of(handed: LoadFiles) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.file.kind,
            "name": one.file.name,
            "rows": one.count,
            "generated": one.generated,
            "ended": one.ended,
        }
        for one in handed.readings
    ]


def forget_old(session: Session, host_id: int, now: int) -> None:
    """Loads are kept for 30 days; of the newest of each source and kind of file what it read is kept for good."""
    newest: set[tuple[int, str]] = set()
    kept = select(SourceLoad).where(SourceLoad.host_id == host_id).order_by(SourceLoad.id.desc()).options(*_LIGHT)
    for row in session.scalars(kept):
        read_last = {(row.source, one["kind"]) for one in row.files or [{"kind": ""}]} if row.state == DONE else set()
        if row.at < now - KEPT:
            if read_last - newest:
                row.report = row.before = None
            else:
                session.delete(row)
        newest |= read_last
    session.flush()


def keep_waiting(
    runtime: Runtime, source: Source, handed: LoadFiles, plan_: LoadPlan, files: Named, kind: str, who: str
) -> None:
    """Keep a load that waits for somebody's *Load*, in place of one that waited before."""
    kept = {"plan": short(plan_.document), "reason": plan_.guard or "", "report": report_of(handed, plan_.taken)}
    content = _packed(files, kind)

    def work(session: Session) -> None:
        for row in loads_in(session, source, WAITS):
            session.delete(row)
        session.flush()
        session.add(_waits(session, runtime, source, handed, who, content, kept))

    runtime.db.transact(work)


def keep_unfit(
    runtime: Runtime, source: Source, handed: LoadFiles, sentence: str, files: Named, kind: str, who: str
) -> None:
    """Keep an older or half-written file, without a plan, until somebody takes it all the same or another is loaded."""
    content = _packed(files, kind)

    def work(session: Session) -> None:
        rows = loads_in(session, source, WAITS, light=True)
        if any(not is_unfit(row) for row in rows):
            return
        for row in rows:
            session.delete(row)
        session.flush()
        session.add(_waits(session, runtime, source, handed, who, content, {"plan": {}, "reason": sentence}))

    runtime.db.transact(work)


def is_unfit(row: SourceLoad) -> bool:
    """Whether a load that waits is of an older or half-written file: only ``force`` lets it through."""
    return row.state == WAITS and not row.plan


def _packed(files: Named, kind: str) -> bytes:
    content = {"kind": kind, "files": [[name, base64.b85encode(data).decode()] for name, data in files]}
    return zlib.compress(json.dumps(content).encode())


def _waits(
    session: Session,
    runtime: Runtime,
    source: Source,
    handed: LoadFiles,
    who: str,
    content: bytes,
    kept: dict[str, Any],
) -> SourceLoad:
    number = take_ids(session, source.host_id, "source_load")
    return SourceLoad(
        host_id=source.host_id, id=number, source=source.id, state=WAITS, at=runtime.clock.now(), who=who,
        files=files_of(handed), content=content, **kept,
    )  # fmt: skip


def waiting(session: Session, host_id: int, name: str) -> tuple[SourceLoad, Named, str] | None:
    """The load of a source that waits for somebody, with its files and their kind."""
    source = source_of(session, source_row(session, host_id, name))
    rows = loads_in(session, source, WAITS)
    if not rows or rows[0].content is None:
        return None
    content = json.loads(zlib.decompress(rows[0].content))
    return rows[0], [(one, base64.b85decode(data)) for one, data in content["files"]], content["kind"]
