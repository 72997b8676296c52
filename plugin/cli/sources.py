"""Sources from the command line: set up, planned, loaded, matched (SOURCES 6)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.orm import Session

from plugin.certifications.file import document
from plugin.cli.context import open_host, read_text, who
from plugin.cli.opening import print_json
from plugin.cli.source_plans import behind, print_plan, refused
from plugin.core.errors import Invalid
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.enrolment.sourcing import fetching, loads, undoing
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.hosts.port import HostTrouble
from plugin.hosts.registry import DIALECTS
from plugin.mirror.connections.store import open_connection, site_of
from plugin.mirror.sources import tokens
from plugin.mirror.sources.directory.guarding import held, release
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.sources.source import DEFAULT_JOIN, source_row
from plugin.mirror.tables import Connection


def read_mapping(name: str | None) -> Any:
    """A mapping file, YAML or JSON; an empty one empties the mapping."""
    return None if name is None else read_document(name) or {}


def read_document(name: str) -> Any:
    """What a YAML or JSON file says.

    :raises Invalid: for a file that is neither, with the line.
    """
    try:
        return document.read_tree(read_text(name))
    except Invalid as error:
        raise Invalid(f"{name} cannot be read: {error.sentence}") from None


def add(
    host: str | None, name: str, kind: str, join: str | None, mapping: str | None, url: str | None, secret: str | None,
    schedule: str | None, after: str | None,
) -> int:  # fmt: skip
    """Register a source."""
    runtime, host_id = open_host(host)
    document = read_mapping(mapping) or {}
    _describe_site(runtime, host_id)
    by, at = who(), runtime.clock.now()
    settings = fetching.chosen(url=url, schedule=schedule, after=after, plain=runtime.http.allow_private)

    def work(session: Session) -> None:
        setup.add_source(session, host_id, name, kind, join_by=join or DEFAULT_JOIN, mapping=document, at=at, who=by)
        setup.change_source(session, host_id, name, settings=settings, secret=secret, at=at, who=by)

    runtime.db.transact(work)
    print(f"Added. It joins by {join or DEFAULT_JOIN}.")
    if join is None:
        print("E-mail addresses are never taken for it unasked: they are given again to others.")
    return 0


def _describe_site(runtime: Runtime, host_id: int) -> None:
    """What the learning site can supply decides what a source begins with; ask it, where it was never asked."""
    with runtime.db.read() as session:
        row = site_of(session, host_id)
    if row is None or row.caps or not row.api_url:
        return
    with suppress(HostTrouble):
        caps = open_connection(runtime, row).describe().to_json()

        def keep(session: Session) -> None:
            session.get_one(Connection, (host_id, row.id)).caps = caps

        runtime.db.transact(keep)


def listing(host: str | None, *, as_json: bool) -> int:
    """Print the sources there are."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        rows = overview.listed(session, host_id)
    if as_json:
        print_json(rows)
        return 0
    for one in rows:
        print(f"{one['name']}\t{one['kind']}\t{one['state']}\t{one['join']}\t{','.join(one['supplies']) or '-'}")
    return 0


def show(host: str | None, name: str, *, as_json: bool) -> int:
    """Print one source: how it is set up, and how it is doing."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        found = overview.shown(session, host_id, name)
    if as_json:
        print_json(found)
        return 0
    for key, value in found.items():
        text = (
            yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
            if isinstance(value, dict | list)
            else value
        )
        print(f"{key}: {text}")
    return 0


def _files(names: Sequence[str]) -> list[tuple[str, bytes]]:
    found = []
    for name in names:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise Invalid(f"{name} cannot be read: {error.strerror}.") from None
        found.append(("people" if name == "-" else Path(name).name, data))
    return found


def plan(host: str | None, name: str, files: Sequence[str], *, names: bool, as_json: bool) -> int:
    """Say what a load would do; writes nothing."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        asks = source_row(session, host_id, name).kind in DIALECTS
    if not files and not asks:
        raise Invalid("Name at least one file.")
    print_plan(
        loads.plan(runtime, host_id, name, _files(files)), as_json=as_json, names=behind(runtime, host_id, names)
    )
    return 0


def load(
    host: str | None, name: str, files: Sequence[str], *, yes: bool, allow_withdrawals: int | None, force: bool,
    as_json: bool = False,
) -> int:  # fmt: skip
    """Load files; without any, what waits or what is fetched."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        pushes = source_row(session, host_id, name).kind == "scim"
    if pushes:
        return _release(runtime, host_id, name, files, yes=yes)
    named = _files(files)
    how: dict[str, Any] = {"who": who(), "yes": yes, "force": force, "allow": allow_withdrawals}
    try:
        done = (
            loads.load(runtime, host_id, name, named, **how)
            if named
            else fetching.load_now(runtime, host_id, name, **how)
        )
    except NotLoaded as refusal:
        return refused(refusal, as_json=as_json)
    if done is None:
        print("Nothing is new.")
    else:
        print_plan(done, as_json=as_json, done=True)
    return 0


def _release(runtime: Runtime, host_id: int, name: str, files: Sequence[str], *, yes: bool) -> int:
    """Users of a directory whose leaving is held: said, and with ``--yes`` released (SOURCES 5.3)."""
    if files:
        raise Invalid(f"{name} is a directory: it pushes, and reads no files.")
    if not yes:
        with runtime.db.read() as session:
            waits = held(session, host_id, source_row(session, host_id, name).id)
        for row in waits:
            print(f"{row.id}\t{row.document.get('userName', '')}\t{'deleted' if row.deleted else 'deactivated'}")
        if waits:
            sentence = f"{len(waits)} users of {name} wait to leave: more than the row guard lets through in 24 hours."
            print(f"{sentence} Release them with --yes.", file=sys.stderr)
        return 1 if waits else 0
    by, at = who(), runtime.clock.now()
    print(f"Released: {runtime.db.transact(lambda session: release(session, host_id, name, now=at, who=by))}.")
    return 0


def undo(host: str | None, name: str, allow_withdrawals: int | None, *, yes: bool) -> int:
    """Restore the source's records as before its newest load."""
    runtime, host_id = open_host(host)
    try:
        done = undoing.undo(runtime, host_id, name, who=who(), yes=yes, allow=allow_withdrawals)
    except NotLoaded as refusal:
        return refused(refusal)
    print_plan(done, as_json=False, done=True)
    return 0


def pause(host: str | None, name: str) -> int:
    """Stop reading a source; its records stay."""
    return _set_paused(host, name, paused=True)


def resume(host: str | None, name: str) -> int:
    """Read a source again."""
    return _set_paused(host, name, paused=False)


def _set_paused(host: str | None, name: str, *, paused: bool) -> int:
    runtime, host_id = open_host(host)
    by, at = who(), runtime.clock.now()
    runtime.db.transact(lambda session: setup.set_paused(session, host_id, name, paused=paused, at=at, who=by))
    print("Paused." if paused else "Resumed.")
    return 0


def token(host: str | None, name: str, until: str | None, *, revoke_others: bool) -> int:
    """Make a token a directory pushes with, and print it, this once."""
    runtime, host_id = open_host(host)
    by, at = who(), runtime.clock.true()

    def work(session: Session) -> str:
        zone = str(session.get_one(Host, host_id).time_zone)
        ends = None if until is None else tokens.until_of(until, zone)
        return tokens.make_token(session, host_id, name, until=ends, revoke_others=revoke_others, at=at, who=by)

    print(runtime.db.transact(work))
    return 0
