"""The pages of an administrator: compliance first, then each source as a table and a file."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, g, redirect, request, stream_with_context, url_for
from werkzeug.wrappers import Response as Answered

from plugin.access.readers import IN_AREAS, reader_of
from plugin.access.rules import STAFF, rule
from plugin.population.area import acting_units
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Asker, Reader
from plugin.reports.catalogue import SOURCES, source_named
from plugin.reports.files.export import Export
from plugin.reports.query import ask
from plugin.reports.sending import schedules
from plugin.reports.service import asking, zone_of
from plugin.web.frame.kit import PREFIX, host_id, page, runtime, who
from plugin.web.reports import choosing, compliance, saved, sending, team
from plugin.web.reports import report_address as asks
from plugin.web.reports.cells import DATES, NUMBERS, cell, head_of, is_code
from plugin.web.reports.labels import column_label, operator_label, source_label, source_sentence
from plugin.web.reports.printed import printed
from plugin.web.reports.report_address import Pairs, ReportPage
from plugin.web.reports.value_words import when_words

blueprint = Blueprint("reports", __name__, url_prefix=PREFIX)
HERE = ReportPage("reports.table", "reports.file")
HOW = ("", "before", "after", "between", "next", "last", "empty")


def reader() -> Reader:
    """Of which certifications she may read, and of whom."""
    return reader_of(runtime(), host_id(), g.launch.rights, who())


@blueprint.get("/reports")
@rule(STAFF, area=True)
def first() -> Response:
    """Compliance, and the sources with a sentence each."""
    with asking(runtime(), host_id(), reader()) as asker:
        context = compliance.picture(asker, HERE)
    names = [name for name in SOURCES if acting_units() is None or name in IN_AREAS]
    sources = [(name, source_label(name), source_sentence(name), HERE.address(name, [])) for name in names]
    context |= {"sources": sources, "saved": saved.listed()}
    context |= {"paused": _paused(), "sent": url_for("sending.listing")}
    return page("reports/compliance.html", section="reports", at="reports.first", **context)


def _send(here: ReportPage, source: str, pairs: Pairs) -> str:
    """Where this report can be sent from."""
    form = "sending.send_form" if here == HERE else "sending.team_send_form"
    return url_for(form, source=source, **asks.grouped(pairs))


def _paused() -> list[tuple[str, str]]:
    """What Muster stopped sending, and why: her own, or the whole site's."""
    with runtime().db.read() as session:
        rows = schedules.listed(session, host_id(), sending.owner(), every=g.launch.rights.sees_host)
        return [(row.name, row.reason) for row in rows if row.state == "paused" and row.reason]


@blueprint.get("/reports/<source>")
@rule(STAFF, area=True)
def table(source: str) -> Answered:
    """A source as a table: filters in the address, headings that sort, columns to choose."""
    return table_of(source, HERE, reader(), "reports")


@blueprint.get("/reports/<source>/file.<form>")
@rule(STAFF, area=True)
def file(source: str, form: str) -> Response:
    """The same as a file, whole."""
    return file_of(source, form, reader())


def table_of(source: str, here: ReportPage, who_asks: Reader, section: str) -> Answered:
    """A source's page for a reader.

    :raises Refused: for anything that is asked for and is not there.
    """
    source_named(source)
    pairs, wanted = asks.given(), choosing.wanted(source)
    with asking(runtime(), host_id(), who_asks) as asker:
        if wanted is None and (turned := asks.changed(partial(choosing.meant, asker))) is not None:
            return redirect(here.address(source, turned), 303)
        answer = ask(asker, asks.question(source, pairs))
        context = _table(asker, answer, pairs, here, source)
        if wanted is not None:
            context |= {"wanted": choosing.field(asker, source, *wanted), "cancel": here.address(source, pairs),
                        "wanted_words": f"{column_label(wanted[0])} {operator_label(wanted[1])}"}  # fmt: skip
    return page("reports/table.html", section=section, leads=section == "team_reports", **context)


def _table(asker: Asker, answer: Any, pairs: Pairs, here: ReportPage, source: str) -> dict[str, Any]:
    question = asks.question(source, pairs)
    names = [one.name for one in answer.columns]
    rest, zone = asks.without(pairs, "cursor"), zone_of(asker, answer)
    names_of = choosing.called(asker, answer.rows)
    called = choosing.names(asker.session, asker.host_id, asker.reader, source, question.filters)
    return {
        "source": source, "label": source_label(source), "sentence": source_sentence(source), "pairs": rest,
        "headings": asks.headings(here, question, pairs, names), "chips": asks.chips(here, question, pairs, called),
        "rows": [[cell(here, question, one, row, zone, names_of) for one in answer.columns] for row in answer.rows],
        "head": head_of(names), "late": [is_code(name) for name in names],
        "dated": [one.type in DATES for one in answer.columns],
        "numeric": [one.type in NUMBERS for one in answer.columns], "total": answer.total, "zone": zone,
        "following": here.address(source, [*rest, ("cursor", answer.next)]) if answer.next else None,
        "beginning": here.address(source, rest) if question.cursor else None,
        "files": [(form, here.file(source, rest, form)) for form in ("csv", "xlsx", "jsonl")],
        "send": _send(here, source, rest),
        "printed": here.file(source, rest, "print"),
        "columns": asks.choices(here, source, rest, names),
        "names": names, "filters": asks.filter_names(source), "here": here.address(source, []),
        "how": [(word, operator_label(word)) for word in HOW], "as_of": question.as_of,
        "as_of_words": when_words(question.as_of or "", zone), "moment": answer.moment,
        "takes_as_of": source_named(source).as_of, "home": compliance.home(here),
        "keep": url_for("saved_reports.keep", source=source, **asks.grouped(rest)) if here == HERE else None,
        "may_share": not g.launch.rights.only_looks,
    }  # fmt: skip


def file_of(source: str, form: str, who_asks: Reader) -> Response:
    """A report as a file on its way.

    :raises Refused: for anything that is asked for and is not there.
    """
    pairs = asks.without([*request.args.items(multi=True)], "cursor", "limit")
    if form == "print":
        return printed(source, parse_question(source, pairs), who_asks)
    export = Export(runtime(), host_id(), who_asks, parse_question(source, pairs), form)
    answer = Response(stream_with_context(export), content_type=export.media)
    answer.headers["Content-Disposition"] = f'attachment; filename="{export.name}"'
    answer.call_on_close(export.close)
    return answer


team.attach(blueprint)
