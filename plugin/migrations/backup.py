"""A database as one file, taken while it is used and loaded into an empty one, of either kind (ACCESS, operator's part).

The file is a zip: one entry of JSON lines for each table, and ``manifest.json``, which has the schema's number and the SHA-256
of each entry. Everything is read in one transaction, so it is one moment of the database. Sealed secrets are copied as they
are stored, so that the file is worth nothing without ``MUSTER_SECRET_KEYS``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Connection, Integer, LargeBinary, MetaData, Table, func, inspect, select, text
from sqlalchemy.orm import Session

from plugin import __version__
from plugin.core.clock import format_instant
from plugin.core.database.bulk import insert_rows
from plugin.core.database.tenant import across
from plugin.core.db import Database
from plugin.core.errors import Invalid, RefusedByRule, Unavailable
from plugin.migrations.leases import free_leases
from plugin.migrations.run import upgrade

FORMAT = 1
LEFT_OUT = frozenset({"alembic_version", "launch_session", "learner_set", "nonce", "once_link", "worker"})
"""What lives for minutes, or is made anew: sessions and logins end with a restore, stored sets are computed again."""
_ROWS = 2_000
_MANIFEST = "manifest.json"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Backup:
    """What a file holds: the schema's number, when it was taken, and the rows of each table."""

    schema: str
    taken: str
    rows: dict[str, int]
    checksum: str


# --- taking one


