"""What happened, and its reverse: ``history`` and ``undo`` (AS-CODE)."""

from __future__ import annotations

import sys

from sqlalchemy.orm import Session

from plugin.certifications.store import by_id
from plugin.cli.certifications.saving import answers_at_a_terminal, choices, plan_text, say_saved
from plugin.cli.context import certification, demand_each, open_host, who
from plugin.cli.opening import print_json
from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.imported import records
from plugin.enrolment.saving import history as entries
from plugin.enrolment.saving.review import review


def history(host: str | None, code: str, *, as_json: bool) -> int:
    """Print what happened to a certification, newest first."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        rows = entries.history(session, host_id, certification(session, host_id, code))
    if as_json:
        print_json(rows)
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
        if records.is_file(session, host_id, n):
            return _take_back(runtime, host_id, n, yes=yes)
        try:
            proposal = entries.undo_proposal(runtime, session, host_id, n)
        except NotFound as error:
            raise RefusedByRule(error.sentence) from None
        limits = Limits.of(runtime.settings)
        reviews = review(session, host_id, [proposal], now=runtime.clock.now(), limits=limits)
    if not yes and not answers_at_a_terminal():
        print(plan_text(reviews))
        print("Nothing is undone: add --yes to undo without being asked.", file=sys.stderr)
        return 1
    say_saved(entries.undo(runtime, host_id, n, who=who(), choices=how))
    return 0


def _demand(session: Session, host_id: int, n: int) -> None:
    """Whom ``--as`` names may change what the entry is about."""
    entry = session.get(Journal, (host_id, n))
    if entry is not None and entry.certification is not None:
        demand_each(session, host_id, "change", [by_id(session, host_id, entry.certification).code])


def _take_back(runtime: Runtime, host_id: int, n: int, *, yes: bool) -> int:
    if not yes and not answers_at_a_terminal():
        print("Nothing is undone: add --yes to undo without being asked.", file=sys.stderr)
        return 1
    undone, staying = records.take_back(runtime, host_id, n, who=who())
    print(f"{undone} records taken back; {staying} stay for what came since.")
    return 0
