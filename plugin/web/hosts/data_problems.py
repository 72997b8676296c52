"""Hosts › Data problems: what a learning site gave that could not be read, and work put aside, each with what it costs."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.mirror.problems import problems_of, sentence
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, page, page_number, runtime
from plugin.web.hosts.host_list import host_of
from plugin.web.hosts.host_words import data_words

blueprint = Blueprint("data_problems", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/data-problems")


@blueprint.get("")
@rule("see host")
def show(number: int) -> Response:
    """The data problems of a host, newest first."""
    kinds = {**data_words(), "hint": _("Hint"), "save": _("Save"), "read": _("Reading"), "time_zone": _("Time zone")}
    with runtime().db.read() as session:
        host = host_of(session, number)
        total, rows = problems_of(session, number, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE)
    return page(
        "hosts/data_problems.html", host=host, total=total, rows=rows, kinds=kinds, sentence=sentence,
        page_number=page_number(), page_size=PAGE_SIZE,
    )  # fmt: skip
