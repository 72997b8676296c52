"""Reports that are sent: made from a report's page, listed with what became of each, and *Sent to me*."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request, stream_with_context, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access import grants
from plugin.access.present_rights import demand_grant, present
from plugin.access.readers import reader_of
from plugin.access.rules import CHANGE_HOST, LAUNCHED, LEARNER, STAFF, rule
from plugin.core.errors import MusterError, NotFound
from plugin.core.journal import record
from plugin.core.tables import Host
from plugin.delivery.tables import Endpoint
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.catalogue import source_named
from plugin.reports.record.proofs import are_verified
from plugin.reports.sending import schedules
from plugin.reports.sending.schedules import RequestedSchedule, ScheduleOwner, SendingRules
from plugin.reports.sending.sent_list import mine, of_site, sending_for
from plugin.reports.sending.stored_files import parts
from plugin.reports.sending.tables import ReportSchedule
from plugin.reports.sending.timing import EVERY, Timing, parse_timing
from plugin.web.frame.kit import PREFIX, editor, field, go, host_id, nudge, page, runtime, who
from plugin.web.reports import choosing, team
from plugin.web.reports import report_address as asks
from plugin.web.reports.labels import source_label
from plugin.web.reports.report_address import ReportPage, filter_words
from plugin.web.reports.sending_words import how_words, outcome_words, state_words, timing_words, weekday_words

blueprint = Blueprint("sending", __name__, url_prefix=PREFIX)
_ACTIONS = ("pause", "resume", "now", "remove")


@dataclass(frozen=True)
class SendingPages:
    """The pages of administrators, or those of a manager."""

    name: str
    section: str
    table: str
    team: bool

    def url(self, view: str, **values: Any) -> str:
        """The address of one of its pages."""
        return url_for(f"sending.{self.name}{view}", **values)

    def reader(self) -> Reader:
        """Whom she may see at this moment."""
        return team.reader() if self.team else reader_of(runtime(), host_id(), g.launch.rights, who())


STAFF_SIDE = SendingPages("", "reports", "reports.table", team=False)
TEAM_SIDE = SendingPages("team_", "team_reports", "reports.team_table", team=True)


def owner() -> ScheduleOwner:
    """Whoever is looking, as a schedule keeps her."""
    person = g.launch.person
    return ScheduleOwner("person" if person is not None else "subject", editor(), who(), person)


def _form(side: SendingPages, source: str, problem: str = "", status: int = 200) -> Response:
    source_named(source)
    pairs = asks.without(asks.given(), "cursor", "limit")
    question = parse_question(source, pairs)
    with runtime().db.read() as session:
        host = session.get_one(Host, host_id())
        lasting = present(session, host_id(), owner(), runtime().clock.now(), team=side.team) is not None
        endpoints = session.scalars(select(Endpoint).where(Endpoint.host_id == host_id()).order_by(Endpoint.id)).all()
        context = {"domains": schedules.leaving(host).domains, "zone": host.time_zone}
        names = choosing.names(session, host_id(), side.reader(), source, question.filters)
    may = g.launch.rights.changes_host and not side.team
    return page(
        "reports/send.html", status=status, section=side.section, leads=side.team, problem=problem, label=source_label(source),
        filters=filter_words(question, names), action=side.url("send", source=source, **asks.grouped(pairs)),
        back=url_for(side.table, source=source, **asks.grouped(pairs)), lasting=lasting, may_grant=may,
        endpoints=[(one.id, one.name or one.url) for one in endpoints] if may else [], weekdays=weekday_words(),
        said=request.form, every=[(one, _every(one)) for one in EVERY], **context,
    )  # fmt: skip


def _every(one: str) -> str:
    words = {"daily": _("Every day"), "weekly": _("Every week"), "monthly": _("Every month"),
             "before": _("Once, days before a date")}  # fmt: skip
    return str(words[one])


def _send(side: SendingPages, source: str) -> Response:
    pairs = asks.without(asks.given(), "cursor", "limit")
    try:
        wanted = _wanted(side, source, pairs)
        me = owner()
        schedules.create(
            runtime(), host_id(), side.reader(), wanted, me, first=None if side.team else partial(_with_grant, me)
        )
    except MusterError as error:
        return _form(side, source, error.sentence, error.status)
    nudge()
    return go(side.url("listing"))


def _wanted(side: SendingPages, source: str, pairs: asks.Pairs) -> RequestedSchedule:
    timing = parse_timing(
        {name: request.form.get(name) or None for name in ("every", "at", "weekday", "date")}
        | {name: request.form.get(name) or 1 for name in ("day", "days_before")}
    )
    how, endpoint = request.form.get("how", "page"), request.form.get("endpoint", "")
    if how == "endpoint" and not (g.launch.rights.changes_host and not side.team):
        raise NotFound(_("There is no such endpoint."))
    return RequestedSchedule(
        field("name"), parse_question(source, pairs), timing, form=request.form.get("form", "xlsx"), how=how,
        to=tuple(request.form.get("to", "").replace(",", " ").replace(";", " ").split()),
        endpoint=int(endpoint) if endpoint.isascii() and endpoint.isdigit() and len(endpoint) < 9 else None,
        skip_empty="skip_empty" in request.form, team=side.team,
    )  # fmt: skip


def _with_grant(me: ScheduleOwner, session: Session) -> None:
    """Her grant; one who administers the site by her role may give herself what reports need, and says so."""
    now = runtime().clock.now()
    asked = request.form.get("grant") == "yes" and g.launch.rights.changes_host
    if asked and present(session, host_id(), me, now, team=False) is None:
        wanted = grants.RequestedGrant("auditor", person=me.person, subject="" if me.person is not None else me.key)
        grants.add(session, host_id(), wanted, by=g.launch.rights, at=now, who=who())
    demand_grant(session, host_id(), me, now)


def _grants(**_address: Any) -> bool:
    """Whether she gives herself a right with it (ACCESS 2)."""
    return request.form.get("grant") == "yes"


def _leaving() -> SendingRules:
    return SendingRules(tuple(request.form.get("domains", "").replace(",", " ").split()), "stay" in request.form)


def _opens() -> bool:
    """Whether reports may leave for somewhere they might not before; taking domains away acts at once."""
    wanted = _leaving()
    with runtime().db.read() as session:
        before = schedules.leaving(session.get_one(Host, host_id()))
    return wanted.widens(before)


def _listing(side: SendingPages) -> Response:
    every = not side.team and g.launch.rights.sees_host
    with runtime().db.read() as session:
        host = session.get_one(Host, host_id())
        rows = schedules.listed(session, host_id(), owner(), every=every, team=side.team)
        sent = of_site(session, host_id(), None if every else owner())
        leaving, zone, verified = schedules.leaving(host), host.time_zone, are_verified(host)
    may = not side.team and g.launch.rights.changes_host
    mine_too = owner()
    return page(
        "reports/sendings.html", section=side.section, leads=side.team, zone=zone, side=side, leaving=leaving, may=may,
        verified=verified,
        rows=[
            {"row": row, "when": timing_words(Timing(**row.timing)), "how": how_words(row.how, row.recipients),
             "state": state_words(row.state), "may": may or (row.owner_kind, row.owner) == (mine_too.kind, mine_too.key),
             "address": _question_address(side, row)}
            for row in rows
        ],
        sent=[{"row": row, "state": outcome_words(row.state), "how": how_words(row.how, ())} for row in sent],
        each=outcome_words, now=runtime().clock.now(),
    )  # fmt: skip


def _question_address(side: SendingPages, row: ReportSchedule) -> str:
    here = ReportPage("reports.team_table" if row.team else "reports.table", "")
    return here.address(row.source, [(name, value) for name, value in row.question])


def _act(side: SendingPages, number: int, action: str) -> Response:
    if action not in _ACTIONS:
        raise NotFound(_("There is no such schedule."))
    every = not side.team and g.launch.rights.changes_host
    if action == "remove":
        schedules.remove(runtime(), host_id(), number, owner(), every=every)
    else:
        state = {"pause": "paused", "resume": "active", "now": "now"}[action]
        schedules.switch(runtime(), host_id(), number, state, owner(), every=every)
        nudge()
    return go(side.url("listing"))


@blueprint.get("/reports/send/<source>")
@rule(STAFF, area=True)
def send_form(source: str) -> Response:
    """When, how and to whom a report is sent."""
    return _form(STAFF_SIDE, source)


@blueprint.post("/reports/send/<source>")
@rule(STAFF, area=True, widens=_grants)
def send(source: str) -> Response:
    """Send it from now on."""
    return _send(STAFF_SIDE, source)


@blueprint.get("/reports/sent")
@rule(STAFF, area=True)
def listing() -> Response:
    """What is sent, to whom, and what became of it."""
    return _listing(STAFF_SIDE)


@blueprint.post("/reports/sent/<int:number>/<action>")
@rule(STAFF, area=True)
def act(number: int, action: str) -> Response:
    """Pause, resume, send at once or remove."""
    return _act(STAFF_SIDE, number, action)


@blueprint.post("/reports/leaving")
@rule(CHANGE_HOST, widens=_opens)
def leave() -> Response:
    """To which domains reports go, and whether files stay."""
    schedules.set_leaving(runtime(), host_id(), _leaving(), who=who())
    return go(url_for("sending.listing"))


@blueprint.get("/my/team/reports/send/<source>")
@rule(LEARNER)
def team_send_form(source: str) -> Response:
    """The same for a manager."""
    team.allowed(source)
    return _form(TEAM_SIDE, source)


@blueprint.post("/my/team/reports/send/<source>")
@rule(LEARNER)
def team_send(source: str) -> Response:
    """Send it from now on, where somebody reports to her."""
    team.allowed(source)
    if not team.reader().people:
        raise NotFound(_("Nobody reports to you"))
    return _send(TEAM_SIDE, source)


@blueprint.get("/my/team/reports/sent")
@rule(LEARNER)
def team_listing() -> Response:
    """What a manager has sent."""
    return _listing(TEAM_SIDE)


@blueprint.post("/my/team/reports/sent/<int:number>/<action>")
@rule(LEARNER)
def team_act(number: int, action: str) -> Response:
    """Pause, resume, send at once or remove."""
    return _act(TEAM_SIDE, number, action)


@blueprint.get("/my/reports")
@rule(LAUNCHED)
def to_me() -> Response:
    """What was sent to whoever is looking, for thirty days."""
    with runtime().db.read() as session:
        rows = mine(session, host_id(), owner(), runtime().clock.now())
        zone = session.get_one(Host, host_id()).time_zone
    staff = g.launch.rights.any
    return page("reports/sent_to_me.html", section="reports" if staff else "mine", rows=rows, zone=zone)


@blueprint.get("/my/reports/<int:number>/file")
@rule(LAUNCHED)
def fetch(number: int) -> Response:
    """One of these files; that it was fetched stands in the history."""
    now = runtime().clock.now()
    with runtime().db.read() as session:
        row = sending_for(session, host_id(), owner(), number, now)
    data = {"source": row.name, "format": row.form, "sending": row.id}

    def note(session: Session) -> int:
        return record(session, host_id(), now, who(), "export_fetched", reason=row.name, data=data, count=row.rows)

    runtime().db.transact(note)
    answer = Response(stream_with_context(parts(runtime(), host_id(), row.id)), content_type=row.media)
    answer.headers["Content-Disposition"] = f'attachment; filename="{row.file_name}"'
    answer.headers["Content-Length"] = str(row.size)
    return answer
