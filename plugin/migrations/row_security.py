"""Row-level security of PostgreSQL, put up and taken down: the wall behind the application's own (decision 0094).

Each table of rows that belong to hosts has two policies, forced. One shows the rows of the host that the transaction named
(``SET LOCAL muster.host``), the other every row, to whoever takes on the role ``muster_every_host`` for a transaction. The
application connects as a role that owns nothing and has that role without inheriting it; migrations run as the owner.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError

from plugin.core.database.tenant import EVERY_HOST
from plugin.core.db import Database
from plugin.core.errors import Invalid, RefusedByRule
from plugin.core.runtime import Runtime

ONE, EVERY = "muster_one_host", "muster_every_host"
"""The policies of a table."""
_TABLES = text(
    """
SELECT c.relname, format_type(a.atttypid, NULL), c.relrowsecurity AND c.relforcerowsecurity,
  ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'host_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname"""
)
_ROLE = text(
    """
SELECT rolsuper OR rolbypassrls, EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid
  AND c.relnamespace = 'public'::regnamespace) FROM pg_roles r WHERE rolname = :role"""
)


@dataclass(frozen=True)
class Wall:
    """How it stands.

    :ivar open: tables of hosts' rows without forced policies. :ivar tables: how many tables of hosts' rows there are.
    """

    tables: int
    open: tuple[str, ...]


def wall_of(connection: Connection) -> Wall:
    """How the wall stands in a database of PostgreSQL's."""
    rows = connection.execute(_TABLES).all()
    return Wall(len(rows), tuple(row[0] for row in rows if not row[2] or not {ONE, EVERY} <= set(row[3])))


def weakness_of(connection: Connection, role: str) -> str:
    """Why the policies would not hold a role; empty where they do."""
    row = connection.execute(_ROLE, {"role": role}).first()
    if row is None:
        return f"PostgreSQL has no role '{role}'."
    if row[0]:
        return f"The role '{role}' is a superuser or bypasses row security."
    if row[1]:
        return f"The role '{role}' owns tables, and could take their policies away."
    return ""


def faults(database: Database) -> list[str]:
    """Why rows of different hosts are not kept apart by the database though the setting says so, a sentence each."""
    if not database.row_security:
        return []
    with database.engine.connect() as connection:
        role = str(connection.scalar(text("SELECT session_user")))
        found = [weak] if (weak := weakness_of(connection, role)) else []
        wall = wall_of(connection)
    if wall.open:
        found.append(f"{len(wall.open)} tables have no row security: run 'muster db upgrade'.")
    return found


def refuse_weak_role(runtime: Runtime) -> None:
    """Refuse to serve where the wall is on and the role in use could see over it (ACCESS 5); in production alone.

    :raises Invalid: with the way out. A database that is away is not judged.
    """
    if runtime.settings.environment != "production" or not runtime.db.row_security:
        return
    with suppress(DBAPIError), runtime.db.engine.connect() as connection:
        weak = weakness_of(connection, str(connection.scalar(text("SELECT session_user"))))
        if weak:
            raise Invalid(
                f"{weak} Let MUSTER_DATABASE_URL name a role that owns nothing and MUSTER_MIGRATION_DATABASE_URL the owner"
                " (docs/operations.md, Two roles on PostgreSQL), or do without this wall: MUSTER_ROW_SECURITY=false."
            )


def unwalled(database: Database) -> str:
    """That several hosts of a PostgreSQL database are kept apart by Muster alone, and what helps; empty where that is not so."""
    if database.sqlite or database.row_security:
        return ""
    with database.engine.connect() as connection:
        hosts = connection.scalar(text("SELECT count(*) FROM host WHERE state <> 'pending'")) or 0
        weak = weakness_of(connection, str(connection.scalar(text("SELECT session_user"))))
    if hosts < 2:
        return ""
    return (
        f"{hosts} hosts are kept apart by Muster alone: row security is off.{' ' if weak else ''}{weak}"
        " MUSTER_ROW_SECURITY=true with two roles puts it up (docs/operations.md, Two roles on PostgreSQL)."
    )


