"""Files that are fetched: on a schedule, or at once when somebody asks (SOURCES 4.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cronsim import CronSim, CronSimError
from sqlalchemy.orm import Session

from plugin.core.days import zone_of
from plugin.core.errors import Invalid, MusterError, RefusedByRule, Unavailable
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.core.text.stored import later
from plugin.enrolment.sourcing.kept import Named as Files
from plugin.enrolment.sourcing.kept import is_unfit, waiting
from plugin.enrolment.sourcing.loads import load, plan
from plugin.enrolment.sourcing.plans import LoadPlan
from plugin.hosts.csv import fetching
from plugin.hosts.csv.fetching import Fetched, Place
from plugin.hosts.port import HostTrouble, Locked, Refused
from plugin.hosts.registry import DIALECTS
from plugin.mirror.sources.source import source_row, sources_of
from plugin.mirror.tables import Connection

LEASE = 3600
"""Seconds one worker has for a fetch and its load before another may try."""
NO_FILE = later("There is no file there that is called people, organisations, positions or audiences.")
_log = log("sources")


def cron_of(schedule: str) -> str:
    """The cron expression of a schedule: ``hourly``, ``daily HH:MM``, or such an expression itself.

    :raises Invalid: for anything else.
    """
    words = schedule.strip().lower().split()
    expression = schedule.strip()
    if words == ["hourly"]:
        expression = "0 * * * *"
    elif words[:1] == ["daily"] and len([one for one in words if one != "at"]) == 2:
        hour, _colon, minute = words[-1].partition(":")
        if not (expression.isascii() and hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
            raise Invalid(f"'{schedule}': write daily HH:MM.")
        expression = f"{int(minute)} {int(hour)} * * *"
    try:
        CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise Invalid(
            f"'{schedule}' is no schedule: write hourly, daily HH:MM, or a cron expression ({error})."
        ) from None
    return expression


def next_time(schedule: str, after: int, zone: str) -> int:
    """The next instant of a schedule, by the host's clocks."""
    return int(next(CronSim(cron_of(schedule), datetime.fromtimestamp(after, zone_of(zone)))).timestamp())


