"""Schedules: made, paused and removed; how a site wants its reports to leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.delivery.messages.smtp import usable
from plugin.delivery.tables import Endpoint
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import RefusedReport, unknown
from plugin.reports.catalogue import column_of, columns_of, source_named
from plugin.reports.query import ask
from plugin.reports.sending.tables import ReportSchedule
from plugin.reports.sending.timing import Timing
from plugin.reports.service import asking

MOST = 200
"""Schedules of one host."""
FORMS = ("csv", "xlsx", "jsonl")
HOW = ("email", "endpoint", "page")
RECIPIENTS = 50
_DOMAINS, _STAY = "report_domains", "report_files_stay"
_TELLING = frozenset({"name", "username", "number", "email", "manager", "manager_email"})
"""Columns that say who somebody is: they go to endpoints alone that may be told names."""


@dataclass(frozen=True)
class ScheduleOwner:
    """Whose present rights decide the rows.

    :ivar kind: ``person``, ``subject`` or ``program``. ``key``: the subject of launches, or the name of a token.
    :ivar who: how the history names her.
    """

    kind: str
    key: str
    who: str
    person: int | None = None


@dataclass(frozen=True)
class RequestedSchedule:
    """A schedule as it is asked for.

    :ivar to: addresses. ``endpoint``: its number. ``report``: the saved report it is of. ``team``: a manager's.
    """

    name: str
    question: Question
    timing: Timing
    form: str = "xlsx"
    how: str = "page"
    to: tuple[str, ...] = ()
    endpoint: int | None = None
    skip_empty: bool = False
    report: int | None = None
    team: bool = False


@dataclass(frozen=True)
class SendingRules:
    """How a site wants reports to leave. ``domains``: to which letters go. ``stay``: no file leaves as a letter."""

    domains: tuple[str, ...] = ()
    stay: bool = False

    def named(self) -> tuple[str, ...]:
        """The domains as they are kept."""
        return tuple(dict.fromkeys(one.strip().lower().removeprefix("@") for one in self.domains if one.strip()))

    def widens(self, before: SendingRules) -> bool:
        """Whether something may leave that might not before."""
        return not set(self.named()) <= set(before.domains) or (before.stay and not self.stay)


def leaving(host: Host) -> SendingRules:
    """How this site wants it."""
    return SendingRules(tuple(host.settings.get(_DOMAINS) or ()), bool(host.settings.get(_STAY)))


def set_leaving(runtime: Runtime, host_id: int, wanted: SendingRules, *, who: str) -> None:
    """Change to which domains reports go as letters, and whether files stay. In the history.

    :raises Refused: for what is no domain.
    """
    domains = wanted.named()
    for one in domains:
        if (
            usable(f"someone@{one}") is None
            or not one.replace(".", "").replace("-", "").isalnum()
            or len(domains) > 100
        ):
            raise RefusedReport(f"'{one}' is no domain such as example.org.")

    def work(session: Session) -> None:
        host = session.get_one(Host, host_id, with_for_update=True)
        before = leaving(host)
        host.settings = {**host.settings, _DOMAINS: list(domains), _STAY: wanted.stay}
        data = {
            "before": ", ".join(before.domains) + (" (files stay)" if before.stay else ""),
            "after": ", ".join(domains) + (" (files stay)" if wanted.stay else ""),
        }
        record(session, host_id, runtime.clock.now(), who, "report_domains_changed", data=data, count=0)

    runtime.db.transact(work)


def is_allowed(address: str, domains: Sequence[str]) -> bool:
    """Whether a report may go to this address."""
    found = usable(address)
    return found is not None and found.rpartition("@")[2].lower() in domains


def create(
    runtime: Runtime, host_id: int, reader: Reader, wanted: RequestedSchedule, owner: ScheduleOwner,
    first: Callable[[Session], None] | None = None,
) -> int:  # fmt: skip
    """Make a schedule and return its number.

    :param first: what has to be true or done beforehand, in the same transaction: where one is refused, neither is done.
    :raises Refused: for a name, a time, an address or a report that cannot be.
    :raises RefusedByRule: when there are too many.
    """
    name = " ".join(wanted.name.split())
    if not 0 < len(name) <= 255:
        raise RefusedReport("A report that is sent needs a name of at most 255 characters.")
    if wanted.form not in FORMS:
        raise unknown("format", wanted.form, FORMS)
    if wanted.how not in HOW:
        raise unknown("way", wanted.how, HOW)
    with asking(runtime, host_id, reader) as asker:
        ask(asker, wanted.question)  # what cannot be asked is not sent
        zone = asker.zone
    now = runtime.clock.now()
    next_at = wanted.timing.following(now, zone)
    if next_at is None:
        raise RefusedReport("This day lies behind us: nothing would ever be sent.")

    def work(session: Session) -> int:
        host = session.get_one(Host, host_id, with_for_update=True)
        if first is not None:
            first(session)
        recipients = _recipients(host, wanted) if wanted.how == "email" else []
        if wanted.how == "endpoint":
            _endpoint(session, host_id, wanted)
        there = session.scalar(
            select(func.count()).select_from(ReportSchedule).where(ReportSchedule.host_id == host_id)
        )
        if (there or 0) >= MOST:
            raise RefusedByRule(f"There are {MOST} reports that are sent; remove one first.")
        number = take_ids(session, host_id, "report_schedule")
        session.add(
            ReportSchedule(
                host_id=host_id, id=number, report=wanted.report, name=name, source=wanted.question.source,
                question=[list(pair) for pair in wanted.question.pairs()], team=wanted.team, owner_kind=owner.kind,
                owner=owner.key, owner_person=owner.person, who=owner.who, timing=wanted.timing.stored(), form=wanted.form,
                how=wanted.how, recipients=recipients, endpoint=wanted.endpoint if wanted.how == "endpoint" else None,
                skip_empty=wanted.skip_empty, next_at=next_at, created=now,
            )
        )  # fmt: skip
        data = {"schedule": number, "source": wanted.question.source, "report": wanted.question.pairs(),
                "how": wanted.how, "to": recipients, "endpoint": wanted.endpoint, "timing": wanted.timing.stored()}  # fmt: skip
        record(session, host_id, now, owner.who, "report_schedule_made", reason=name, data=data, count=0)
        return number

    return runtime.db.transact(work)


def _recipients(host: Host, wanted: RequestedSchedule) -> list[str]:
    found = list(dict.fromkeys(one.strip() for one in wanted.to if one.strip()))
    allowed = leaving(host).domains
    if not found:
        raise RefusedReport("Name at least one address that the report is sent to.")
    if len(found) > RECIPIENTS:
        raise RefusedReport(f"A report goes to at most {RECIPIENTS} addresses; use a distribution list.")
    if not allowed:
        raise RefusedReport("This site sends no reports by e-mail: no domain is allowed under Reports › Sent reports.")
    for one in found:
        if usable(one) is None:
            raise RefusedReport(f"'{one[:100]}' is no e-mail address.")
        if not is_allowed(one, allowed):
            raise RefusedReport(f"'{one[:100]}' is outside the domains that this site allows: {', '.join(allowed)}.")
    return found


def _endpoint(session: Session, host_id: int, wanted: RequestedSchedule) -> None:
    row = session.get(Endpoint, (host_id, wanted.endpoint or 0))
    if row is None:
        raise RefusedReport(f"There is no endpoint {wanted.endpoint}.")
    if not row.settings.get("names") and tells_names(wanted.question):
        raise RefusedReport(
            "Names and addresses may not go to this endpoint: allow it there, or choose columns without them."
        )


def tells_names(question: Question) -> bool:
    """Whether the report says who somebody is."""
    if question.source == "overview":
        return question.by == "manager"
    source = source_named(question.source)
    names = {one.name.removesuffix("_local") for one in columns_of(source, question.columns)}
    return any(one in _TELLING or one.startswith("fields.") for one in names) and column_of(source, "name") is not None


def listed(
    session: Session, host_id: int, owner: ScheduleOwner, *, every: bool = False, team: bool = False
) -> list[ReportSchedule]:
    """One's own schedules, or with ``every`` the whole site's, by name."""
    query = select(ReportSchedule).where(ReportSchedule.host_id == host_id)
    if not every:
        query = query.where(ReportSchedule.owner_kind == owner.kind, ReportSchedule.owner == owner.key,
                            ReportSchedule.team == team)  # fmt: skip
    return list(session.scalars(query.order_by(ReportSchedule.name, ReportSchedule.id)))


def one(
    session: Session, host_id: int, number: int, owner: ScheduleOwner, *, every: bool, lock: bool = False
) -> ReportSchedule:
    """A schedule of one's own, or with ``every`` anybody's.

    :raises NotFound: where there is none of this number.
    """
    row = session.get(ReportSchedule, (host_id, number), with_for_update=lock, populate_existing=lock)
    if row is None or not (every or (row.owner_kind, row.owner) == (owner.kind, owner.key)):
        raise NotFound("There is no such schedule.")
    return row


def switch(runtime: Runtime, host_id: int, number: int, state: str, owner: ScheduleOwner, *, every: bool) -> None:
    """Pause a schedule, or let it go on at its next time; ``now``: let it go out at once, beside its times.

    :raises Refused: for another state, or one that has no next time.
    """
    if state not in ("active", "paused", "now"):
        raise unknown("state", state, ("active", "paused", "now"))
    now = runtime.clock.now()

    def work(session: Session) -> None:
        row = one(session, host_id, number, owner, every=every, lock=True)
        if state == "paused":
            row.state, row.reason = "paused", ""
        elif state == "now":
            row.state, row.reason, row.next_at = "active", "", now
        else:
            next_at = Timing(**row.timing).following(now, session.get_one(Host, host_id).time_zone)
            if next_at is None:
                raise RefusedReport("This day lies behind us: nothing would ever be sent.")
            row.state, row.reason, row.next_at = "active", "", next_at
        told = {"active": "resumed", "paused": "paused", "now": "sent_at_once"}[state]
        record(
            session,
            host_id,
            now,
            owner.who,
            f"report_schedule_{told}",
            reason=row.name,
            data={"schedule": number},
            count=0,
        )

    runtime.db.transact(work)


def remove(runtime: Runtime, host_id: int, number: int, owner: ScheduleOwner, *, every: bool) -> None:
    """Remove a schedule; what it sent stays on record."""

    def work(session: Session) -> None:
        row = one(session, host_id, number, owner, every=every, lock=True)
        session.delete(row)
        data = {"schedule": number}
        record(
            session,
            host_id,
            runtime.clock.now(),
            owner.who,
            "report_schedule_removed",
            reason=row.name,
            data=data,
            count=0,
        )

    runtime.db.transact(work)


def remove_of_report(session: Session, host_id: int, report: int) -> None:
    """A saved report was removed: it is sent no longer."""
    session.execute(delete(ReportSchedule).where(ReportSchedule.host_id == host_id, ReportSchedule.report == report))
