"""Certifications as a file, and the commands an administrator or a test drives everything with (AS-CODE)."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from plugin.certifications import asfile
from plugin.certifications.definition import Proposal
from plugin.certifications.store import codes, get
from plugin.cli.context import add_host, open_host, print_json, read_text, who
from plugin.core.clock import parse_instant
from plugin.core.days import end_of_day
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.core.runtime import Runtime
from plugin.enrolment import exceptions, groups, held, history, overrides, records, show
from plugin.enrolment.guard import Limits
from plugin.enrolment.planned import plan_document, reviewed
from plugin.enrolment.preview import Review, review
from plugin.enrolment.save import Choices, Saved, save
from plugin.enrolment.terms import zone_of_host


def register(commands: Any) -> None:
    """Add the commands."""
    plan_ = _command(commands, "plan", _plan, "what saving this file would do, exactly; writes nothing")
    plan_.add_argument("file", metavar="FILE")
    plan_.add_argument("--json", action="store_true")
    apply_ = _command(commands, "apply", _apply, "save this file")
    apply_.add_argument("file", metavar="FILE")
    _choices(apply_)
    apply_.add_argument("--if-version", action="append", default=[], metavar="CODE=N")
    export_ = _command(commands, "export", _export, "the file that 'plan' finds no difference to")
    export_.add_argument("codes", metavar="CODE", nargs="*")
    show_ = _command(commands, "show", _show, "a row per learner of a certification")
    show_.add_argument("code", metavar="CODE")
    show_.add_argument("--person", metavar="ID")
    show_.add_argument("--json", action="store_true")
    _register_answers(commands)
    _register_people(commands)
    _register_history(commands)


def _register_answers(commands: Any) -> None:
    exceptions_ = _command(commands, "exceptions", _exceptions, "open exceptions of a certification")
    exceptions_.add_argument("code", metavar="CODE")
    exceptions_.add_argument("--json", action="store_true")
    resolve_ = _command(commands, "resolve", _resolve, "answer exceptions")
    resolve_.add_argument("code", metavar="CODE")
    resolve_.add_argument("--person", action="append", default=[], metavar="ID")
    resolve_.add_argument("--type", metavar="TYPE")
    resolve_.add_argument("--all", action="store_true")
    resolve_.add_argument("action", metavar="ACTION", choices=exceptions.ACTIONS)
    held_ = _command(commands, "held", _held, "withdrawals, vanished targets and records that wait for an answer")
    held_.add_argument("--json", action="store_true")
    for name, words in (("release", "let what is on hold happen"), ("refuse", "keep what is on hold as it is")):
        answer_ = _command(commands, name, _answer_held, words)
        answer_.add_argument("--all", action="store_true")
        answer_.add_argument("ids", metavar="ID", nargs="*")
    retarget_ = _command(commands, "retarget", _retarget, "choose a successor for a manager")
    retarget_.add_argument("code", metavar="CODE")
    retarget_.add_argument("old", metavar="manager:JOB")
    retarget_.add_argument("new", metavar="manager:JOB")
    _choices(retarget_)


def _register_people(commands: Any) -> None:
    group_ = _command(commands, "group", _group, "join or leave a group, as that learner or as an administrator")
    group_.add_argument("act", choices=("join", "leave"))
    group_.add_argument("code", metavar="CODE")
    group_.add_argument("name", metavar="NAME")
    group_.add_argument("--person", required=True, metavar="ID")
    group_.add_argument(
        "--as-administrator", action="store_true", help="add or remove by hand, whatever the group allows"
    )
    extend_ = _command(commands, "extend", _extend, "move one learner's date later")
    extend_.add_argument("code", metavar="CODE")
    extend_.add_argument("--person", required=True, metavar="ID")
    extend_.add_argument("--to", required=True, metavar="DATE")
    exempt_ = _command(commands, "exempt", _exempt, "a certification does not apply to a learner")
    exempt_.add_argument("code", metavar="CODE")
    exempt_.add_argument("--person", required=True, metavar="ID")
    exempt_.add_argument("--until", metavar="DATE")
    exempt_.add_argument("--reason", required=True, metavar="TEXT")


def _register_history(commands: Any) -> None:
    history_ = _command(commands, "history", _history, "what happened to a certification, newest first")
    history_.add_argument("code", metavar="CODE")
    history_.add_argument("--json", action="store_true")
    undo_ = _command(commands, "undo", _undo, "reverse a save, through the same review")
    undo_.add_argument("n", metavar="N", type=int)
    _choices(undo_)


def _command(commands: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=words[0].upper() + words[1:] + "."
    )
    parser.set_defaults(run=run)
    add_host(parser)
    return parser


def _choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--allow-withdrawals", type=int, metavar="N", help="confirm that this many learners leave")
    parser.add_argument("--earlier", action="store_true", help="also move dates earlier, or clear them")
    parser.add_argument("--no-messages", action="store_true", help="do not send messages for this save")
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept in the history")


def _chosen(arguments: argparse.Namespace) -> Choices:
    versions = {}
    for one in getattr(arguments, "if_version", []):
        code, separator, number = one.rpartition("=")
        if not separator or not number.isdigit():
            raise Invalid(f"--if-version: '{one}' is not CODE=N.")
        versions[code] = int(number)
    return Choices(
        earlier=arguments.earlier,
        no_messages=arguments.no_messages,
        allow_withdrawals=arguments.allow_withdrawals,
        reason=arguments.reason,
        if_version=versions,
    )


# --- plan, apply, export


def _plan(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    _proposals, reviews = reviewed(runtime, host_id, read_text(arguments.file))
    if arguments.json:
        print_json(plan_document(reviews))
    else:
        print(plan_text(reviews))
    return 0


def plan_text(reviews: list[Review]) -> str:
    """The review in words, for a terminal."""
    lines = []
    for one in reviews:
        if not one.changed:
            lines.append(f"{one.code}: no difference.")
            continue
        add, gone = one.adding, one.removing
        lines.append(f"{one.code} (version {one.version}):")
        lines.append(
            f"  adding {add.x}: {add.newly} newly enrolled, {add.already} enrolled already, {add.held_back} held back,"
            f" {add.suspended} suspended, {add.not_to_be_assigned} not to be assigned"
        )
        lines.append(
            f"  removing {gone.x}: {gone.withdrawn} withdrawn, {gone.kept} kept by another assignment,"
            f" {gone.suspended} suspended, {gone.not_enrolled} not enrolled"
        )
        lines.append(
            f"  {one.redated} due dates changed, {one.earlier} could be moved earlier, {one.messages} messages"
        )
        if one.guard:
            lines.append(f"  The withdrawal guard asks for --allow-withdrawals {one.guard.withdrawn}.")
    return "\n".join(lines)


def _apply(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    choices = _chosen(arguments)
    proposals, reviews = reviewed(runtime, host_id, read_text(arguments.file))
    return _review_and_save(runtime, host_id, proposals, reviews, arguments, choices)


def _review_and_save(
    runtime: Runtime, host_id: int, proposals: list[Proposal], reviews: list[Review], arguments: argparse.Namespace,
    choices: Choices,
) -> int:  # fmt: skip
    if not any(one.changed for one in reviews):
        print("No difference; nothing is saved.")
        return 0
    if not arguments.yes:
        print(plan_text(reviews))
        if not sys.stdin.isatty():
            print("Nothing is saved: add --yes to save without being asked.", file=sys.stderr)
            return 1
        if input("Save? [y/N] ").strip().lower() not in ("y", "yes"):
            return 1
    try:
        saved = save(runtime, host_id, proposals, who=who(), choices=choices)
    except RefusedByRule:
        print(plan_text(reviews))
        raise
    _say(saved)
    return 0


def _say(saved: list[Saved]) -> None:
    for one in saved:
        print(f"{one.code} saved as version {one.version}.")


def _export(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        for code in arguments.codes:
            _get(session, host_id, code)
        print(asfile.export(session, host_id, arguments.codes or codes(session, host_id)), end="")
    return 0


def _get(session: Session, host_id: int, code: str) -> int:
    """The certification's id; an unknown code is refused with exit status 1."""
    try:
        return get(session, host_id, code).id
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None


