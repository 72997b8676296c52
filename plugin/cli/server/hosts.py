"""Commands about hosts: registering, checking, and reading their records and enrolments."""

from __future__ import annotations

import sys
from typing import Any

from plugin.cli.context import open_host, who, work_inside
from plugin.cli.opening import runtime
from plugin.core.database.tenant import across
from plugin.core.errors import Unavailable
from plugin.core.runtime import Runtime
from plugin.core.text.languages import choose
from plugin.hosts.port import HostTrouble
from plugin.mirror.connections.settings import set_language
from plugin.mirror.connections.store import NewHost, add_host, connection_of, open_connection


def add(**fields: Any) -> int:
    """Register a host and its connection.

    :param fields: those of :class:`plugin.mirror.connections.store.NewHost`.
    """
    made = runtime()
    new = NewHost(**fields)
    with across("a new host"):
        host_id = made.db.transact(lambda session: add_host(session, new, made.clock.now()).id)
    work_inside(host_id)
    print(f"hooks: {made.settings.base_url}/hooks/{new.name}")
    problem = _ask(made, host_id) if new.api_url else None
    if problem:
        print(f"warning: the host does not answer yet: {problem}", file=sys.stderr)
    return 0


def _ask(made: Runtime, host_id: int) -> str | None:
    """Why the host does not answer as it should, or nothing."""
    with made.db.read() as session:
        connection = connection_of(session, host_id)
    try:
        open_connection(made, connection).describe()
    except HostTrouble as trouble:
        return trouble.why
    return None


def check(name: str) -> int:
    """Ask a host what it can do."""
    made, host_id = open_host(name)
    problem = _ask(made, host_id)
    if problem:
        raise Unavailable(problem)
    print("The host answers as it should.")
    return 0


def change(name: str, *, language: str) -> int:
    """Set what a host has no page of its own for.

    :param language: for people whose own language nobody names; ``en`` for English.
    """
    made, host_id = open_host(name)
    made.db.transact(lambda session: set_language(session, host_id, language, at=made.clock.now(), who=who()))
    print(f"{name} speaks {choose([language]).tag} to people whose own language is not known.")
    return 0


def sync(name: str, *, full: bool) -> int:
    """Pull a host's records, and say what that cost."""
    import plugin.schema  # noqa: F401 - so that the host's time moves on
    from plugin.core.network.call_counts import Cost
    from plugin.delivery.completion_polling import watch
    from plugin.jobs.catch_up import settle_owed
    from plugin.mirror.pulling.lost_values import KINDS as LOST
    from plugin.mirror.pulling.pull import pull

    made, host_id = open_host(name)
    settle_owed(made, host_id)
    result = pull(made, host_id, full=full)
    watched = watch(made, host_id, now=True)
    print(f"{result.changed + (watched.changed if watched else 0)} records changed.")
    costs = {**result.costs, **({"completions": watched.cost} if watched else {})}
    for kind, cost in costs.items():
        if cost.calls:
            print(f"  {kind}: {cost.calls} calls, {cost.received} bytes")
    total = sum(costs.values(), Cost())
    print(f"{total.calls} calls and {total.received} bytes in all.")
    for kind, count in result.held.items():
        what = f"{count} jobs came without {LOST[kind]}" if kind in LOST else f"{count} {kind} are missing at the host"
        print(f"{what}: on hold; see 'muster held'.", file=sys.stderr)
    return 0


def reconcile(name: str) -> int:
    """Read a host's enrolments back and repair drift."""
    from plugin.delivery.drift.reconcile import reconcile as compare
    from plugin.jobs.work import work_host

    made, host_id = open_host(name)
    try:
        drift = compare(made, host_id)
    except HostTrouble as trouble:
        raise Unavailable(trouble.why) from trouble
    work_host(made, host_id)
    print(
        f"{drift.missing} missing, {drift.suspended} suspended, {drift.extra} extra at the host; {drift.others} by others."
    )
    if drift.asked or drift.accepted:
        print(f"{drift.asked} wait for an answer on the page Drift; {drift.accepted} are left as they are.")
    return 0
