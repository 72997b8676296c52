"""How long what names people is kept, host by host; and whoever was deleted long enough is erased (ACCESS 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from plugin.access import traces
from plugin.access.personal.erase import ERASED, erase
from plugin.core.errors import RefusedByRule
from plugin.core.journal import record
from plugin.core.tables import Host
from plugin.delivery.tables import Message
from plugin.mirror.sources.tables import SourceLoad
from plugin.mirror.tables import DELETED, Person, StoredHint

DAY = 86_400
AT_ONCE = 50
"""People erased in one go."""
BY_POLICY = "retention"


@dataclass(frozen=True)
class RetentionSetting:
    """A setting: what is kept, in which unit, and for how long where nobody said; 0 is for ever, or never."""

    unit: str
    otherwise: int
    least: int
    most: int


SETTINGS: Mapping[str, RetentionSetting] = {
    "trace_months": RetentionSetting("months", traces.MONTHS, 1, 120),
    "message_days": RetentionSetting("days", 0, 0, 36_500),
    "load_days": RetentionSetting("days", 30, 1, 30),
    "hint_days": RetentionSetting("days", 15, 1, 15),
    "erase_days": RetentionSetting("days", 0, 0, 36_500),
}


def kept(host: Host, name: str) -> int:
    """How long: as set, else as it is without."""
    return int(host.settings.get(name, SETTINGS[name].otherwise))


def change(session: Session, host_id: int, given: Mapping[str, int], *, at: int, who: str) -> None:
    """Keep things longer or shorter from now on; in the history."""
    host = session.get_one(Host, host_id, with_for_update=True)
    before = {name: kept(host, name) for name in given}
    changed = {name: value for name, value in given.items() if before[name] != value}
    if not changed:
        return
    host.settings = {**host.settings, **changed}
    data = {"before": {name: before[name] for name in changed}, "after": changed}
    record(session, host_id, at, who, "retention_changed", data=data, count=0)


def tidy(session: Session, host_id: int, now: int) -> None:
    """Drop what is kept no longer."""
    host = session.get_one(Host, host_id)
    traces.forget(session, host_id, now)
    if days := kept(host, "message_days"):
        session.execute(
            update(Message)
            .where(Message.host_id == host_id, Message.created < now - days * DAY, Message.text != "",
                   Message.state.not_in(("owed", "held")))
            .values(subject="", text="", html="")
        )  # fmt: skip
    session.execute(
        update(SourceLoad)
        .where(SourceLoad.host_id == host_id, SourceLoad.at < now - kept(host, "load_days") * DAY, SourceLoad.state != "waits",
               SourceLoad.report.is_not(None))
        .values(report=None, content=None, before=None)
    )  # fmt: skip
    session.execute(
        delete(StoredHint).where(
            StoredHint.host_id == host_id, StoredHint.done, StoredHint.received < now - kept(host, "hint_days") * DAY
        )
    )


def erase_due(session: Session, host_id: int, now: int) -> int:
    """Erase those whom the host deleted so many days ago; whoever cannot be yet waits. Returns how many were."""
    host = session.get_one(Host, host_id)
    days = kept(host, "erase_days")
    if not days:
        return 0
    query = select(Person.ext).where(
        Person.host_id == host_id, Person.state == DELETED, Person.ghost.is_(False), Person.gone_at < now - days * DAY,
        Person.ext.not_like(f"{ERASED}%"),
    )  # fmt: skip
    done = 0
    for ext in session.scalars(query.order_by(Person.gone_at).limit(AT_ONCE)).all():
        try:
            erase(session, host_id, ext, at=now, who=BY_POLICY, blank_texts=True)
            done += 1
        except RefusedByRule:
            continue
    return done