def put_up(owner: Database, application: str) -> int:
    """Give every table of hosts' rows its policies, and the application what it needs; returns how many were without.

    What is there already is left as it is.

    :param application: the address that the application connects with; its role must own nothing.
    :raises RefusedByRule: where a role is missing, inherits, owns or bypasses what it must not.
    """
    role = make_url(application).username or ""
    with owner.engine.begin() as connection:
        if why := weakness_of(connection, role):
            raise RefusedByRule(f"Row security is not put up. {why} See docs/operations.md.")
        _roles(connection, role)
        for grantee in (role, EVERY_HOST):
            connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {_name(grantee)}"))
            connection.execute(
                text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {_name(grantee)}")
            )
            connection.execute(
                text(f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {_name(grantee)}")
            )
        changed = 0
        for table, kind, forced, policies in connection.execute(_TABLES).all():
            if not forced or not {ONE, EVERY} <= set(policies):
                _protect(connection, table, kind)
                changed += 1
        return changed


def take_down(owner: Database) -> int:
    """Take the policies away; returns of how many tables. Rights of roles stay."""
    with owner.engine.begin() as connection:
        changed = 0
        for table, _kind, _forced, policies in connection.execute(_TABLES).all():
            if {ONE, EVERY} & set(policies):
                _open(connection, table)
                changed += 1
        return changed


def _protect(connection: Connection, table: str, kind: str) -> None:
    """The comparison is a constant of the statement to the planner: no row is compared, and indexes are used as without."""
    named = _name(table)
    _open(connection, table)
    told = f"current_setting('muster.host')::{kind}"
    for sql in (
        f"CREATE POLICY {ONE} ON {named} USING (host_id = {told}) WITH CHECK (host_id = (SELECT {told}))",
        f"CREATE POLICY {EVERY} ON {named} TO {EVERY_HOST} USING (true) WITH CHECK (true)",
        f"ALTER TABLE {named} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {named} FORCE ROW LEVEL SECURITY",
    ):
        connection.execute(text(sql.replace("::", "\\:\\:")))


def _open(connection: Connection, table: str) -> None:
    for policy in (ONE, EVERY):
        connection.execute(text(f"DROP POLICY IF EXISTS {policy} ON {_name(table)}"))
    connection.execute(text(f"ALTER TABLE {_name(table)} DISABLE ROW LEVEL SECURITY"))
    connection.execute(text(f"ALTER TABLE {_name(table)} NO FORCE ROW LEVEL SECURITY"))


def _roles(connection: Connection, role: str) -> None:
    """See that the application may take on the role of every host, has it not without asking, and the owner has it.

    :raises RefusedByRule: where that is not so, and this connection may not make it so.
    """
    said = connection.dialect.server_version_info or (0,)
    apart = " WITH INHERIT FALSE" if said >= (16,) else ""
    for sql, true in (
        (f"CREATE ROLE {EVERY_HOST} NOLOGIN", f"EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{EVERY_HOST}')"),
        (f"GRANT {EVERY_HOST} TO {_name(role)}{apart}", f"pg_has_role(:role, '{EVERY_HOST}', 'MEMBER')"),
        (f"GRANT {EVERY_HOST} TO CURRENT_USER", f"pg_has_role('{EVERY_HOST}', 'USAGE')"),
    ):
        if connection.scalar(text(f"SELECT {true}"), {"role": role}):
            continue
        try:
            with connection.begin_nested():
                connection.execute(text(sql))
        except ProgrammingError:
            raise RefusedByRule(
                f"Row security is not put up: the owner may not run {sql}. Have a superuser run it, and try again."
            ) from None
    if connection.scalar(text(f"SELECT pg_has_role(:role, '{EVERY_HOST}', 'USAGE')"), {"role": role}):
        raise RefusedByRule(
            f"Row security is not put up: the role '{role}' inherits {EVERY_HOST}, and would see every host's rows always."
            f" Run: ALTER ROLE {_name(role)} NOINHERIT; REVOKE {EVERY_HOST} FROM {_name(role)}; and try again."
        )


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
