"""What happened, and its reverse: ``history`` and ``undo`` (AS-CODE)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from plugin.certifications.store import by_id
from plugin.cli.certifications.saving import choices, is_confirmed, plan_where_refused, say_saved
from plugin.cli.context import certification, demand_each, open_host, who
from plugin.cli.opening import print_json
from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.imported import records
from plugin.enrolment.saving import history as entries
from plugin.enrolment.saving.review import Review, review

_NOT_UNDONE = "Nothing is undone: add --yes to undo without being asked."
_SHOWN = ("n", "at", "who", "what", "reason", "version")
"""What ``history --json`` prints of an entry."""


def history(host: str | None, code: str, *, as_json: bool) -> int:
    """Print what happened to a certification, newest first."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        rows = entries.history(session, host_id, certification(session, host_id, code))
    if as_json:
        print_json([{name: row[name] for name in _SHOWN} for row in rows])
        return 0
    for row in rows:
        print(f"{row['n']}\t{row['at']}\t{row['who']}\t{row['what']}\t{row['learners'] or ''}\t{row['reason']}")
    return 0


def undo(
    host: str | None, n: int, *, yes: bool, allow_withdrawals: int | None, earlier: bool, no_messages: bool, reason: str
) -> int:
    """Reverse a save, or take a file of records back."""
    runtime, host_id = open_host(host)
    how = choices(earlier=earlier, no_messages=no_messages, allow_withdrawals=allow_withdrawals, reason=reason)
    move_on(runtime, host_id)
    with runtime.db.read() as session:
        _demand(session, host_id, n)
        is_file = records.is_file(session, host_id, n)
        reviews = [] if is_file else _review(runtime, session, host_id, n)
    if is_file:
        return _take_back(runtime, host_id, n, yes=yes)
    if not yes and not is_confirmed(reviews, "Undo?", _NOT_UNDONE):
        return 1
    with plan_where_refused(reviews):
        saved = entries.undo(runtime, host_id, n, who=who(), choices=how)
    say_saved(saved)
    return 0


def _review(runtime: Runtime, session: Session, host_id: int, n: int) -> list[Review]:
    """What taking a save back would do.

    :raises RefusedByRule: for what cannot be taken back.
    """
    try:
        proposal = entries.undo_proposal(runtime, session, host_id, n)
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    return review(session, host_id, [proposal], now=runtime.clock.now(), limits=Limits.of(runtime.settings))


def _demand(session: Session, host_id: int, n: int) -> None:
    """Whom ``--as`` names may change what the entry is about."""
    entry = session.get(Journal, (host_id, n))
    if entry is not None and entry.certification is not None:
        demand_each(session, host_id, "change", [by_id(session, host_id, entry.certification).code])


def _take_back(runtime: Runtime, host_id: int, n: int, *, yes: bool) -> int:
    if not yes and not is_confirmed([], "Take these records back?", _NOT_UNDONE):
        return 1
    undone, staying = records.take_back(runtime, host_id, n, who=who())
    print(f"{undone} records taken back; {staying} stay for what came since.")
    return 0
