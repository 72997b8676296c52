"""Commands about rights, sessions, traces and personal data; part of :mod:`plugin.cli.commands`."""

from __future__ import annotations

from plugin.cli.shape import HOST, JSON, Command, Group, argument, chosen, flag, option

ROLES = ("site", "certification", "area", "auditor")

ACCESS = (
    Group(
        "grant", "give rights, list them, or take them back",
        [
            Command(
                "add", "plugin.cli.server.access:add", "give somebody rights", HOST, chosen("role", ROLES, "ROLE"),
                option("person", "ID"), option("subject", "SUB", "of launches, for somebody the mirror does not know"),
                option("certification", "CODE", "may be given several times; without, all of them", multiple=True, to="codes"),
                option("category", "NAME", "all certifications of it; may be given several times", multiple=True),
                option("unit", "ID", "for the role area: its people and all below; may be given several times", multiple=True),
                flag("may-create", "may make new certifications"),
                option("until", "DATE", "the last day, whole, in the host's zone", default=""),
                option("reason", "TEXT", "kept in the history", default="")),
            Command("list", "plugin.cli.server.access:listing", "the grants there are", HOST, JSON),
            Command(
                "remove", "plugin.cli.server.access:remove", "take rights back", HOST, argument("number", "ID", type=int),
                flag("even-the-last", "also the last grant of a site administrator"),
            ),
            Command(
                "confirm", "plugin.cli.server.access:confirm", "a grant to a subject is meant for the person who has appeared",
                HOST, argument("number", "ID", type=int),
            ),
        ],
    ),
    Group(
        "four-eyes", "what waits for a second administrator",
        [
            Command("on", "plugin.cli.server.access:four_eyes_on", "want two for what gives rights or sends data out", HOST),
            Command("off", "plugin.cli.server.access:four_eyes_off", "want two no longer", HOST),
            Command("list", "plugin.cli.server.access:four_eyes_list", "what waits", HOST, JSON),
            Command(
                "refuse", "plugin.cli.server.access:four_eyes_refuse", "say no to what waits", HOST,
                argument("number", "ID", type=int),
            ),
        ],
    ),
    Command(
        "traces", "plugin.cli.server.access:who_read", "who read what of whom, newest first", HOST,
        option("who", "READER", "of one reader", default=""), option("person", "ID", "about one person"),
        option("since", "TIME", "an RFC 3339 time", default=""), JSON,
    ),
    Group(
        "person", "everything held about one person, given out or erased",
        [
            Command("export", "plugin.cli.server.people:export", "everything held about a person, as JSON", HOST,
                    argument("ext", "ID")),
            Command(
                "erase", "plugin.cli.server.people:erase", "erase a person whom the host has deleted; cannot be undone", HOST,
                argument("ext", "ID"), option("confirm", "ID", "the same id once more", required=True),
                flag("blank-texts", "her names in texts that people wrote go too"),
                flag("keep-texts", "texts that people wrote stay as they are"),
            ),
        ],
    ),
    Group(
        "sessions", "end sessions",
        [
            Command(
                "end", "plugin.cli.server.access:end_sessions", "end all sessions of a person, or of the host",
                HOST, option("person", "ID"), flag("all", "of everybody", to="every"),
            ),
        ],
    ),
)  # fmt: skip
