"""What stands in a whole database: a digest of every table, to see whether something changed it and where; and all of it as text."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from contextlib import suppress

from sqlalchemy import MetaData, inspect, select, text

from plugin.core.db import Database


def digest_of(database: Database) -> Mapping[str, str]:
    """Each table with a digest of all that stands in it, in whatever order it comes."""
    found = {}
    with database.read() as session:
        for table in sorted(inspect(session.connection()).get_table_names()):
            rows = sorted(repr(tuple(row)) for row in session.execute(text(f'SELECT * FROM "{table}"')))
            found[table] = hashlib.sha256("\n".join(rows).encode("utf-8", "surrogatepass")).hexdigest()
    return found


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """The tables that differ."""
    return {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)}


def text_of(database: Database) -> str:
    """Everything a database holds, as text; what is compressed unpacked."""
    there, found = MetaData(), []
    there.reflect(database.engine)
    with database.engine.connect() as connection:
        for table in there.tables.values():
            for one in connection.execute(select(table)).all():
                for value in one:
                    if isinstance(value, bytes):
                        with suppress(zlib.error):
                            value = zlib.decompress(value)
                        value = bytes(value).decode("utf-8", "replace")
                    found.append(f"{table.name}: {value}")
    return "\n".join(found)
