"""People: everybody the learning site knows, searched and narrowed to a unit, and how each stands."""

from __future__ import annotations

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _

from plugin.access.readers import reader_of
from plugin.access.rules import STAFF, rule
from plugin.mirror.lookup.browse import Described, describe
from plugin.reports.people.listing import listed
from plugin.reports.service import asking
from plugin.web.frame import lists
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, host_id, page, page_number, query, runtime, who
from plugin.web.frame.lists import Heading, searched

blueprint = Blueprint("people", __name__, url_prefix=PREFIX)


def headings() -> tuple[Heading, ...]:
    """The columns of the list."""
    return (
        Heading("name", _("Name"), "name", fixed=True),
        Heading("organisation", _("Organisation")),
        Heading("position", _("Position")),
        Heading("manager", _("Manager")),
        Heading("enrolled", _("Enrolled in"), number=True),
        Heading("overdue", _("Overdue"), number=True),
    )


@blueprint.get("/people")
@rule(STAFF, area=True)
def listing() -> Response:
    """Everybody, or who works in a unit or below it; the certifications counted are those the reader may see."""
    kind = next((one for one in ("organisation", "position") if request.args.get(one)), "")
    unit = (kind, request.args[kind][:255]) if kind else None
    described: Described | None = None
    found = lists.listing("people", "people.listing", headings(), args={
        "q": query() or None, **{name: unit[1] if unit and name == kind else None for name in ("organisation", "position")},
    })  # fmt: skip
    with asking(runtime(), host_id(), reader_of(runtime(), host_id(), g.launch.rights, who())) as asker:
        total, rows = listed(
            asker, query=query(), unit=unit, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE,
            backwards=found.sort == "-name",
        )  # fmt: skip
        if unit is not None:
            described = describe(asker.session, host_id(), [unit])[unit]
    chips = [found.chip(searched(query()), "q")] if query() else []
    if described is not None:
        chips.append(found.chip(_("%(unit)s and below", unit=described.name), kind))
    return page(
        "people/people.html", rows=rows, total=total, list=found, chips=chips, query=query(),
        page_number=page_number(), page_size=PAGE_SIZE,
    )  # fmt: skip
