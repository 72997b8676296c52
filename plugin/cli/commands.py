"""Every command, in the order of ``muster --help``. A new one is an entry here and a function in a module of its own."""

from __future__ import annotations

import click

from plugin import __version__
from plugin.cli.access_commands import ACCESS
from plugin.cli.shape import HOST, JSON, Command, Group, SortOption, argument, chosen, flag, option
from plugin.cli.source_commands import SOURCES

_CODE = argument("code", "CODE")
_NAME = argument("name", "NAME")
_PERSON = option("person", "ID", required=True)
_CHOICES = (
    flag("yes", "do not ask"),
    option("allow-withdrawals", "N", "confirm that this many learners leave", type=int),
    flag("earlier", "also move dates earlier, or clear them"),
    flag("no-messages", "do not send messages for this save"),
    option("reason", "TEXT", "kept in the history", default=""),
)
"""How to save: :class:`plugin.cli.certifications.saving.Choosing`."""

_OPERATION = (
    Command("run", "plugin.cli.server.operate:run", "serve pages on 127.0.0.1:PORT"),
    Command("work", "plugin.cli.server.operate:work", "do the background work", flag("once", "do all that is owed, then stop")),
    Command("db", "plugin.cli.server.quick:database", "bring the database up to date", chosen("act", ("upgrade",))),
    Command(
        "setup-link", "plugin.cli.server.quick:setup_link", "a one-use address, good for half an hour, that opens Hosts",
        option("for", "NAME", "the operator it is for, as the history names her", to="operator", default=""),
    ),
    Command(
        "moodle-plugin", "plugin.cli.server.moodle_plugin:write", "write Muster's plugin for Moodle, ready to be installed there",
        option("out", "FILE", required=True), flag("block", "the block with due dates instead"),
    ),
    Group(
        "host", "add, list, check or set hosts",
        [
            Command(
                "add", "plugin.cli.server.hosts:add", "register a host and its connection; needs no network", _NAME,
                *(option(name, name.upper().replace("-", "_"), required=True)
                  for name in ("issuer", "client-id", "deployment", "auth-url", "token-url", "jwks-url")),
                option("kind", "KIND", default="webhook"),
                *(option(name, name.upper().replace("-", "_"), default="")
                  for name in ("api-url", "api-token", "webhook-url", "webhook-secret", "hooks-secret")),
            ),
            Command("list", "plugin.cli.server.quick:listing", "the hosts there are", JSON),
            Command("check", "plugin.cli.server.hosts:check", "ask a host what it can do", _NAME),
            Command("set", "plugin.cli.server.hosts:change", "set its language", _NAME, option("language", "TAG", required=True)),
        ],
    ),
    Command(
        "sync", "plugin.cli.server.hosts:sync", "pull a host's records", _NAME,
        flag("full", "read everything, also where the host tells what changed"),
    ),
    Command("reconcile", "plugin.cli.server.hosts:reconcile", "read a host's enrolments back and repair drift", _NAME),
    Command(
        "backup", "plugin.cli.server.backups:back_up", "write the database to a file, while it is used",
        argument("to", "TO"), JSON,
    ),
    Command(
        "restore", "plugin.cli.server.backups:load", "load a backup into an empty database", argument("file", "FROM"), JSON
    ),
    Command("keys", "plugin.cli.server.operate:keys", "change the signing keys", chosen("act", ("rotate",))),
    Command(
        "doctor", "plugin.cli.server.operate:doctor", "check that everything stored is true",
        flag("deep", "recompute every learner and every seat"), JSON,
    ),
    Command(
        "demo", "plugin.cli.server.operate:demo", "run Muster with a sandbox host, to try it",
        flag("check", "do the main job unattended, then stop"),
        option("lie", "NAME", "let the sandbox lie; the check must notice"),
        option("port", "PORT", type=int, default=8000),
        option("sandbox-port", "PORT", type=int, default=8001),
        option("people", "N", type=int, default=2400),
        option("units", "N", type=int, default=180),
        option("data", "DIR", "keep everything here (default: var/demo, or a new folder for --check)"),
        flag("empty", "without certifications to look at"),
    ),
)  # fmt: skip

