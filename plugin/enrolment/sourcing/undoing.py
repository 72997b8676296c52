"""Taking a load back: the source's records as they were before it, through the same review (SOURCES 4.5)."""

from __future__ import annotations

import json
import zlib
from typing import Any

from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.effects import carried_out
from plugin.enrolment.sourcing.kept import UNDONE, forget_old, loads_in
from plugin.enrolment.sourcing.loads import NotLoaded, with_effects
from plugin.enrolment.sourcing.plans import LoadPlan, made, named_units
from plugin.enrolment.sourcing.source_input import DONE
from plugin.mirror.sources.intake import take
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.sources.source_data import AudienceData, Delivery, PersonData, UnitData
from plugin.mirror.sources.tables import SourceLoad
from plugin.mirror.tables import Connection


def undo(
    runtime: Runtime, host_id: int, name: str, *, who: str, yes: bool = False, allow: int | None = None
) -> LoadPlan:
    """Restore the source's records as they were before its newest load (SOURCES 4.5).

    :param allow: how many withdrawals are confirmed: the plan's number; the withdrawal guard holds none then.
    :raises NotLoaded: where a certification would change, or the row guard wants a person to look, and nobody said yes; or
        there is no load to take back.
    """
    now, limits = runtime.clock.now(), Limits.of(runtime.settings)

    def work(session: Session) -> tuple[int, LoadPlan]:
        source = source_of(session, source_row(session, host_id, name, lock=True))  # no other load until this is done
        forget_old(session, host_id, now)
        rows = loads_in(session, source, DONE)
        if not rows or rows[0].before is None:
            raise NotLoaded(f"{name} has no load that can be taken back.")
        delivery = delivery_before(json.loads(zlib.decompress(rows[0].before)))
        taken = take(session, host_id, source, delivery, now, named=named_units(host_id))
        return rows[0].id, made(session, source, None, taken, ())

    def act(session: Session) -> LoadPlan:
        confirmed = "" if allow is None else who
        (number, plain), effects = carried_out(session, host_id, now, limits, work, confirmed=confirmed)
        whole = with_effects(plain, effects)
        waits = whole.guard or whole.anything or any(one.on_hold for one in effects)
        if (waits and not yes and allow is None) or (whole.guard and not yes):
            raise NotLoaded("Look at the plan, then undo with --yes.", whole)
        if allow is not None and allow != whole.withdrawn:
            raise NotLoaded(f"--allow-withdrawals says {allow}, the plan says {whole.withdrawn}.", whole)
        row = session.get_one(SourceLoad, (host_id, number))
        row.state = UNDONE
        session.flush()
        _forget_what_the_first_fixed(session, source_row(session, host_id, name))
        journal.record(session, host_id, now, who, "source_undone", reason=name, data={"load": number})
        return whole

    return runtime.db.transact(act)


def _forget_what_the_first_fixed(session: Session, row: Connection) -> None:
    """Where no load stands any more, the next one says anew whether units have files of their own (SOURCES 4)."""
    if not loads_in(session, source_of(session, row), DONE, light=True):
        row.settings = {name: value for name, value in row.settings.items() if name != "units"}


def delivery_before(before: dict[str, Any]) -> Delivery:
    """What a source had said, as a delivery that restores it."""
    people: list[PersonData] = []
    gone: list[str] = []
    left: dict[str, int] = {}
    for ext, old in dict(before.get("people") or {}).items():
        if old is not None:
            people.append(PersonData.from_json(ext, old["said"]))
            if old["left"] is not None:
                left[ext] = old["left"]
        if old is None or old["gone"] is not None:
            gone.append(ext)
    units = [UnitData(**one) for rows in dict(before.get("units") or {}).values() for one in rows]
    whole = frozenset(before.get("units") or ())
    audiences = None
    if "audiences" in before:
        members: dict[str, list[str]] = {one: [] for one in before["audiences"]["audiences"]}
        for audience, who in before["audiences"]["members"]:
            members.setdefault(audience, []).append(who)
        names = before["audiences"]["audiences"]
        audiences = [AudienceData(one, names.get(one, ""), listed) for one, listed in members.items()]
        whole |= {"audiences"}
    return Delivery(
        people=people, units=units if before.get("units") else None, audiences=audiences, whole=whole, gone=gone, left=left
    )  # fmt: skip
