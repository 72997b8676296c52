"""Running Muster: the web process, the worker, the database, hosts, keys, the demonstration."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from plugin.cli.context import print_json, runtime
from plugin.core.errors import Invalid, Unavailable
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.hosts.port import HostTrouble
from plugin.jobs.one_machine import refuse_two_machines
from plugin.mirror.connections import NewHost, add_host, connection_of, host_by_name, open_connection
from plugin.mirror.tables import Connection


def register(commands: Any) -> None:
    """Add the commands."""
    _command(commands, "run", _run, "serve pages on 127.0.0.1:PORT")
    work = _command(commands, "work", _work, "do the background work")
    work.add_argument("--once", action="store_true", help="do everything owed now, then stop")
    db = _command(commands, "db", _db, "bring the database up to date")
    db.add_argument("act", choices=("upgrade",))
    _command(commands, "setup-link", _setup_link, "a one-use address, good for one hour, that opens Hosts")
    _register_host(commands)
    sync = _command(commands, "sync", _sync, "pull a host's records")
    sync.add_argument("name", metavar="NAME")
    sync.add_argument("--full", action="store_true", help="read everything, also where the host tells what changed")
    reconcile = _command(commands, "reconcile", _reconcile, "read a host's enrolments back and repair drift")
    reconcile.add_argument("name", metavar="NAME")
    keys = _command(commands, "keys", _keys, "change the signing keys")
    keys.add_argument("act", choices=("rotate",))
    doctor = _command(commands, "doctor", _doctor, "check that everything stored is true")
    doctor.add_argument("--deep", action="store_true", help="recompute every learner and every seat")
    doctor.add_argument("--json", action="store_true")
    demo = _command(commands, "demo", _demo, "run Muster with a sandbox host, to try it")
    demo.add_argument("--check", action="store_true", help="do the main job unattended, then stop")
    demo.add_argument("--lie", metavar="NAME", help="let the sandbox lie; the check must notice")
    demo.add_argument("--port", type=int, default=8000)
    demo.add_argument("--sandbox-port", type=int, default=8001)
    demo.add_argument("--people", type=int, default=2400)
    demo.add_argument("--units", type=int, default=180)
    demo.add_argument(
        "--data", metavar="DIR", help="keep everything here (default: var/demo, or a new folder for --check)"
    )


def _register_host(commands: Any) -> None:
    host = commands.add_parser("host", help="add, list or check hosts", description="Add, list or check hosts.")
    acts = host.add_subparsers(dest="act", metavar="ACT", required=True)
    add = _command(acts, "add", _host_add, "register a host and its connection; needs no network")
    add.add_argument("name", metavar="NAME")
    for option in ("issuer", "client-id", "deployment", "auth-url", "token-url", "jwks-url"):
        add.add_argument(f"--{option}", required=True)
    add.add_argument("--kind", default="webhook")
    for option in ("api-url", "api-token", "webhook-url", "webhook-secret", "hooks-secret"):
        add.add_argument(f"--{option}", default="")
    listing = _command(acts, "list", _host_list, "the hosts there are")
    listing.add_argument("--json", action="store_true")
    check = _command(acts, "check", _host_check, "ask a host what it can do")
    check.add_argument("name", metavar="NAME")


def _command(commands: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=words[0].upper() + words[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def _run(_arguments: argparse.Namespace) -> int:
    from plugin.cli.serve import serve

    made = runtime()
    refuse_two_machines(made)
    serve(made)
    return 0


def _work(arguments: argparse.Namespace) -> int:
    from plugin.jobs.work import work_once
    from plugin.jobs.worker import work_forever

    made = runtime()
    refuse_two_machines(made)
    if arguments.once:
        work_once(made)
    else:
        work_forever(made)
    return 0


def _db(_arguments: argparse.Namespace) -> int:
    from plugin.migrations.run import upgrade

    upgrade(runtime().db)
    print("The database is up to date.")
    return 0


def _setup_link(_arguments: argparse.Namespace) -> int:
    from plugin.web.setup import new_setup_link

    print(new_setup_link(runtime()))
    return 0


def _host_add(arguments: argparse.Namespace) -> int:
    made = runtime()
    fields = ("name", "issuer", "client_id", "deployment", "auth_url", "token_url", "jwks_url", "kind", "api_url",
              "api_token", "webhook_url", "webhook_secret", "hooks_secret")  # fmt: skip
    new = NewHost(**{name: getattr(arguments, name) for name in fields})
    host_id = made.db.transact(lambda session: add_host(session, new, made.clock.now()).id)
    print(f"hooks: {made.settings.base_url}/hooks/{new.name}")
    problem = _ask(made, host_id) if new.api_url else None
    if problem:
        print(f"warning: the host does not answer yet: {problem}", file=sys.stderr)
    return 0


def _ask(made: Runtime, host_id: int) -> str | None:
    with made.db.read() as session:
        connection = connection_of(session, host_id)
    try:
        open_connection(made, connection).describe()
    except HostTrouble as trouble:
        return trouble.why
    return None


def _host_list(arguments: argparse.Namespace) -> int:
    from sqlalchemy import select

    made = runtime()
    with made.db.read() as session:
        pairs = session.execute(
            select(Host, Connection).outerjoin(Connection, Connection.host_id == Host.id).order_by(Host.id)
        )
        rows = [
            {
                "name": host.name, "title": host.title, "state": host.state, "issuer": host.issuer,
                "connection": connection.state if connection else "none", "reason": connection.reason if connection else "",
            }
            for host, connection in pairs
        ]  # fmt: skip
    if arguments.json:
        print_json(rows)
    else:
        for row in rows:
            print(
                f"{row['name']}\t{row['state']}\t{row['issuer']}\t{row['title']}\t{row['connection']}\t{row['reason']}".rstrip()
            )
    return 0


def _host_check(arguments: argparse.Namespace) -> int:
    made = runtime()
    with made.db.read() as session:
        host_id = host_by_name(session, arguments.name).id
    problem = _ask(made, host_id)
    if problem:
        raise Unavailable(problem)
    print("The host answers as it should.")
    return 0


def _sync(arguments: argparse.Namespace) -> int:
    from plugin.core.metering import Cost
    from plugin.delivery.watching import watch
    from plugin.mirror.lost import KINDS as LOST
    from plugin.mirror.sync import pull

    made = runtime()
    with made.db.read() as session:
        host_id = host_by_name(session, arguments.name).id
    result = pull(made, host_id, full=arguments.full)
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


def _reconcile(arguments: argparse.Namespace) -> int:
    from plugin.delivery.reconcile import reconcile
    from plugin.jobs.work import work_host

    made = runtime()
    with made.db.read() as session:
        host_id = host_by_name(session, arguments.name).id
    try:
        drift = reconcile(made, host_id)
    except HostTrouble as trouble:
        raise Unavailable(trouble.why) from trouble
    work_host(made, host_id)
    print(
        f"{drift.missing} missing, {drift.suspended} suspended, {drift.extra} extra at the host; {drift.others} by others."
    )
    if drift.asked or drift.accepted:
        print(f"{drift.asked} wait for an answer on the page Drift; {drift.accepted} are left as they are.")
    return 0


def _keys(_arguments: argparse.Namespace) -> int:
    from plugin.lti.keys import rotate

    rotate(runtime())
    print("A new key signs from now on; the old one stays published for a while.")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from plugin.enrolment.doctor import examine

    problems = examine(runtime(), deep=arguments.deep)
    if arguments.json:
        print_json(problems)
    for problem in [] if arguments.json else problems:
        print(problem)
    if not problems and not arguments.json:
        print("Everything is as it should be.")
    return 1 if problems else 0


def _demo(arguments: argparse.Namespace) -> int:
    from plugin.jobs.demo import LIES, demo

    if arguments.lie and arguments.lie not in LIES:
        raise Invalid(f"'{arguments.lie}' is no lie the sandbox knows; use one of {', '.join(LIES)}.")
    return demo(arguments)