_AS_CODE = (
    Command(
        "plan", "plugin.cli.certifications.files:plan", "what saving this file would do, exactly; writes nothing",
        HOST, argument("file", "FILE"), JSON,
    ),
    Command(
        "apply", "plugin.cli.certifications.files:apply", "save this file", HOST, argument("file", "FILE"), *_CHOICES,
        option("if-version", "CODE=N", multiple=True),
    ),
    Command(
        "export", "plugin.cli.certifications.files:export", "the file that 'plan' finds no difference to",
        HOST, argument("codes", "CODE", many=True),
    ),
    Command(
        "show", "plugin.cli.certifications.learners:show", "a row per learner of a certification",
        HOST, _CODE, option("person", "ID"), JSON,
    ),
    Command(
        "exceptions", "plugin.cli.certifications.answers:exceptions", "open exceptions of a certification", HOST, _CODE, JSON,
    ),
    Command(
        "resolve", "plugin.cli.certifications.answers:resolve", "answer exceptions", HOST, _CODE,
        option("person", "ID", multiple=True), option("type", "TYPE", to="kind"), flag("all", to="every"),
        argument("more", "ID", many=True), chosen("action", ("realistic", "assign", "dismiss", "reopen"), "ACTION"),
    ),
    Command(
        "held", "plugin.cli.certifications.answers:held",
        "withdrawals, vanished targets and records that wait for an answer", HOST, JSON
    ),
    Command(
        "release", "plugin.cli.certifications.answers:release", "let what is on hold happen",
        HOST, flag("all", to="every"), argument("ids", "ID", many=True),
    ),
    Command(
        "refuse", "plugin.cli.certifications.answers:refuse", "keep what is on hold as it is",
        HOST, flag("all", to="every"), argument("ids", "ID", many=True),
    ),
    Command(
        "retarget", "plugin.cli.certifications.answers:retarget", "choose a successor for a manager",
        HOST, _CODE, argument("old", "manager:JOB"), argument("new", "manager:JOB"), *_CHOICES,
    ),
    Command(
        "group", "plugin.cli.certifications.learners:group", "join or leave a group, as that learner or as an administrator",
        HOST, chosen("act", ("join", "leave")), _CODE, _NAME, _PERSON,
        flag("as-administrator", "add or remove by hand, whatever the group allows"),
    ),
    Command(
        "extend", "plugin.cli.certifications.learners:extend", "move one learner's date later",
        HOST, _CODE, _PERSON, option("to", "DATE", required=True),
    ),
    Command(
        "exempt", "plugin.cli.certifications.learners:exempt", "a certification does not apply to a learner",
        HOST, _CODE, _PERSON, option("until", "DATE"), option("reason", "TEXT", required=True),
    ),
    Command(
        "history", "plugin.cli.certifications.past:history", "what happened to a certification, newest first", HOST, _CODE, JSON
    ),
    Command(
        "undo", "plugin.cli.certifications.past:undo", "reverse a save, through the same review",
        HOST, argument("n", "N", type=int), *_CHOICES,
    ),
    Command(
        "import-records", "plugin.cli.certifications.records:import_records",
        "import who is certified already, from a CSV file; without --yes it only says what each line would do",
        HOST, _CODE, argument("file", "FILE"),
        flag("yes", "bring them along"),
        option("dates", "ORDER", "how dates such as 03/04/2026 are written: day-first or month-first",
               type=click.Choice(("day-first", "month-first"))),
        flag("skip-wrong", "leave out lines that cannot be imported"),
        flag("skip-expired", "leave out records that would expire at once"),
        JSON,
        about="Columns: person (the host's id, a user name, an e-mail address or an ID number), since and, where it is"
        " known, until. FILE '-' reads standard input. Without --yes nothing is written. No messages are sent;"
        " 'muster undo N' takes a file back.",
    ),
)  # fmt: skip

_REPORTS = (
    Command(
        "report", "plugin.cli.report:report", "a report of one of the sources, as a file or a table", HOST,
        argument("source", "SOURCE"),
        option("columns", "A,B", "these columns, in this order", default=""),
        option("where", "FILTER=VALUE", "only these rows; a filter given again means 'or'", multiple=True),
        SortOption(["--sort"], metavar="COLUMN", default="", help="sort by this column; -COLUMN: the greatest first"),
        option("as-of", "DATE", "as it stood at the end of that day", default=""),
        option("format", "csv|xlsx|jsonl|table", "else by the name of FILE, or a table", to="form", default="",
               type=click.Choice(("", "csv", "xlsx", "jsonl", "table"))),
        option("out", "FILE", "write it there instead of standard output"),
        about="Sources: membership, learners, courses, overview, exceptions, history, messages. Filters are columns"
        " (state=assigned, due.before=2027-01-01, due.next=30, email.empty=true) and organisation, position, manager,"
        " manager.below, audience, assignment, overdue, search.",
    ),
)  # fmt: skip

_PROGRAMS = (
    Group(
        "token", "make, list or take back tokens for the API",
        [
            Command(
                "add", "plugin.cli.server.tokens:add", "make a token and print it, this once",
                HOST, _NAME, flag("write", "it may change things, not only read; the same as --scope read --scope write"),
                option("scope", "SCOPE", "read, write, reports, sources or scim; may be given several times", multiple=True,
                       to="scopes"),
                option("certification", "CODE", "reaches no other; may be given several times", multiple=True, to="codes"),
                option("until", "DATE", "its last day; a year from today at most, and where it is not given"),
            ),
            Command("list", "plugin.cli.server.tokens:listing", "the tokens there are", HOST, JSON),
            Command("remove", "plugin.cli.server.tokens:remove", "a token opens nothing from now on", HOST, _NAME),
        ],
    ),
)  # fmt: skip

_ALL = (*_OPERATION, *_AS_CODE, *_REPORTS, *SOURCES, *_PROGRAMS, *ACCESS)
MUSTER = Group("muster", "certification assignments for any LMS", _ALL, params=[
    click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, help="show the version and exit",
                 callback=lambda ctx, _option, given: _say_version(ctx) if given else None),
])  # fmt: skip


def _say_version(ctx: click.Context) -> None:
    click.echo(f"muster {__version__}")
    ctx.exit()
