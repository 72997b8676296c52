"""Changes of how data arrives: who supplies a kind, a source taken away, with the same review as a load (SOURCES 2.4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.effects import CertificationEffect, carried_out
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.plans import LoadPlan
from plugin.enrolment.sourcing.retargeting import TYPES, Offer, checked, offered, retarget
from plugin.enrolment.tables import Held
from plugin.mirror.lookup.written_ids import meant
from plugin.mirror.pulling.read_at_once import read_at_once
from plugin.mirror.sources import renaming
from plugin.mirror.sources.managing import supplying
from plugin.mirror.sources.source import source_of, source_row


def supply(
    runtime: Runtime, host_id: int, kind: str, names: Sequence[str], *, targets: object = None, yes: bool, who: str,
    allow: int | None = None, seconds: float | None = None,
) -> LoadPlan:  # fmt: skip
    """Change who supplies a kind.

    :param targets: by old id of a unit, an audience or a manager's job the new one: rows that name the old name the new in
        the same transaction.
    :param allow: how many withdrawals are confirmed: the plan's number.
    :param seconds: for reading the learning site, where it begins to supply the kind.
    :raises NotLoaded: with the plan, where somebody would be withdrawn, a row re-targeted or left without its target, and
        nobody said yes.
    :raises Unavailable: where the learning site begins to supply it and does not answer: what it says was not kept.
    """
    wanted, now = checked(targets), runtime.clock.now()
    with runtime.db.read() as session:
        needed = supplying.to_be_read(session, host_id, kind, names)
    told = read_at_once(runtime, host_id, needed, seconds=seconds) if needed else {}

    def work(session: Session) -> None:
        supplying.supply(session, host_id, kind, names, told=told, at=now, who=who)

    types = [TYPES[kind]] if kind in TYPES else []
    return reviewed(
        runtime, host_id, work, f"{kind}: {', '.join(names)}", yes=yes, types=types, wanted=wanted, who=who, allow=allow
    )  # fmt: skip


def remove(
    runtime: Runtime, host_id: int, name: str, *, targets: object = None, yes: bool, who: str, allow: int | None = None
) -> LoadPlan:
    """Take a source away with everything it supplied.

    :param targets: and ``allow``: as :func:`supply`.
    :raises NotLoaded: with the plan, where somebody would be withdrawn or a row re-targeted and nobody said yes.
    """
    wanted, now = checked(targets), runtime.clock.now()
    return reviewed(
        runtime, host_id, lambda session: supplying.remove_source(session, host_id, name, at=now, who=who), name, yes=yes,
        types=list(TYPES.values()), wanted=wanted, who=who, allow=allow,
    )  # fmt: skip


def plan_removal(runtime: Runtime, host_id: int, name: str, *, targets: object = None, who: str) -> LoadPlan:
    """What :func:`remove` would do; nothing is written."""
    wanted, now = checked(targets), runtime.clock.now()
    try:
        return reviewed(
            runtime, host_id, lambda session: supplying.remove_source(session, host_id, name, at=now, who=who), name,
            yes=False, types=list(TYPES.values()), wanted=wanted, who=who, look=True,
        )  # fmt: skip
    except NotLoaded as seen:
        if seen.plan is None:
            raise
        return seen.plan


def answer_rename(
    runtime: Runtime,
    host_id: int,
    name: str,
    number: int,
    *,
    renamed: bool,
    yes: bool,
    who: str,
    allow: int | None = None,
) -> LoadPlan:
    """Say whether a unit that vanished goes on under the new name, or is another (SOURCES 4.3).

    :param allow: how many withdrawals are confirmed: the plan's number.
    :raises NotFound: where nothing of this number is asked.
    :raises NotLoaded: with the plan, where somebody would be withdrawn and nobody said yes.
    """
    now = runtime.clock.now()

    def work(session: Session) -> None:
        source = source_of(session, source_row(session, host_id, name))
        row = renaming.open_question(session, source, number)
        renaming.answer(session, source, row, renamed=renamed, at=now, who=who)

    return reviewed(runtime, host_id, work, name, yes=yes, who=who, allow=allow)


def reviewed(
    runtime: Runtime, host_id: int, work: Callable[[Session], str | None], what: str, *, yes: bool,
    types: Sequence[str] = (), wanted: Mapping[str, str] | None = None, who: str = "", look: bool = False,
    allow: int | None = None,
) -> LoadPlan:  # fmt: skip
    """Do the work and say what it does.

    :param work: returns why somebody has to look first, where a guard says so.
    :param types: types of assignments whose targets may go by it. :param wanted: the map, old targets to new.
    :param look: the plan comes as a refusal whatever it says, and nothing stays.
    :param allow: how many withdrawals are confirmed: the plan's number; the withdrawal guard holds none then.
    :raises NotLoaded: with the plan, where somebody has to look first and nobody said yes, or ``allow`` is another number.
    """
    limits, now = Limits.of(runtime.settings), runtime.clock.now()
    confirmed = "" if allow is None else who

    def act(session: Session) -> LoadPlan:
        moved: list[int] = []
        offers: list[Offer] = []
        missing = {(one.type, one.old) for one in offered(session, host_id, types)}

        def inner(session: Session) -> str:
            asked = {old: new for name, new in (wanted or {}).items() for old in _meant(session, host_id, types, name)}
            guard = work(session) or ""
            session.flush()
            session.expire_all()
            moved.append(retarget(session, runtime, host_id, types, asked, who))
            offers[:] = [one for one in offered(session, host_id, types) if (one.type, one.old) not in missing]
            return guard

        held = _on_hold(session, host_id)
        guard, effects = carried_out(session, host_id, now, limits, inner, confirmed=confirmed)
        document = document_of(what, effects, retargeted=moved[-1], offers=offers)
        found = LoadPlan(document | ({"guard": guard} if guard else {}), effects, guard=guard or None)
        # Rows that lose their target are somebody's to look at, also seconds after a save, with nobody enrolled yet.
        waits = guard or found.withdrawn or moved[-1] or offers or _on_hold(session, host_id) - held
        if look or (waits and not yes and allow is None) or (guard and not yes):
            raise NotLoaded(f"{guard} Look at the plan, then say --yes.".lstrip(), found)
        if allow is not None and allow != found.withdrawn:
            raise NotLoaded(f"--allow-withdrawals says {allow}, the plan says {found.withdrawn}.", found)
        return found

    return runtime.db.transact(act)


def _meant(session: Session, host_id: int, types: Sequence[str], name: str) -> set[str]:
    """The ids that an old one means, as it was written, before the change takes its words away."""
    return set(meant(session, host_id, [(type_, name) for type_ in types]).values()) or {name}


def _on_hold(session: Session, host_id: int) -> set[int]:
    """What waits for somebody: also learners of a target that went, who would leave with it (rules 5.6, 5.10)."""
    return set(session.scalars(select(Held.id).where(Held.host_id == host_id, Held.state == "open")))


def document_of(
    what: str, effects: Sequence[CertificationEffect], *, retargeted: int = 0, offers: Sequence[Offer] = ()
) -> dict[str, Any]:
    """The plan of a change that reads no file. ``map``: what rows name that goes, and what fits instead (``""``: nothing)."""
    return {
        "source": what, "certifications": [one.to_json() for one in effects if one.anything], "retargeted": retargeted,
        "map": {one.old: one.new for one in offers},
        "mapped_by": {one.old: one.by for one in offers if one.by},
    }  # fmt: skip


def effect_lines(effects: Sequence[CertificationEffect]) -> list[str]:
    """What each certification gains and loses, for a terminal."""
    found = [
        f"{one.code}: {one.newly} newly enrolled, {one.withdrawn} withdrawn, {one.redated} due dates changed,"
        f" {one.held_back} held back, {one.messages} messages{waiting(one)}"
        for one in effects if one.anything or one.on_hold
    ]  # fmt: skip
    return found or ["No certification changes."]


def waiting(one: CertificationEffect) -> str:
    """How many stay and wait because their target is gone; nothing where nobody does."""
    return f", {one.on_hold} wait on hold because their target is gone" if one.on_hold else ""


def lines(plan: LoadPlan) -> list[str]:
    """The plan of such a change for a terminal."""
    found = effect_lines(plan.effects) if any(one.anything or one.on_hold for one in plan.effects) else []
    guarded = sum(one.guarded for one in plan.effects)
    if guarded:
        found.append(f"Of the withdrawals the guard holds {guarded}.")
    if plan.guard:
        found.append(plan.guard)
    if plan.document.get("retargeted"):
        found.append(f"{plan.document['retargeted']} rows name other targets.")
    offers, by = plan.document.get("map") or {}, plan.document.get("mapped_by") or {}
    if offers:
        found.append(
            "Rows name what goes. For --map, with what fits (write what shall stand instead, or leave a line out):"
        )
        found += [f"{json.dumps(old)}: {json.dumps(new)}{f'  # by {by[old]}' if old in by else ''}"
                  for old, new in offers.items()]  # fmt: skip
    return found or ["No certification changes."]
