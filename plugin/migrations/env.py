"""Alembic's environment: runs on the engine it is handed."""

from __future__ import annotations

from alembic import context

from plugin.core.db import Base

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,  # for the names of constraints; tables are compared by a test, not here
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
