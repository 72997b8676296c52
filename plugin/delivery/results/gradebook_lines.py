"""Which certification is reported to which course's gradebook, and where its line item is.

A link that names a certification (custom parameter ``certification``) reports that one; any other link speaks for its
course, and reports every certification that the course is part of (docs/decisions/0013).
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification
from plugin.core.database.bulk import fetch, run
from plugin.core.ids import take_ids
from plugin.core.runtime import Runtime
from plugin.delivery.results.score_tables import ScoreLine
from plugin.lti import grades
from plugin.lti.names import Service
from plugin.lti.services import ServiceTrouble
from plugin.lti.tables import ScoreEndpoint

_HERE = "c.version > 0 AND c.state <> 'archived'"
_WANTED = f"""
SELECT c.id, e.context, e.title FROM score_endpoint e
 JOIN certification c ON c.host_id = e.host_id AND c.code = e.certification AND {_HERE}
 WHERE e.host_id = ? AND e.certification <> ''
UNION
SELECT s.certification, e.context, e.title FROM score_endpoint e
 JOIN course k ON k.host_id = e.host_id AND k.ext = e.context AND NOT k.gone
 JOIN course_set s ON s.host_id = e.host_id AND s.course = k.id
 JOIN certification c ON c.host_id = e.host_id AND c.id = s.certification AND {_HERE}
 WHERE e.host_id = ? AND e.certification = ''
ORDER BY 1, 2, 3
"""


def make_lines(runtime: Runtime, host_id: int) -> int:
    """Add the lines that links and certifications ask for by now; returns how many are new.

    The host's clock is taken, so that whoever is certified before is found by
    :mod:`plugin.enrolment.earlier_results`, and whoever is after finds the line.
    """
    with runtime.db.read() as session:
        if not fetch(session, "SELECT 1 FROM score_endpoint WHERE host_id = ? LIMIT 1", host_id):
            return 0
        if not _missing(session, host_id):
            return 0

    def work(session: Session) -> int:
        run(session, "UPDATE host_clock SET seq = seq WHERE host_id = ?", host_id)
        missing = _missing(session, host_id)
        for (certification, context), title in missing.items():
            number = take_ids(session, host_id, "score_line")
            session.add(
                ScoreLine(host_id=host_id, id=number, certification=certification, context=context, title=title)
            )
        return len(missing)

    return runtime.db.transact(work)


def _missing(session: Session, host_id: int) -> dict[tuple[int, str], str]:
    rows = fetch(session, "SELECT certification, context FROM score_line WHERE host_id = ?", host_id)
    there = {(row[0], row[1]) for row in rows}
    wanted = {(row[0], row[1]): str(row[2]) for row in fetch(session, _WANTED, host_id, host_id)}
    return {key: title for key, title in wanted.items() if key not in there}


@dataclass(frozen=True)
class Offered:
    """What there is for a line: its links, those that name its certification first.

    :ivar taken: line items that other lines report to. :ivar resource: our name of the line item, if one is made.
    """

    links: Sequence[ScoreEndpoint]
    taken: frozenset[str]
    resource: str
    label: str


def offered(session: Session, line: ScoreLine) -> Offered:
    """What links and other lines say of a line."""
    certification = session.get_one(Certification, (line.host_id, line.certification))
    taken = select(ScoreLine.url).where(ScoreLine.host_id == line.host_id, ScoreLine.id != line.id, ScoreLine.url != "")
    links, others = links_of(session, line), frozenset(session.scalars(taken))
    return Offered(links, others, f"muster:{certification.code}", certification.name)


def find_address(service: Service, given: Offered) -> str:
    """The address of a line's item: a link's own, one found by our name for it, or one made.

    :raises ServiceTrouble: where the course has none for us.
    """
    if not given.links:
        raise ServiceTrouble("No link of this course takes results any more.", permanent=True)
    links = [one for one in given.links if grades.SCORE in one.scopes]
    if not links:
        raise ServiceTrouble("The learning site does not let Muster report results from this course.", permanent=True)
    for one in links:
        if one.line_item and one.line_item not in given.taken:
            return one.line_item
    return _found_or_made(service, links, given.resource, given.label)


def _found_or_made(service: Service, links: Sequence[ScoreEndpoint], resource: str, label: str) -> str:
    for one in links:
        if not one.line_items:
            continue
        may_make = grades.LINE_ITEM in one.scopes
        scope = grades.LINE_ITEM if may_make else grades.may_read(one.scopes)
        found = grades.find_line(service, one.line_items, scope, resource) if scope else None
        if found or may_make:
            return found or grades.make_line(service, one.line_items, resource, label)
    raise ServiceTrouble("The course has no grade column for this, and does not let Muster add one.", permanent=True)


def links_of(session: Session, line: ScoreLine) -> list[ScoreEndpoint]:
    """The links whose results go to a line: those that name its certification first."""
    certification = session.get_one(Certification, (line.host_id, line.certification))
    rows = session.scalars(
        select(ScoreEndpoint)
        .where(
            ScoreEndpoint.host_id == line.host_id, ScoreEndpoint.context == line.context,
            ScoreEndpoint.certification.in_(("", certification.code)),
        )
        .order_by(ScoreEndpoint.link)
    )  # fmt: skip
    return sorted(rows, key=lambda one: one.certification == "")


def item_is_gone(session: Session, line: ScoreLine) -> None:
    """The platform has the line item no longer: forget its address wherever it is known."""
    for one in links_of(session, line):
        if one.line_item == line.url:
            one.line_item = ""
    line.url = ""