def _person(session: Session, host_id: int, ext: str) -> int:
    return show.person_id(session, host_id, ext)


# --- show, exceptions, held


def _show(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        number = _get(session, host_id, arguments.code)
        if arguments.person is not None:
            found: Any = show.show_person(session, host_id, number, arguments.person)
        else:
            found = show.show_rows(session, host_id, number)
    if arguments.json:
        print_json(found)
        return 0
    for row in found if isinstance(found, list) else [found]:
        reasons = ", ".join(row["why"]) or row.get("why_not") or ""
        print(
            f"{row['person']}\t{row['state']}\t{'active' if row['active'] else 'not active'}\t{row['due'] or '-'}\t{reasons}"
        )
    if isinstance(found, dict):
        for one in found["assignments"]:
            print(f"  {'yes' if one['matches'] else 'no '}  {one['assignment']}: {one['sentence']}")
    return 0


def _exceptions(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        rows = exceptions.open_exceptions(session, host_id, _get(session, host_id, arguments.code))
    if arguments.json:
        print_json(rows)
        return 0
    for row in rows:
        print(f"{row['person']}\t{row['type']}\t{row['since']}\t{row['wanted_due'] or '-'}")
    return 0


def _resolve(arguments: argparse.Namespace) -> int:
    if bool(arguments.person) == bool(arguments.type) or (arguments.type and not arguments.all):
        raise Invalid("Name learners with --person, or a type with --type TYPE --all.")
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        number = _get(session, host_id, arguments.code)
        people = [_person(session, host_id, ext) for ext in arguments.person]
    count = exceptions.answer(runtime, host_id, number, arguments.action, who=who(), people=people, kind=arguments.type)
    print(f"{count} answered.")
    return 0


def _held(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        items = held.held_items(session, host_id)
    if arguments.json:
        print_json(items)
        return 0
    for item in items:
        size = f"{item['learners']} learners" if "learners" in item else f"{item['records']} {item['kind']}"
        print(f"{item['id']}\t{item['cause']}\t{item.get('certification') or '-'}\t{size}")
    return 0


def _answer_held(arguments: argparse.Namespace) -> int:
    if bool(arguments.ids) == arguments.all:
        raise Invalid("Name what is on hold by its ids, or say --all.")
    runtime, host_id = open_host(arguments)
    ids = None if arguments.all else arguments.ids
    count = held.answer_held(runtime, host_id, ids, release=arguments.command == "release", who=who())
    print(f"{count} {'released' if arguments.command == 'release' else 'refused'}.")
    return 0


def _retarget(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        number = _get(session, host_id, arguments.code)
    choices = _chosen(arguments)
    _say(held.retarget(runtime, host_id, number, arguments.old, arguments.new, who=who(), choices=choices))
    return 0


# --- people


def _group(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        number = _get(session, host_id, arguments.code)
        person = _person(session, host_id, arguments.person)
    act = groups.join if arguments.act == "join" else groups.leave
    try:
        act(runtime, host_id, number, arguments.name, person, by=who() if arguments.as_administrator else None)
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    print("Done.")
    return 0


def _date(session: Session, host_id: int, value: str) -> int:
    """A day (its end in the host's zone) or an instant."""
    try:
        if len(value) == 10:
            return end_of_day(date.fromisoformat(value), zone_of_host(session, host_id))
    except ValueError:
        raise Invalid(f"'{value}' is no day such as 2027-03-31.") from None
    return parse_instant(value)


def _extend(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        number = _get(session, host_id, arguments.code)
        person = _person(session, host_id, arguments.person)
        to = _date(session, host_id, arguments.to)
    overrides.extend(runtime, host_id, number, person, to, who=who())
    print("Extended.")
    return 0


def _exempt(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        number = _get(session, host_id, arguments.code)
        person = _person(session, host_id, arguments.person)
        until = _date(session, host_id, arguments.until) if arguments.until else None
    overrides.exempt(runtime, host_id, number, person, until=until, reason=arguments.reason, who=who())
    print("Exempt.")
    return 0


# --- history


def _history(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    with runtime.db.read() as session:
        rows = history.history(session, host_id, _get(session, host_id, arguments.code))
    if arguments.json:
        print_json(rows)
        return 0
    for row in rows:
        print(f"{row['n']}\t{row['at']}\t{row['who']}\t{row['what']}\t{row['learners'] or ''}\t{row['reason']}")
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    runtime, host_id = open_host(arguments)
    choices = _chosen(arguments)
    with runtime.db.read() as session:
        if records.is_file(session, host_id, arguments.n):
            return _take_back(runtime, host_id, arguments)
        try:
            proposal = history.undo_proposal(runtime, session, host_id, arguments.n)
        except NotFound as error:
            raise RefusedByRule(error.sentence) from None
        limits = Limits.of(runtime.settings)
        reviews = review(session, host_id, [proposal], now=runtime.clock.now(), limits=limits)
    if not arguments.yes and not sys.stdin.isatty():
        print(plan_text(reviews))
        print("Nothing is undone: add --yes to undo without being asked.", file=sys.stderr)
        return 1
    _say(history.undo(runtime, host_id, arguments.n, who=who(), choices=choices))
    return 0


def _take_back(runtime: Runtime, host_id: int, arguments: argparse.Namespace) -> int:
    if not arguments.yes and not sys.stdin.isatty():
        print("Nothing is undone: add --yes to undo without being asked.", file=sys.stderr)
        return 1
    undone, staying = records.take_back(runtime, host_id, arguments.n, who=who())
    print(f"{undone} records taken back; {staying} stay for what came since.")
    return 0
