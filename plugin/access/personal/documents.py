"""Ids of hers inside definitions and lists, her address among others', and files that name her: erased with her (ACCESS 7)."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from plugin.access.personal.held_data import ADDRESSES, FILES, IDS
from plugin.core.db import Base
from plugin.mirror.tables import Job, Person
from plugin.reports.sending.tables import ReportPart, ReportSending

Ids = Mapping[tuple[str, str], str]
"""What stands for an id from now on, by type of target and id."""


def ids_of(session: Session, person: Person, label: str) -> Ids:
    """Every id that names her as a target: her own, and those of her jobs as a manager's."""
    query = select(Job.id, Job.ext).where(Job.host_id == person.host_id, Job.person == person.id)
    jobs = {("manager", row.ext): f"{label}:{row.id}" for row in session.execute(query)}
    return {("individual", person.ext): label, **jobs}


def relabel(session: Session, host_id: int, ids: Ids) -> None:
    """Put the labels in place of the ids, wherever definitions, drafts and lists name them."""
    [mine] = [one for one in ids if one[0] == "individual"]
    for name, columns in IDS.items():
        table = Base.metadata.tables[name]
        keys = list(table.primary_key.columns)
        more = [table.c.type] if name == "assignment" else [table.c.kind] if name == "hint" else []
        query = select(*keys, *(table.c[one] for one in columns), *more).where(table.c.host_id == host_id)
        for row in session.execute(query).all():
            if name == "assignment":
                after = {"target": ids.get((row.type, row.target), row.target)}
            elif name == "hint":
                after = {
                    "ids": [ids[mine] if row.kind == "people" and one == mine[1] else one for one in row.ids or ()]
                }
            elif name == "people_list":
                after = {"targets": [ids[mine] if one == mine[1] else one for one in row.targets or ()]}
            else:
                after = {one: relabelled(getattr(row, one), ids) for one in columns}
            if changed := {one: value for one, value in after.items() if value != getattr(row, one)}:
                here = [one == getattr(row, one.name) for one in keys]
                session.execute(update(table).where(*here).values(**changed))


def relabel_managers(session: Session, host_id: int, ids: Ids) -> None:
    """Jobs of others that report to hers keep the chain, by the new ids."""
    for (kind, ext), label in ids.items():
        if kind == "manager":
            here = (Job.host_id == host_id, Job.manager_job_ext == ext)
            session.execute(update(Job).where(*here).values(manager_job_ext=label))


def relabelled(value: Any, ids: Ids) -> Any:
    """A document with the labels in place of ids: of rows, of keys such as ``individual:ID``, of exclusions, of members."""
    if isinstance(value, str):
        kind, _colon, rest = value.partition(":")
        return f"{kind}:{ids[kind, rest]}" if (kind, rest) in ids else value
    if isinstance(value, list | tuple):
        if len(value) > 1 and isinstance(value[0], str) and isinstance(value[1], str) and (value[0], value[1]) in ids:
            return [value[0], ids[value[0], value[1]], *value[2:]]
        return [relabelled(one, ids) for one in value]
    if not isinstance(value, dict):
        return value
    found = {relabelled(key, ids): relabelled(one, ids) for key, one in value.items()}
    if isinstance(target := value.get("target"), str) and (str(value.get("type")), target) in ids:
        found["target"] = ids[str(value["type"]), target]
    if isinstance(members := value.get("members"), list):
        found["members"] = [ids.get(("individual", str(one)), one) for one in members]
    return found


def blank_addresses(session: Session, host_id: int, person: Person) -> None:
    """Her address among those that reports of others go to."""
    if not person.email:
        return
    mail = person.email.casefold()
    for name, columns in ADDRESSES.items():
        table = Base.metadata.tables[name]
        query = select(table.c.id, *(table.c[one] for one in columns)).where(table.c.host_id == host_id)
        for row in session.execute(query).all():
            for column in columns:
                before = getattr(row, column) or []
                after = [
                    {**one, "to": f"person {person.id}"} if isinstance(one, dict) and str(one.get("to")).casefold() == mail
                    else one for one in before if not (isinstance(one, str) and one.casefold() == mail)
                ]  # fmt: skip
                if after != before:
                    here = (table.c.host_id == host_id, table.c.id == row.id)
                    session.execute(update(table).where(*here).values({column: after}))


def drop_files(session: Session, host_id: int, person: Person) -> None:
    """Files in which she stands are dropped whole: such a load cannot be undone, such a report not fetched any more."""
    names = _spelt(one for one in (person.ext, person.name, person.email, person.username, person.number) if one)
    for name, columns in FILES.items():
        if name == ReportPart.__tablename__:
            continue
        table = Base.metadata.tables[name]
        query = select(table.c.id, *(table.c[one] for one in columns)).where(table.c.host_id == host_id)
        for row in session.execute(query).all():
            gone = {one: None for one in columns if _names_her(_unpacked(getattr(row, one)), names)}
            if gone:
                session.execute(update(table).where(table.c.host_id == host_id, table.c.id == row.id).values(gone))
    kept = select(ReportPart.sending).where(ReportPart.host_id == host_id).distinct()
    for sending in session.scalars(kept).all():
        parts = select(ReportPart.data).where(ReportPart.host_id == host_id, ReportPart.sending == sending)
        data = b"".join(bytes(one) for one in session.scalars(parts.order_by(ReportPart.n)))
        if _names_her(_of_sheet(data) if data.startswith(b"PK") else data, names):
            here = (ReportPart.host_id == host_id, ReportPart.sending == sending)
            session.execute(delete(ReportPart).where(*here))
            sendings = update(ReportSending).where(ReportSending.host_id == host_id, ReportSending.id == sending)
            session.execute(sendings.values(kept_until=0))


def _spelt(names: Iterable[str]) -> list[bytes]:
    """Names as files spell them: as they are, in JSON, in a quoted cell, in a spreadsheet."""
    found = {form for one in names for form in (one, json.dumps(one)[1:-1], one.replace('"', '""'), escape(one))}
    return [one.encode() for one in sorted(found)]


def _unpacked(stored: bytes | None) -> bytes | None:
    """A stored file; ``None`` for what cannot be looked through."""
    try:
        return zlib.decompress(bytes(stored)) if stored else b""
    except zlib.error:
        return None


def _of_sheet(data: bytes) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            return b"".join(book.read(one) for one in book.namelist())
    except (zipfile.BadZipFile, ValueError, zlib.error):
        return None


def _names_her(content: bytes | None, names: list[bytes]) -> bool:
    return content is None or any(one in content for one in names)  # what cannot be looked through is not kept
