"""Brings a database to the newest migration."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from plugin.core.db import Database

_HERE = Path(__file__).parent


def config_for(database: Database) -> Config:
    """Alembic's configuration for an open database."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply what is missing."""
    command.upgrade(config_for(database), revision)


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back; for tests and emergencies."""
    command.downgrade(config_for(database), revision)


def is_current(database: Database) -> bool:
    """Whether the newest migration is applied."""
    head = ScriptDirectory(str(_HERE)).get_current_head()
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head
