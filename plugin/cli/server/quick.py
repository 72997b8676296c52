"""Commands an operator waits for: the setup link, the hosts there are, the database brought up to date.

They import the database and little else; a test counts what.
"""

from __future__ import annotations

from sqlalchemy import select

from plugin.access.setup_links import new_setup_link
from plugin.cli.opening import print_json, runtime
from plugin.core.database.tenant import across
from plugin.core.tables import Host
from plugin.mirror.tables import SITE, Connection


def setup_link(operator: str) -> int:
    """Print a one-use address that opens *Hosts*."""
    print(new_setup_link(runtime(), operator))
    return 0


def listing(*, as_json: bool) -> int:
    """Print the hosts there are."""
    made = runtime()
    with across("the shell's list of hosts"), made.db.read() as session:
        pairs = session.execute(
            select(Host, Connection)
            .outerjoin(Connection, (Connection.host_id == Host.id) & (Connection.role == SITE))
            .order_by(Host.id)
        )
        rows = [
            {
                "name": host.name, "title": host.title, "state": host.state, "issuer": host.issuer,
                "connection": connection.state if connection else "none", "reason": connection.reason if connection else "",
            }
            for host, connection in pairs
        ]  # fmt: skip
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            columns = ("name", "state", "issuer", "title", "connection", "reason")
            print("\t".join(str(row[column]) for column in columns).rstrip())
    return 0


def database(act: str) -> int:
    """Bring the database up to date; there is no other act."""
    from plugin.cli.server.owner import keep_rows_apart, owner_of
    from plugin.migrations.run import upgrade

    del act
    made = runtime()
    database = owner_of(made)
    upgrade(database)
    keep_rows_apart(made, database)
    print("The database is up to date.")
    return 0
