"""The rule of every command (ACCESS 1): what ``--as PERSON`` needs. The server's shell itself may everything."""

from __future__ import annotations

SHELL = "shell"
"""Only whoever runs commands on the server; nobody is that by a right."""

RULES = {
    "run": SHELL, "work": SHELL, "db": SHELL, "setup-link": SHELL, "keys": SHELL, "backup": SHELL,
    "restore": SHELL, "doctor": SHELL, "demo": SHELL, "moodle-plugin": SHELL,
    "host add": SHELL, "host list": SHELL, "host check": "setup", "host set": "setup", "sync": "setup", "reconcile": "setup",
    "plan": "staff", "apply": "staff", "export": "staff", "show": "see", "exceptions": "see", "resolve": "change",
    "held": "see host", "release": "change host", "refuse": "change host", "retarget": "change", "group": "change",
    "extend": "change", "exempt": "change", "history": "see", "undo": "staff", "import-records": "change",
    "token add": "change host", "token list": "see host", "token remove": "change host",
    "grant add": "change host", "grant list": "see host", "grant remove": "change host", "grant confirm": "change host",
    "four-eyes on": SHELL, "four-eyes off": SHELL, "four-eyes list": "see host", "four-eyes refuse": "change host",
    "person export": "see host", "person erase": "change host", "traces": "see host", "sessions end": "change host",
    "report": "staff",
    "source add": "change host", "source set": "change host", "source list": "see host", "source show": "see host",
    "source plan": "see host", "source what-if": "see host",
    "source load": "change host", "source undo": "change host", "source match": "see host",
    "source pin": "change host", "source unpin": "change host", "source supply": "change host",
    "source pause": "change host", "source resume": "change host", "source token": "change host",
    "source remove": "change host", "source rename": "change host",
}  # fmt: skip
"""By the words of the command. ``see`` and ``change`` are about the certification whose code it names; a ``staff`` command
asks about each certification of its file."""

IN_AREAS = frozenset({
    "plan", "apply", "export", "show", "exceptions", "resolve", "group", "extend", "exempt", "history", "undo", "report",
})  # fmt: skip
"""Commands that whoever looks after an area may run: they show and do no more than what is about her people (ACCESS 3)."""

WIDENS = frozenset({"grant add", "grant confirm", "token add", "source add", "source set", "source token"})
"""Commands that give rights or send data elsewhere: with ``--as`` refused where the host wants two (ACCESS 2)."""
