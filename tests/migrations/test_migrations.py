"""Migrations build exactly the tables the code has, on both databases, and can be taken back."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from plugin.core.db import Database
from plugin.migrations.run import config_for, downgrade, is_current, upgrade
from plugin.schema import metadata


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
