"""Backing up and restoring (docs/operations.md)."""

from __future__ import annotations

from pathlib import Path

from plugin.cli.opening import print_json, runtime
from plugin.cli.server.owner import keep_rows_apart, owner_of
from plugin.migrations.backup import Backup, restore, write_backup


def back_up(to: str, *, as_json: bool) -> int:
    """Write the database to a file while it is used."""
    made = runtime()
    _say("Backed up", write_backup(made.db, Path(to), made.clock.true()), as_json)
    return 0


def load(file: str, *, as_json: bool) -> int:
    """Load a file into an empty database."""
    made = runtime()
    database = owner_of(made)
    done = restore(database, Path(file))
    keep_rows_apart(made, database)
    _say("Restored", done, as_json)
    return 0


def _say(what: str, made: Backup, as_json: bool) -> None:
    if as_json:
        print_json({"schema": made.schema, "taken": made.taken, "checksum": made.checksum, "rows": made.rows})
    else:
        print(
            f"{what}: {sum(made.rows.values())} rows of {len(made.rows)} tables, schema {made.schema}, taken {made.taken}."
        )
        print(f"checksum: sha256:{made.checksum}")
