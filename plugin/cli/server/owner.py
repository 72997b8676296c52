"""Commands that change tables run as the role that owns them (docs/operations.md, "Two roles on PostgreSQL")."""

from __future__ import annotations

import click

from plugin.core.db import Database
from plugin.core.errors import Invalid
from plugin.core.runtime import Runtime
from plugin.migrations.row_security import put_up, take_down


def owner_of(made: Runtime) -> Database:
    """The database as its owner: by ``MUSTER_MIGRATION_DATABASE_URL`` where it is set, else as the application has it.

    :raises Invalid: where row security is on and no owner is named: the application's role may own nothing.
    """
    address, on = made.settings.database_owner_url, made.settings.row_security
    if not address:
        if on:
            raise Invalid(
                "MUSTER_ROW_SECURITY needs MUSTER_MIGRATION_DATABASE_URL for this command: a role that owns the tables, apart"
                " from the application's, which owns nothing (docs/operations.md, Two roles on PostgreSQL). In production"
                " it is on unless MUSTER_ROW_SECURITY=false."
            )
        return made.db
    owner = Database(address, pooler=made.settings.database_pooler, row_security=on)
    command = click.get_current_context(silent=True)
    if command is not None:
        command.call_on_close(owner.close)
    return owner


def keep_rows_apart(made: Runtime, owner: Database) -> None:
    """Have the database's policies follow the setting; what is as it should be is left alone."""
    if made.settings.row_security:
        if changed := put_up(owner, made.settings.database_url):
            print(f"Row security is on for {changed} more tables.")
    elif not owner.sqlite and made.settings.database_owner_url and (changed := take_down(owner)):
        print(f"Row security is off for {changed} tables.")
