"""Commands about single learners: ``show``, ``group``, ``extend`` and ``exempt`` (AS-CODE)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from plugin.cli.context import certification, open_host, traced, who
from plugin.cli.opening import print_json
from plugin.core.clock import parse_instant
from plugin.core.days import end_of_day
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.stamps import calendar_day
from plugin.enrolment.answers import groups, overrides
from plugin.enrolment.terms import zone_of_host
from plugin.enrolment.views import show as shown


def show(host: str | None, code: str, person: str | None, *, as_json: bool) -> int:
    """Print a row per learner, or one learner with what matches her and what does not."""
    runtime, host_id = open_host(host)
    move_on(runtime, host_id)
    with runtime.db.read() as session:
        number = certification(session, host_id, code)
        if person is not None:
            found: Any = shown.show_person(session, host_id, number, person)
        else:
            found = shown.show_rows(session, host_id, number)
    traced(runtime, host_id, len(found) if isinstance(found, list) else 1, person or "")
    if as_json:
        print_json(found)
        return 0
    for row in found if isinstance(found, list) else [found]:
        reasons = ", ".join(row["why"]) or row.get("why_not") or ""
        active = "active" if row["active"] else "not active"
        print(f"{row['person']}\t{row['state']}\t{active}\t{row['due'] or '-'}\t{reasons}")
    if isinstance(found, dict):
        for one in found["assignments"]:
            print(f"  {'yes' if one['matches'] else 'no '}  {one['assignment']}: {one['sentence']}")
    return 0


def group(host: str | None, act: str, code: str, name: str, person: str, *, as_administrator: bool) -> int:
    """Join or leave a group."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        number = certification(session, host_id, code)
        learner = shown.person_id(session, host_id, person)
    do = groups.join if act == "join" else groups.leave
    try:
        do(runtime, host_id, number, name, learner, by=who() if as_administrator else None)
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    print("Done.")
    return 0


def extend(host: str | None, code: str, person: str, to: str) -> int:
    """Move one learner's date later."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        number = certification(session, host_id, code)
        learner = shown.person_id(session, host_id, person)
        at = _date(session, host_id, to)
    overrides.extend(runtime, host_id, number, learner, at, who=who())
    print("Extended.")
    return 0


def exempt(host: str | None, code: str, person: str, until: str | None, reason: str) -> int:
    """A certification does not apply to a learner, for some time or for good."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        number = certification(session, host_id, code)
        learner = shown.person_id(session, host_id, person)
        at = _date(session, host_id, until) if until else None
    overrides.exempt(runtime, host_id, number, learner, until=at, reason=reason, who=who())
    print("Exempt.")
    return 0


def _date(session: Session, host_id: int, value: str) -> int:
    """A day (its end in the host's zone) or an instant."""
    try:
        if len(value) == 10:
            return end_of_day(calendar_day(value), zone_of_host(session, host_id))
    except ValueError:
        raise Invalid(f"'{value}' is no day such as 2027-03-31.") from None
    return parse_instant(value)
