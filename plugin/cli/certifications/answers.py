"""Commands that answer what waits for somebody: exceptions, what is on hold, and a manager's successor (AS-CODE)."""

from __future__ import annotations

from collections.abc import Sequence

from plugin.cli.certifications.saving import choices, say_saved
from plugin.cli.context import certification, open_host, traced, who
from plugin.cli.opening import print_json
from plugin.core.errors import Invalid
from plugin.enrolment.answers import exceptions as questions
from plugin.enrolment.answers import on_hold as holds
from plugin.enrolment.views.show import person_id


def exceptions(host: str | None, code: str, *, as_json: bool) -> int:
    """Print the open exceptions of a certification."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        rows = questions.open_exceptions(session, host_id, certification(session, host_id, code))
    traced(runtime, host_id, len(rows))
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        print(f"{row['person']}\t{row['type']}\t{row['since']}\t{row['wanted_due'] or '-'}")
    return 0


def resolve(
    host: str | None, code: str, action: str, *, person: Sequence[str], more: Sequence[str], kind: str | None, every: bool
) -> int:  # fmt: skip
    """Answer the exceptions of the learners named, or all of a type.

    :param more: further learners behind the first: ``--person U-1 U-2 assign``.
    """
    if bool(person) == bool(kind) or (kind and not every) or (more and not person):
        raise Invalid("Name learners with --person, or a type with --type TYPE --all.")
    person = tuple(dict.fromkeys([*person, *more]))
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        number = certification(session, host_id, code)
        people = [person_id(session, host_id, one) for one in person]
    count = questions.answer(runtime, host_id, number, action, who=who(), people=people, kind=kind)
    print(f"{count} answered.")
    return 0


def held(host: str | None, *, as_json: bool) -> int:
    """Print what is on hold."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        items = holds.held_items(session, host_id)
    if as_json:
        print_json(items)
        return 0
    for item in items:
        size = f"{item['learners']} learners" if "learners" in item else f"{item['records']} {item['kind']}"
        print(f"{item['id']}\t{item['cause']}\t{item.get('certification') or '-'}\t{size}")
    return 0


def release(host: str | None, ids: Sequence[str], *, every: bool) -> int:
    """Let what is on hold happen."""
    print(f"{_answer(host, ids, every, release=True)} released.")
    return 0


def refuse(host: str | None, ids: Sequence[str], *, every: bool) -> int:
    """Keep what is on hold as it is."""
    print(f"{_answer(host, ids, every, release=False)} refused.")
    return 0


def _answer(host: str | None, ids: Sequence[str], every: bool, *, release: bool) -> int:
    if bool(ids) == every:
        raise Invalid("Name what is on hold by its ids, or say --all.")
    runtime, host_id = open_host(host)
    return holds.answer_held(runtime, host_id, None if every else list(ids), release=release, who=who())


def retarget(
    host: str | None, code: str, old: str, new: str, *, yes: bool, allow_withdrawals: int | None, earlier: bool,
    no_messages: bool, reason: str,
) -> int:  # fmt: skip
    """Put a successor in a manager's place. Never asks: the code and both jobs are named."""
    del yes
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        number = certification(session, host_id, code)
    how = choices(earlier=earlier, no_messages=no_messages, allow_withdrawals=allow_withdrawals, reason=reason)
    say_saved(holds.retarget(runtime, host_id, number, old, new, who=who(), choices=how))
    return 0
