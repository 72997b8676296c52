"""Migrations build exactly the tables the code has, on both databases, and can be taken back."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Column, Integer, LargeBinary, MetaData, Numeric, func, inspect, select, text

from plugin.core.db import Database
from plugin.migrations.run import config_for, downgrade, is_current, upgrade
from plugin.schema import metadata

MADE_ANEW = ["learner_set"]
"""Stored for speed alone: a migration may empty it, and the next settle fills it."""


def test_there_is_one_newest_migration(db: Database) -> None:
    assert len(ScriptDirectory.from_config(config_for(db)).get_heads()) == 1


def test_migrations_from_nothing_give_the_tables_of_the_code(db: Database) -> None:
    metadata.drop_all(db.engine)
    upgrade(db)
    assert is_current(db)
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [one for one in compare_metadata(context, metadata) if "alembic_version" not in str(one)]
    assert differences == []
    downgrade(db, "base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}


def test_a_database_with_something_in_every_table_goes_through_every_migration(db: Database) -> None:
    metadata.drop_all(db.engine)
    script = ScriptDirectory.from_config(config_for(db))
    revisions = [one.revision for one in script.walk_revisions()][::-1]
    filled: dict[str, int] = {}
    for revision in revisions:
        upgrade(db, revision)
        there = MetaData()
        there.reflect(db.engine)
        with db.engine.begin() as connection:
            for table in there.sorted_tables:
                if table.name not in filled and table.name != "alembic_version":
                    connection.execute(table.insert().values({one.name: _some(one) for one in table.columns}))
                    filled[table.name] = 1
    with db.engine.connect() as connection:
        still = {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in metadata.sorted_tables
            if table.name in filled
        }
    assert len(still) > 40
    assert [name for name, rows in still.items() if rows != 1] == MADE_ANEW
    with db.engine.connect() as connection:  # it has a row, so it does not say that it never had any
        assert connection.execute(text("SELECT enrolments_rev FROM certification")).scalar() == 1


def _some(column: Column[Any]) -> object:
    """Something that a column takes."""
    kind = column.type
    if isinstance(kind, JSON):
        return {"a": 1}
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, Integer | Numeric):
        return 1
    if isinstance(kind, LargeBinary):
        return b"1"
    return "1"
