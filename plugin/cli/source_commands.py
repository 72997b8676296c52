"""The commands of sources."""

from __future__ import annotations

from plugin.cli.shape import HOST, JSON, Command, Group, argument, flag, option

_NAME = argument("name", "NAME")
_PERSON = option("person", "ID", required=True)
_SET_UP = (
    option("join", "SOURCE_FIELD=ACCOUNT_FIELD", "how its records find their accounts; id=number unless said"),
    option("mapping", "FILE", "columns, dates, encoding, words and more, as YAML or JSON"),
    option("url", "ADDRESS", "fetch its files from here: https://… or sftp://USER@HOST[:PORT]/FOLDER"),
    option("secret", "SECRET", "sign in to it with this: a token, USER:PASSWORD, a password or a private key"),
    option("schedule", "WHEN", "hourly, daily HH:MM, or a cron expression"),
    option("after", "WHAT", "what happens to a file read by SFTP: left, moved (to loaded/) or deleted"),
)
_YES = flag("yes", "somebody looked at the plan")
_ALLOW = option("allow-withdrawals", "N", "confirm that this many learners leave: the plan's number", type=int)
_NAMES = flag("names", "with the people behind each number")
_FILES = argument("files", "FILE", many=True)
_IDENTITY = argument("identity", "ID")
_MAP = option("map", "FILE", "old units and the new ones that rows shall name", to="map_file")
SOURCES = (
    Group(
        "source", "people and hierarchies from HR files, directories and other programs",
        [
            Command(
                "add", "plugin.cli.sources:add", "register a source",
                HOST, _NAME, option("kind", "KIND", "csv, scim, or a kind of host", required=True), *_SET_UP,
            ),
            Command(
                "set", "plugin.cli.source_changes:change", "change a source", HOST, _NAME,
                option("kind", "KIND", "another kind: it begins anew, and what it supplied goes"), *_SET_UP,
                flag("forget-host-key", "the SFTP server has a new key: pin the one it shows next"), _MAP, _YES, _ALLOW,
            ),
            Command("list", "plugin.cli.sources:listing", "the sources there are", HOST, JSON),
            Command("show", "plugin.cli.sources:show", "how a source is set up and doing", HOST, _NAME, JSON),
            Command(
                "plan", "plugin.cli.sources:plan", "what loading these files would do, exactly; writes nothing",
                HOST, _NAME, _FILES, _NAMES, JSON,
            ),
            Command(
                "load", "plugin.cli.sources:load", "load these files; without any, the load that waits",
                HOST, _NAME, _FILES, _YES,
                _ALLOW,
                flag("force", "take a file that is older than the last, or looks half written"), JSON,
            ),
            Command(
                "undo", "plugin.cli.sources:undo", "restore a source's records as before its newest load", HOST, _NAME, _YES,
                _ALLOW,
            ),
            Command(
                "what-if", "plugin.cli.source_changes:what_if",
                "what a re-organisation on paper would do, exactly; writes nothing",
                HOST, argument("unit", "UNIT"), option("under", "UNIT", "it goes under this one"),
                option("into", "UNIT", "it is dissolved into this one"),
                flag("top", "it stands at the top, under no other"),
                flag("position", "they are positions, not organisations"), _NAMES, JSON,
            ),
            Command("match", "plugin.cli.source_changes:match", "records that have no account, and why", HOST, _NAME, JSON),
            Command(
                "pin", "plugin.cli.source_changes:pin", "match a record with an account by hand", HOST, _NAME, _IDENTITY, _PERSON
            ),
            Command(
                "unpin", "plugin.cli.source_changes:unpin", "let the rule decide about a record again",
                HOST, _NAME, _IDENTITY,
            ),
            Command(
                "supply", "plugin.cli.source_changes:supply", "say who supplies a kind, in order; the learning site is 'site'",
                HOST, argument("kind", "KIND"), argument("names", "NAME", many=True),
                _MAP, _YES, _ALLOW,
            ),
            Command("pause", "plugin.cli.sources:pause", "stop reading a source; its records stay", HOST, _NAME),
            Command("resume", "plugin.cli.sources:resume", "read a source again", HOST, _NAME),
            Command(
                "token", "plugin.cli.sources:token", "make a token a directory pushes with, and print it, this once",
                HOST, _NAME, option("until", "DATE", "its last day, whole, in the host's zone; or an instant"),
                flag("revoke-others", "those made before open nothing any more"),
            ),
            Command(
                "remove", "plugin.cli.source_changes:remove", "take a source away with everything it supplied", HOST, _NAME,
                _MAP, _YES, _ALLOW,
            ),
            Command(
                "rename", "plugin.cli.source_changes:rename",
                "a unit that vanished goes on under its new name; without a unit, what is asked",
                HOST, _NAME, argument("unit", "UNIT", many=True), flag("other", "no, the new one is another unit"), _YES,
                _ALLOW,
            ),
        ],
    ),
)  # fmt: skip
