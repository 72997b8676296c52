"""What was read, as *Traces* names it: a page by its name; an operation or a command by its own."""

from __future__ import annotations

from flask_babel import gettext as _

from plugin.access.traces import API, COMMAND, PAGE


def read_words(how: str, what: str) -> str:
    """The page that somebody looked at; empty for what programs and commands call by a name of their own."""
    return _pages().get(what, "") if how == PAGE else ""


def way_words(how: str) -> str:
    """By which way it was read."""
    return str({PAGE: _("on a page"), API: _("by a program"), COMMAND: _("by a command")}.get(how, how))


def _pages() -> dict[str, str]:
    return {**_of_certifications(), **_of_everybody(), **_of_the_host()}


def _of_certifications() -> dict[str, str]:
    history, picker, members = _("History"), _("Add assignment"), _("Members")
    return {
        "assignments.tab": _("Assignments"), "assignments.conflict": _("Assignments"), "review.names": _("Review changes"),
        "picker.search": picker, "picker.choose": picker, "picker.paste": picker, "exclusions.show": _("Except"),
        "exclusions.choose": _("Except"), "successor.choose": _("Choose a successor"), "members.choose": members,
        "members.change": members, "learners.tab": _("Learners"), "learners.one": _("Learner"),
        "learners.check": _("Check a learner"), "learners.export": _("Learners, as a file"),
        "exceptions.tab": _("Exceptions"), "records.show": _("Import records"), "records.change": _("Import records"),
        "records.confirm": _("Import records"), "history.tab": history, "history.what": history, "history.told": history,
        "history.names": history, "notifications.reach": _("Notifications"),
    }  # fmt: skip


def _of_everybody() -> dict[str, str]:
    reports, team, of_team = _("Reports"), _("My team"), _("Reports on my team")
    return {
        "people.listing": _("People"), "person.show": _("Person"), "finder.show": _("Search"),
        "more_time.show": _("More time asked for"), "personal.show": _("Personal data"),
        "personal.export": _("Personal data"), "reports.first": _("Compliance"), "reports.table": reports,
        "reports.file": _("Reports, as a file"), "sending.fetch": _("Sent to me"), "reports.team_first": of_team,
        "reports.team_table": of_team, "reports.team_file": _("Reports on my team, as a file"), "team.show": team,
        "team.member": team, "team.file": _("My team, as a file"),
    }  # fmt: skip


def _of_the_host() -> dict[str, str]:
    return {
        "messages.listing": _("Messages"), "held.listing": _("On hold"), "delivery.show": _("Delivery"),
        "delivery.drifted": _("Drift"), "results.show": _("Results reported to courses"),
        "endpoints.delivery": _("Endpoints"), "source.show": _("Sources"), "source.report": _("Sources"),
        "rights.show": _("People with rights"), "traces.show": _("Traces"), "data_problems.show": _("Data problems"),
    }  # fmt: skip
