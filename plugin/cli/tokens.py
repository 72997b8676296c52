"""Tokens of programs that use the API, made and taken back from the command line."""

from __future__ import annotations

import argparse
from typing import Any

from plugin.access import tokens
from plugin.cli.context import add_host, open_host, print_json, who
from plugin.core.clock import format_instant
from plugin.core.errors import NotFound, RefusedByRule


def register(commands: Any) -> None:
    """Add the command."""
    words = "make, list or take back tokens for the API"
    token = commands.add_parser("token", help=words, description=words[0].upper() + words[1:] + ".")
    acts = token.add_subparsers(dest="act", metavar="ACT", required=True)
    add = _act(acts, "add", _add, "make a token and print it, this once")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--write", action="store_true", help="it may change things, not only read")
    listing = _act(acts, "list", _list, "the tokens there are")
    listing.add_argument("--json", action="store_true")
    remove = _act(acts, "remove", _remove, "a token opens nothing from now on")
    remove.add_argument("name", metavar="NAME")


def _act(acts: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = acts.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
    parser.set_defaults(run=run)
    add_host(parser)
    return parser


def _add(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    by = who()
    print(
        runtime.db.transact(
            lambda session: tokens.make_token(
                session, host_id, arguments.name, may_write=arguments.write, at=runtime.clock.now(), who=by
            )
        )
    )
    return 0


def _list(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        rows = [
            {
                "name": row.name, "may": "write" if row.may_write else "read", "who": row.who,
                "created": format_instant(row.created), "used": format_instant(row.used) if row.used else None,
            }
            for row in tokens.tokens_of(session, host_id)
        ]  # fmt: skip
    if arguments.json:
        print_json(rows)
        return 0
    for one in rows:
        print(f"{one['name']}\t{one['may']}\t{one['created']}\t{one['used'] or '-'}")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    by = who()
    try:
        runtime.db.transact(
            lambda session: tokens.take_back(session, host_id, arguments.name, at=runtime.clock.now(), who=by)
        )
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    print("Taken back.")
    return 0