def chosen(
    *, url: str | None = None, schedule: str | None = None, after: str | None = None, forget_host_key: bool = False,
    plain: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Settings of fetching to be kept, of those that were given. ``plain``: an address without TLS will do.

    :raises Invalid: for an address, a schedule or an ``after`` that cannot be.
    """
    if url:
        why = fetching.wrong_address(url, plain=plain)
        if why:
            raise Invalid(why)
    if schedule:
        cron_of(schedule)
    if after is not None and after not in fetching.AFTER:
        raise Invalid(f"'{after}' is nothing to do with a file that was read; use one of {', '.join(fetching.AFTER)}.")
    given = {"url": url, "schedule": schedule, "after": after}
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if schedule is not None:
        settings["fetch_at"] = 0
    if forget_host_key:
        settings["host_key"] = None
    return settings


def place_of(row: Connection) -> Place:
    """Where a source's files are."""
    settings = row.settings
    return Place(
        str(settings.get("url") or ""), row.api_token or "", dict(settings.get("fetched") or {}),
        str(settings.get("after") or "left"),
    )  # fmt: skip


def fetch_now(
    runtime: Runtime,
    host_id: int,
    name: str,
    *,
    who: str,
    yes: bool = False,
    force: bool = False,
    allow: int | None = None,
    keep: bool = True,
) -> LoadPlan | None:
    """Fetch and load at once; ``None`` where nothing is new.

    :param keep: as :func:`plugin.enrolment.sourcing.loads.load`.

    :raises Unavailable: where it cannot be fetched. :raises NotLoaded: as :func:`plugin.enrolment.sourcing.loads.load`.
    """
    with runtime.db.read() as session:
        row = source_row(session, host_id, name)
        place = place_of(row)
        paused, api = row.state == "paused", row.kind in DIALECTS
    if not place.url:
        raise RefusedByRule(f"{name} has no address to fetch from.")
    if paused:
        raise RefusedByRule(f"{name} is paused; resume it first.")
    if api:
        return _from_api(runtime, host_id, name, place, who=who, yes=yes, force=force, allow=allow)
    place, fetched = _fetched(runtime, host_id, name, place)
    if not fetched.files:
        never = not fetched.known.keys() - {"host_key"}
        _note(runtime, host_id, name, place, known=fetched.known, reason=NO_FILE if never else "")
        if never:
            raise Unavailable(NO_FILE)
        return None
    try:
        done = load(runtime, host_id, name, fetched.files, who=who, yes=yes, force=force, allow=allow, keep=keep)
    except MusterError as error:
        _note(runtime, host_id, name, place, reason=error.sentence)
        raise
    _note(runtime, host_id, name, place, known=fetched.known)
    try:
        fetching.dispose(replace(place, known=fetched.known), fetched.paths, runtime.http)
    except HostTrouble as trouble:
        _note(runtime, host_id, name, place, reason=trouble.why)
    return done


def _fetched(runtime: Runtime, host_id: int, name: str, place: Place) -> tuple[Place, Fetched]:
    """What is new there. A server's key is pinned as soon as it is met, whatever becomes of the secret, the files and the load.

    :raises Unavailable: where it cannot be fetched.
    """

    def pin(key: str) -> None:
        nonlocal place
        pinned = {**place.known, "host_key": key}
        _note(runtime, host_id, name, place, known=pinned)
        place = replace(place, known=pinned)

    try:
        fetched = fetching.fetch(place, runtime.http, pin)
    except HostTrouble as trouble:
        _note(runtime, host_id, name, place, paused=isinstance(trouble, Locked | Refused), reason=trouble.why)
        raise Unavailable(trouble.why) from None
    return place, fetched


def load_now(
    runtime: Runtime, host_id: int, name: str, *, who: str, yes: bool = False, force: bool = False,
    allow: int | None = None,
) -> LoadPlan | None:  # fmt: skip
    """Load what waits for somebody; where nothing does, or nobody said yes to it, fetch. ``None``: nothing is new.

    :raises Invalid: where nothing waits and there is no address. :raises NotLoaded: as
        :func:`plugin.enrolment.sourcing.loads.load`.
    """
    with runtime.db.read() as session:
        waits = waiting(session, host_id, name)
        fetched = bool(source_row(session, host_id, name).settings.get("url"))
    if waits is None and not fetched:
        raise Invalid("Name at least one file: no load of this source waits.")
    if waits is None or (fetched and (not yes or (is_unfit(waits[0]) and not force))):
        return fetch_now(runtime, host_id, name, who=who, yes=yes, force=force, allow=allow)
    _row, files, kind = waits
    return load(runtime, host_id, name, files, who=who, kind=kind, yes=yes, force=force, allow=allow)


def _from_api(
    runtime: Runtime, host_id: int, name: str, place: Place, *, who: str, yes: bool, force: bool, allow: int | None
) -> LoadPlan:
    """Another program's API is read whole and loaded."""
    try:
        done = load(runtime, host_id, name, [], who=who, yes=yes, force=force, allow=allow)
    except MusterError as error:
        _note(runtime, host_id, name, place, reason=error.sentence)
        raise
    _note(runtime, host_id, name, place)
    return done


def try_now(runtime: Runtime, host_id: int, name: str) -> tuple[Files, LoadPlan | None]:
    """Fetch, and say what the files would do; nothing is loaded, and nothing of it is kept. ``None``: there are no files.

    :raises Unavailable: where it cannot be fetched. :raises RefusedByRule: where there is no address.
    """
    with runtime.db.read() as session:
        row = source_row(session, host_id, name)
        place, api = place_of(row), row.kind in DIALECTS
    if api:
        return [], plan(runtime, host_id, name, [])
    if not place.url:
        raise RefusedByRule(f"{name} has no address to fetch from.")
    pinned = {key: value for key, value in place.known.items() if key == "host_key"}
    try:
        fetched = fetching.fetch(replace(place, known=pinned), runtime.http)
    except HostTrouble as trouble:
        raise Unavailable(trouble.why) from None
    return fetched.files, plan(runtime, host_id, name, fetched.files) if fetched.files else None


def _note(
    runtime: Runtime, host_id: int, name: str, place: Place, *, known: dict[str, str] | None = None, reason: str = "",
    paused: bool = False,
) -> None:  # fmt: skip
    """Note how a fetch went, unless somebody said meanwhile that files come from another place, or with another secret."""

    def work(session: Session) -> None:
        row = source_row(session, host_id, name, lock=True)
        now = place_of(row)
        if (now.url, now.secret) != (place.url, place.secret):
            return
        row.reason = reason
        if paused:
            row.state, row.since = "paused", runtime.clock.now()
        if known is not None and now.known == place.known:
            row.settings = {**row.settings, "fetched": known}

    runtime.db.transact(work)


def fetch_due(runtime: Runtime, host_id: int) -> int:
    """Fetch and load every source of a host whose time has come; returns how many were looked at."""
    now = runtime.clock.now()
    with runtime.db.read() as session:
        zone = str(session.get_one(Host, host_id).time_zone)
        due = [
            row.name for row in sources_of(session, host_id)
            if row.state == "active" and row.settings.get("schedule") and row.settings.get("url")
            and int(row.settings.get("fetch_at") or 0) <= now
        ]  # fmt: skip
    looked = 0
    for name in due:
        try:
            if runtime.db.transact(partial(_take, host_id=host_id, name=name, now=now, zone=zone)):
                looked += 1
                fetch_now(runtime, host_id, name, who="schedule", keep=False)
        except MusterError as error:
            _log.warning("source not loaded", host=host_id, source=name, why=error.sentence)
    return looked


def _take(session: Session, host_id: int, name: str, now: int, zone: str) -> bool:
    """Of many workers one fetches; the first time only says when it will be."""
    row = source_row(session, host_id, name, lock=True)
    settings: dict[str, Any] = dict(row.settings)
    at = int(settings.get("fetch_at") or 0)
    if at > now:
        return False
    row.settings = {**settings, "fetch_at": next_time(str(settings["schedule"]), now, zone)}
    return at > 0
