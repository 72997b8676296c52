"""The sandbox's own SQLite file: records of every kind with a change number, rosters' seats, inbox, log, settings."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
import sqlite3
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS record (kind TEXT, id TEXT, seq INTEGER, gone INTEGER DEFAULT 0, data TEXT,
  PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_seq ON record (kind, seq);
CREATE TABLE IF NOT EXISTS seat (course TEXT, person TEXT, generation INTEGER, want TEXT, PRIMARY KEY (course, person))
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (key TEXT PRIMARY KEY, person TEXT, at TEXT, subject TEXT, text TEXT, html TEXT);
CREATE INDEX IF NOT EXISTS inbox_person ON inbox (person);
CREATE TABLE IF NOT EXISTS log (n INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, call TEXT, type TEXT, key TEXT, person TEXT,
  course TEXT, want TEXT, generation INTEGER, outcome TEXT, effective INTEGER);
CREATE TABLE IF NOT EXISTS job (id TEXT PRIMARY KEY, ready REAL, outcomes TEXT);
CREATE TABLE IF NOT EXISTS line_item (n INTEGER PRIMARY KEY AUTOINCREMENT, course TEXT, link TEXT, resource TEXT, tag TEXT,
  label TEXT, most REAL);
CREATE TABLE IF NOT EXISTS score (item INTEGER, person TEXT, at TEXT, given REAL, most REAL, progress TEXT, posts INTEGER,
  PRIMARY KEY (item, person)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT);
"""
KINDS = ("people", "units", "jobs", "audiences", "members", "courses", "completions", "enrolments")
_BY = {
    "jobs": ("person", "organisation", "position", "manager_job"), "members": ("audience", "person"),
    "enrolments": ("course", "person"), "completions": ("person", "course"), "units": ("parent", "kind"),
}  # fmt: skip


def plain(text: str | None) -> str:
    """In small letters without accents, so that "zoe" finds Zoë."""
    decomposed = unicodedata.normalize("NFKD", (text or "").casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


class Store:
    """One file; one writer at a time, any number of readers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._writing = threading.RLock()
        with self.write() as db:
            for statement in _TABLES.split(";"):
                db.execute(statement)
            for kind, fields in _BY.items():
                for field in fields:
                    db.execute(
                        f"CREATE INDEX IF NOT EXISTS {kind}_{field} ON record (json_extract(data, '$.{field}'))"
                        f" WHERE kind = '{kind}' AND gone = 0"
                    )

    @property
    def db(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "db", None)
        if found is None:
            found = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            found.row_factory = sqlite3.Row
            found.create_function("plain", 1, plain, deterministic=True)
            found.execute("PRAGMA journal_mode=WAL")
            found.execute("PRAGMA synchronous=NORMAL")
            self._local.db = found
        return found

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction."""
        with self._writing:
            db = self.db
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def next_seq(self) -> int:
        """The next change number; call inside a transaction."""
        row = self.db.execute("SELECT value FROM setting WHERE name = 'seq'").fetchone()
        seq = int(row[0]) + 1 if row else 1
        self.db.execute("INSERT OR REPLACE INTO setting VALUES ('seq', ?)", (str(seq),))
        return seq

    def seq(self) -> int:
        """The latest change number."""
        row = self.db.execute("SELECT value FROM setting WHERE name = 'seq'").fetchone()
        return int(row[0]) if row else 0

    def put(self, kind: str, rows: Iterable[dict[str, Any]]) -> None:
        """Create or replace records; call inside a transaction."""
        seq = self.next_seq()
        self.db.executemany(
            "INSERT INTO record (kind, id, seq, gone, data) VALUES (?, ?, ?, 0, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET seq = excluded.seq, gone = 0, data = excluded.data",
            [(kind, row["id"], seq, json.dumps(row, ensure_ascii=False)) for row in rows],
        )

    def drop(self, kind: str, ids: Iterable[str]) -> None:
        """Delete records, leaving the tombstone that deltas tell of; call inside a transaction."""
        seq = self.next_seq()
        self.db.executemany(
            "UPDATE record SET gone = 1, seq = ? WHERE kind = ? AND id = ?", [(seq, kind, one) for one in ids]
        )

    def get(self, kind: str, ident: str) -> dict[str, Any] | None:
        """One record that exists."""
        row = self.db.execute(
            "SELECT data FROM record WHERE kind = ? AND id = ? AND gone = 0", (kind, ident)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def where(self, kind: str, field: str, value: str) -> list[dict[str, Any]]:
        """Records with a field of this value, by id."""
        rows = self.db.execute(
            f"SELECT data FROM record WHERE kind = '{kind}' AND gone = 0 AND json_extract(data, '$.{field}') = ? ORDER BY id",
            (value,),
        )
        return [json.loads(row[0]) for row in rows]

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every record of a kind, by id."""
        rows = self.db.execute("SELECT data FROM record WHERE kind = ? AND gone = 0 ORDER BY id", (kind,))
        return [json.loads(row[0]) for row in rows]

    def setting(self, name: str, value: str | None = None) -> str:
        """Read a setting, or write it."""
        if value is not None:
            with self.write() as db:
                db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))
        row = self.db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""
