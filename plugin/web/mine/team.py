"""A manager's page: her team at a glance, what comes next first; reminders, requests, each person's courses (rules 10)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request, stream_with_context, url_for
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.core.days import end_of_day
from plugin.core.errors import NotFound
from plugin.core.preferences import owner, prefer, preferred
from plugin.core.stamps import calendar_day
from plugin.enrolment.answers import extension_requests, reminders
from plugin.enrolment.terms import zone_of_host
from plugin.enrolment.views.show import person_id
from plugin.enrolment.views.team import leads, team_of
from plugin.mirror.lookup.browse import names_of_people
from plugin.reports import at_a_glance
from plugin.reports.asking.reader import Asker, Reader
from plugin.reports.columns import Row
from plugin.reports.files.export import Export
from plugin.reports.service import asker_of
from plugin.reports.team_week import PREFERENCE
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.kit import (
    PAGE_SIZE,
    PREFIX,
    field,
    go,
    host_id,
    nudge,
    number,
    page,
    page_number,
    query,
    runtime,
    who,
)  # fmt: skip
from plugin.web.frame.lists import Chip, Heading, Listing, listing, searched
from plugin.web.frame.words import ngettext
from plugin.web.mine.paths import standing

blueprint = Blueprint("team", __name__, url_prefix=f"{PREFIX}/my/team")
_MOST_REMINDED = 5_000
_NAMED = 20


def headings() -> tuple[Heading, ...]:
    """The columns of the list."""
    return (
        Heading("name", _("Person"), "name", fixed=True),
        Heading("certification", _("Certification"), "certification_name", fixed=True),
        Heading("next", _("Next date"), "due"),
        Heading("progress", _("Courses done"), number=True),
        Heading("state", _("State"), "state"),
        Heading("organisation", _("Organisation"), "organisation", usual=False),
        Heading("position", _("Position"), "position", usual=False),
        Heading("enrolled_at", _("Enrolled since"), "enrolled_at", usual=False),
    )


def _below() -> bool:
    return request.values.get("include") == "below"


def _shown() -> str:
    asked = request.values.get("show", "")
    return asked if asked in at_a_glance.SHOWN else ""


def _pairs() -> list[tuple[str, str]]:
    """The filters of the address, as reports take them."""
    return [*at_a_glance.SHOWN.get(_shown(), ()), *([("search", query())] if query() else [])]


def _asker(session: Session, *, below: bool) -> Asker:
    team = team_of(session, host_id(), int(g.launch.person), below=below)
    return asker_of(runtime(), session, host_id(), Reader(who(), people=team))


@blueprint.get("")
@rule("learner")
def show() -> Response:
    """Who reports to her, or with ``include=below`` everybody under her, and how each stands."""
    args = {"include": "below" if _below() else None, "show": _shown() or None, "q": query() or None}
    found = listing("team", "team.show", headings(), args=args)
    with runtime().db.read() as session:
        person = int(g.launch.person)
        if not leads(session, host_id(), person):
            return page("mine/team.html", leads=False)
        asker = _asker(session, below=_below())
        everybody = asker if _below() else _asker(session, below=True)
        answer = at_a_glance.glance(
            asker, at_a_glance.glance_question(_pairs(), sort=found.sort, limit=PAGE_SIZE), page_number()
        )
        pairs = [_pair(row) for row in answer.rows]
        free = [] if args["show"] or query() else at_a_glance.without_any(asker)
        context: dict[str, Any] = {
            "leads": True, "list": found, "below": _below(), "query": query(), "rows": answer.rows, "total": answer.total,
            "numbers": at_a_glance.numbers(asker), "people": len(asker.reader.people or ()), "show": _shown(),
            "free": [name for _id, name in free[:_NAMED]], "free_more": len(free) - _NAMED,
            "reminded": reminders.reminded_today(session, host_id(), pairs, asker.now),
            "to_remind": len(_to_remind(asker)) if _shown() == at_a_glance.LATE and answer.rows else 0, "most": _MOST_REMINDED,
            "requests": extension_requests.waiting(session, host_id(), people=everybody.reader.people),
            "now": asker.now, "zone": asker.zone, "chips": _chips(found), "done": _done(), "weekly": _weekly(session),
            "page_number": page_number(), "page_size": PAGE_SIZE,
        }  # fmt: skip
    return page("mine/team.html", **context)


def _weekly(session: Session) -> bool:
    return bool(preferred(session, host_id(), owner(g.launch.person, ""), PREFERENCE).get("on"))


def _chips(found: Listing) -> list[Chip]:
    words = {"overdue": _("Overdue"), "due_30": _("Due within 30 days"), "expiring_30": _("Expiring within 30 days")}
    chips = [found.chip(words[_shown()], "show")] if _shown() else []
    return [*chips, *([found.chip(searched(query()), "q")] if query() else [])]


def _done() -> str:
    """What was just done, in words."""
    done, reminded = request.args.get("done", ""), number("reminded")
    if reminded:
        return ngettext("%(num)s reminder is on its way.", "%(num)s reminders are on their way.", reminded)
    words = {"granted": _("The date is moved, and the learner is told."), "refused": _("Refused. The learner is told.")}
    return str(words.get(done, ""))


def _pair(row: Row) -> reminders.Pair:
    return int(row["_certification"]), int(row["_person"])


def _to_remind(asker: Asker) -> list[reminders.Pair]:
    """Whom *Remind all* reminds: the first 5,000 that the list shows, without those reminded today."""
    found: list[reminders.Pair] = []
    for rows in at_a_glance.to_remind(asker, _pairs()):
        pairs = [_pair(row) for row in rows]
        reminded = reminders.reminded_today(asker.session, host_id(), pairs, asker.now)
        found += [one for one in pairs if one not in reminded]
        if len(found) >= _MOST_REMINDED:
            break
    return found[:_MOST_REMINDED]


@blueprint.get("/people/<path:person>")
@rule("learner")
def member(person: str) -> Response:
    """One person below her: every certification with its courses."""
    with runtime().db.read() as session:
        her, asker = _about(session, person)
        rows: list[Row] = at_a_glance.glance(asker, at_a_glance.glance_question([], limit=500)).rows
        context: dict[str, Any] = {
            "person": person, "who": asker.memo["who"], "now": asker.now, "zone": asker.zone,
            "standings": [standing(session, host_id(), row, asker.now) for row in rows],
            "reminded": reminders.reminded_today(session, host_id(), map(_pair, rows), asker.now),
            "requests": extension_requests.waiting(session, host_id(), people=BitMap([her])), "done": _done(),
        }  # fmt: skip
    return page("mine/member.html", **context)


def _about(session: Session, ext: str) -> tuple[int, Asker]:
    """One person below the manager, and to ask about her.

    :raises NotFound: for anybody else, in the same words whether there is somebody of this id or nobody.
    """
    asker = _asker(session, below=True)
    try:
        person = person_id(session, host_id(), ext)
    except NotFound:
        person = 0
    if person not in (asker.reader.people or ()):
        raise NotFound(_("Nobody in your team has this number."))
    asker.memo["who"] = names_of_people(session, host_id(), [person])[person]
    asker.reader = Reader(who(), people=BitMap([person]))
    return person, asker


@blueprint.post("/remind")
@rule("learner")
def remind() -> Response:
    """Remind one person of one certification, or everybody whom the list shows and who has something to complete."""
    with runtime().db.read() as session:
        if request.form.get("person"):
            her, _asker_of_her = _about(session, field("person"))
            pairs = [(int(field("certification", 9) or 0), her)]
        else:
            pairs = _to_remind(_asker(session, below=_below()))
    count = reminders.remind(runtime(), host_id(), pairs, who=who())
    nudge()
    if request.form.get("back") == "member":
        return go(url_for(".member", person=field("person"), reminded=count))
    return go(url_for(".show", include="below" if _below() else None, show=_shown() or None, q=query() or None,
                      reminded=count))  # fmt: skip


@blueprint.post("/requests/<int:asked>")
@rule("learner")
def answer(asked: int) -> Response:
    """Grant more time, to the day asked for or to another, or refuse it."""
    with runtime().db.read() as session:
        team = team_of(session, host_id(), int(g.launch.person), below=True)
        zone = zone_of_host(session, host_id())
    grant = request.form.get("action") == "grant"
    day = day_from(field("to", 20))
    to = end_of_day(calendar_day(day), zone) if day else None
    extension_requests.answer(runtime(), host_id(), asked, grant, who=who(), to=to, among=team)
    nudge()
    return go(url_for(".show", include="below" if _below() else None, done="granted" if grant else "refused"))


@blueprint.get("/file.<form>")
@rule("learner")
def file(form: str) -> Response:
    """What the list shows as a file, whole."""
    with runtime().db.read() as session:
        reader = _asker(session, below=_below()).reader
    export = Export(runtime(), host_id(), reader, at_a_glance.glance_question(_pairs()), form)
    found = Response(stream_with_context(export), content_type=export.media)
    found.headers["Content-Disposition"] = f'attachment; filename="{export.name}"'
    found.call_on_close(export.close)
    return found


@blueprint.post("/weekly")
@rule("learner")
def weekly() -> Response:
    """Switch her message of every Monday on or off."""
    on = request.form.get("weekly") == "on"
    whose = owner(g.launch.person, "")

    def work(session: Session) -> None:
        before = preferred(session, host_id(), whose, PREFERENCE)
        prefer(session, host_id(), whose, PREFERENCE, {**before, "on": on})

    runtime().db.transact(work)
    return go(url_for(".show", include="below" if _below() else None))
