"""A manager's reports: the same pages for her team alone (ACCESS 1)."""

from __future__ import annotations

from flask import Blueprint, Response, g, url_for
from werkzeug.wrappers import Response as Answered

from plugin.access.rules import LEARNER, rule
from plugin.enrolment.views.team import team_of
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import unknown
from plugin.reports.service import asking
from plugin.web.frame.kit import host_id, page, runtime, who
from plugin.web.reports import compliance
from plugin.web.reports.labels import source_label, source_sentence
from plugin.web.reports.report_address import ReportPage

HERE = ReportPage("reports.team_table", "reports.team_file")
SOURCES = ("learners", "courses", "membership", "overview")
"""What a manager sees; history and messages are the administrators'."""


def reader() -> Reader:
    """Everybody below her; nobody where nobody reports to her."""
    person = int(g.launch.person)
    with runtime().db.read() as session:
        return Reader(who(), people=team_of(session, host_id(), person, below=True))


def first() -> Response:
    """Compliance of her team."""
    with asking(runtime(), host_id(), reader()) as asker:
        context = compliance.picture(asker, HERE)
    sources = [(name, source_label(name), source_sentence(name), HERE.address(name, [])) for name in SOURCES]
    return page(
        "reports/compliance.html",
        sources=sources,
        section="team_reports",
        leads=True,
        at="reports.team_first",
        sent=url_for("sending.team_listing"),
        **context,
    )


def table(source: str) -> Answered:
    """A source for her team."""
    from plugin.web.reports.pages import table_of

    allowed(source)
    return table_of(source, HERE, reader(), "team_reports")


def file(source: str, form: str) -> Response:
    """The same as a file."""
    from plugin.web.reports.pages import file_of

    allowed(source)
    return file_of(source, form, reader())


def allowed(source: str) -> None:
    """Refuse what is the administrators'."""
    if source not in SOURCES:
        raise unknown("source", source, SOURCES)


def attach(blueprint: Blueprint) -> None:
    """Add the pages to the reports' own."""
    for address, name, view in (
        ("/my/team/reports", "team_first", first),
        ("/my/team/reports/<source>", "team_table", table),
        ("/my/team/reports/<source>/file.<form>", "team_file", file),
    ):
        blueprint.add_url_rule(address, name, rule(LEARNER)(view), methods=["GET"])