def write_backup(database: Database, to: Path, now: int) -> Backup:
    """Take a backup; the file appears when it is complete, readable by its owner alone.

    :raises RefusedByRule: where there is a file of this name, or the database has no tables of ours.
    :raises Unavailable: where the file cannot be written.
    """
    if to.exists():
        raise RefusedByRule(f"{to} is there already; a backup overwrites nothing.")
    part = to.with_name(f"{to.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(descriptor, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive,
        ):
            made = _write(database, archive, now)
        os.replace(part, to)
    except OSError as error:
        raise Unavailable(f"{to} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return made


def _write(database: Database, archive: zipfile.ZipFile, now: int) -> Backup:
    with _one_moment(database) as connection:
        schema = MigrationContext.configure(connection).get_current_revision()
        if schema is None:
            raise RefusedByRule("The database is empty: there is nothing to back up.")
        tables: dict[str, Any] = {}
        for table in _tables(connection):
            digest, rows = hashlib.sha256(), 0
            with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as entry:
                for line in _lines(connection, table):
                    digest.update(line)
                    entry.write(line)
                    rows += 1
            columns = [[column.name, _kind(column.type)] for column in table.columns]
            tables[table.name] = {"rows": rows, "sha256": digest.hexdigest(), "columns": columns}
    manifest = {
        "format": FORMAT, "muster": __version__, "schema": schema, "taken": format_instant(now), "tables": tables,
        "checksum": _checksum(schema, tables),
    }  # fmt: skip
    archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
    return _described(manifest)


def _one_moment(database: Database) -> Connection:
    """A connection whose one transaction sees one moment of the database."""
    if database.sqlite:
        return database.engine.connect()  # its reads are of one snapshot by themselves
    with across("a backup"):
        engine = database.engine_now()
    return engine.connect().execution_options(isolation_level="REPEATABLE READ", stream_results=True)


def _tables(connection: Connection) -> list[Table]:
    there = MetaData()
    there.reflect(connection, only=lambda name, _: name not in LEFT_OUT)
    return sorted(there.tables.values(), key=lambda table: table.name)


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    kinds = [_kind(column.type) for column in table.columns]
    cast = "CAST({} AS TEXT)" if connection.dialect.name != "sqlite" else "{}"
    names = [
        (cast if kind == "json" else "{}").format(f'"{column.name}"')
        for column, kind in zip(table.columns, kinds, strict=True)
    ]
    order = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    rows = connection.execute(
        text(f'SELECT {", ".join(names)} FROM "{table.name}"' + (f" ORDER BY {order}" if order else ""))
    )
    for row in rows:
        values = [_outward(value, kind) for value, kind in zip(row, kinds, strict=True)]
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _kind(column: Any) -> str:
    if isinstance(column, JSON):
        return "json"
    if isinstance(column, Boolean):
        return "bool"
    if isinstance(column, LargeBinary):
        return "bytes"
    return "int" if isinstance(column, Integer) else "text"


def _outward(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "bytes":
        return base64.b64encode(bytes(value)).decode()
    return int(value) if kind in ("bool", "int") else str(value)


# --- loading one


def read_backup(file: Path) -> Backup:
    """What a file holds, with every line compared to its checksum.

    :raises Invalid: where it is no backup, is damaged, or is not complete.
    """
    with _opened(file) as archive:
        manifest = _manifest(archive, file)
        for name, told in manifest["tables"].items():
            digest, rows = hashlib.sha256(), 0
            with _entry(archive, name, file) as entry:
                for line in _each(entry, file):
                    digest.update(line)
                    rows += 1
            if rows != told["rows"] or digest.hexdigest() != told["sha256"]:
                raise Invalid(f"{file} is damaged: its table '{name}' is not what was written.")
    return _described(manifest)


def restore(database: Database, file: Path) -> Backup:
    """Load a backup into an empty database, and bring that up to date. All of it or nothing.

    :raises Invalid: where the file is not whole, or from a newer release. :raises RefusedByRule: where there is data.
    """
    made = read_backup(file)
    if made.schema not in {one.revision for one in ScriptDirectory(str(_HERE)).walk_revisions()}:
        raise Invalid(f"This backup is of a newer release of Muster (schema {made.schema}): restore it with that one.")
    _make_tables(database, made.schema)
    with _opened(file) as archive, database.write() as session:
        manifest = _manifest(archive, file)
        there = MetaData()
        there.reflect(session.connection(), only=lambda name, _: name not in LEFT_OUT)
        for name, told in manifest["tables"].items():
            with _entry(archive, name, file) as entry:
                _load(session, there.tables[name], told["columns"], _each(entry, file))
        _count_on(session, there)
        free_leases(session, there)
    upgrade(database)
    return made


def _make_tables(database: Database, schema: str) -> None:
    """Tables of the backup's schema, where there are none.

    :raises RefusedByRule: where they are of another schema, or anything is in them.
    """
    with database.engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        if present is None and inspect(connection).get_table_names():
            raise RefusedByRule(
                "The database has tables that are none of Muster's; a backup is restored into an empty one."
            )
        for table in _tables(connection) if present is not None else []:
            if connection.execute(select(func.count()).select_from(table)).scalar():
                raise RefusedByRule("The database is not empty; a backup is restored into an empty one.")
    if present is None:
        upgrade(database, schema)
    elif present != schema:
        raise RefusedByRule(
            f"The database's tables are of schema {present}, the backup is of {schema}: restore into one without tables."
        )


def _load(session: Session, table: Table, columns: list[list[str]], lines: Iterator[bytes]) -> None:
    batch: list[list[Any]] = []
    for line in lines:
        batch.append(json.loads(line))
        if len(batch) == _ROWS:
            _insert(session, table, columns, batch)
            batch = []
    if batch:
        _insert(session, table, columns, batch)


def _insert(session: Session, table: Table, columns: list[list[str]], batch: list[list[Any]]) -> None:
    values = zip(*batch, strict=True)
    insert_rows(
        session, table,
        {
            name: [base64.b64decode(one) if one is not None else None for one in column] if kind == "bytes" else list(column)
            for (name, kind), column in zip(columns, values, strict=True)
        },
    )  # fmt: skip


def _count_on(session: Session, there: MetaData) -> None:
    """PostgreSQL's own counters go on behind the numbers that are taken."""
    if session.get_bind().dialect.name == "sqlite":
        return
    for table in there.tables.values():
        for column in table.primary_key.columns:
            if column.server_default is not None and "nextval" in str(column.server_default.arg):  # type: ignore[attr-defined]  # a default of the server is text
                session.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'),"
                        f' (SELECT coalesce(max("{column.name}"), 0) + 1 FROM "{table.name}"), false)'
                    )
                )


# --- the file


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from None
    except zipfile.BadZipFile:
        raise Invalid(f"{file} is no backup of Muster, or is not complete.") from None


def _entry(archive: zipfile.ZipFile, name: str, file: Path) -> IO[bytes]:
    try:
        return archive.open(f"{name}.jsonl")
    except (KeyError, zipfile.BadZipFile):
        raise Invalid(f"{file} is damaged: its table '{name}' is missing.") from None


def _each(entry: IO[bytes], file: Path) -> Iterator[bytes]:
    try:
        yield from entry
    except (zipfile.BadZipFile, EOFError, OSError, ValueError):
        raise Invalid(f"{file} is damaged.") from None


def _manifest(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    try:
        found = json.loads(archive.read(_MANIFEST))
        if found["format"] != FORMAT or found["checksum"] != _checksum(found["schema"], found["tables"]):
            raise ValueError
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile):
        raise Invalid(f"{file} is no backup of Muster, or is damaged.") from None
    return dict(found)


def _checksum(schema: str, tables: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([schema, tables], sort_keys=True).encode()).hexdigest()


def _described(manifest: dict[str, Any]) -> Backup:
    rows = {name: told["rows"] for name, told in manifest["tables"].items()}
    return Backup(manifest["schema"], manifest["taken"], rows, manifest["checksum"])
