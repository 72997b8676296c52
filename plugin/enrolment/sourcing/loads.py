"""Loads of files: planned, done in one transaction with what follows of them, taken back (SOURCES 4)."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.errors import RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.runtime import Runtime
from plugin.core.text.stored import later
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.effects import CertificationEffect, carried_out, foreseen
from plugin.enrolment.sourcing.kept import WAITS, Named, files_of, forget_old, keep_unfit, keep_waiting, loads_in, short
from plugin.enrolment.sourcing.plans import LoadPlan, made, named_units, report_of
from plugin.enrolment.sourcing.source_input import DONE, ReadTooEarly, read, standing
from plugin.mirror.sources.files import LoadFiles
from plugin.mirror.sources.intake import DeliveryResult, take
from plugin.mirror.sources.source import Source, source_of, source_row
from plugin.mirror.sources.tables import SourceLoad

AT_ONCE = 20_000
"""People whom a load settles in its own transaction; more are settled by the worker, as after any change."""


class NotLoaded(RefusedByRule):
    """A rule keeps a load from being done; ``plan`` says what it would do."""

    def __init__(self, sentence: str, plan: LoadPlan | None = None) -> None:
        super().__init__(sentence)
        self.plan = plan


class _TooMany(Exception):
    """More people are touched than one transaction should settle."""


_TRIES = 10


def _read_anew(name: str, work: Callable[[], LoadPlan]) -> LoadPlan:
    """Do the work, and again where the source changed after its files were read: each time somebody else was done."""
    for _attempt in range(_TRIES):
        with suppress(ReadTooEarly):
            return work()
    raise RefusedByRule(f"{name} is loaded again and again meanwhile; try again in a moment.")


def plan(runtime: Runtime, host_id: int, name: str, files: Named, kind: str = "") -> LoadPlan:
    """What loading these files would do, to the letter; nothing is written.

    :raises Unreadable: for a file that cannot be read. :raises NotFound: for a source nobody has.
    """
    return _read_anew(name, lambda: _planned(runtime, host_id, name, files, kind))


def _planned(runtime: Runtime, host_id: int, name: str, files: Named, kind: str) -> LoadPlan:
    source, handed = read(runtime, host_id, name, files, kind)

    def work(session: Session) -> tuple[DeliveryResult, LoadPlan]:
        taken = _take(session, runtime, source, handed)
        return taken, made(session, source, handed, taken, ())

    (_taken, plain), effects = foreseen(runtime, host_id, work)
    with runtime.db.read() as session:
        unfit = _unfit(loads_in(session, source, DONE, light=True), handed)
    if unfit:
        plain.guard = plain.document["guard"] = f"{unfit} {plain.guard or ''}".strip()
    return with_effects(plain, effects)


def with_effects(plain: LoadPlan, effects: list[CertificationEffect]) -> LoadPlan:
    document = {**plain.document, "certifications": [one.to_json() for one in effects if one.anything]}
    return LoadPlan(document, effects, plain.taken, plain.guard, plain.stop)


def _take(session: Session, runtime: Runtime, source: Source, handed: LoadFiles) -> DeliveryResult:
    row = source_row(session, source.host_id, source.name, lock=True)
    if row.id != source.id or standing(session, row) != handed.stands:
        raise ReadTooEarly
    row.settings = {**row.settings, "units": handed.units}
    session.flush()
    now = runtime.clock.now()
    return take(
        session, source.host_id, source_of(session, row), handed.delivery, now, named=named_units(source.host_id)
    )  # fmt: skip


def load(
    runtime: Runtime, host_id: int, name: str, files: Named, *, who: str, kind: str = "", yes: bool = False,
    force: bool = False, allow: int | None = None, keep: bool = True,
) -> LoadPlan:  # fmt: skip
    """Load files: whole or not at all.

    :param yes: a person looked at the plan. :param force: take an older or half-written file.
    :param allow: how many withdrawals are confirmed: the plan's number.
    :param keep: whether an older or half-written file is kept, so that somebody can let it through; it never takes the
        place of a load that waits for another reason.
    :raises NotLoaded: where a rule wants a person to look, with the plan; nothing was written of the source then.
    :raises Unreadable: for a file that cannot be read.
    """
    how: dict[str, Any] = {"who": who, "kind": kind, "yes": yes, "force": force, "allow": allow, "keep": keep}
    return _read_anew(name, lambda: _loaded(runtime, host_id, name, files, **how))


def _loaded(
    runtime: Runtime, host_id: int, name: str, files: Named, *, who: str, kind: str, yes: bool, force: bool,
    allow: int | None, keep: bool,
) -> LoadPlan:  # fmt: skip
    source, handed = read(runtime, host_id, name, files, kind)
    if handed.stop:
        raise NotLoaded(handed.stop)
    if source.settings.get("paused") or _state(runtime, source) == "paused":
        raise NotLoaded(f"{name} is paused; resume it first.")
    with runtime.db.read() as session:
        before = loads_in(session, source, DONE, light=True)
        sentence = "" if force else _unfit(before, handed)
        first = not before
    if sentence:
        if keep:
            keep_unfit(runtime, source, handed, sentence, files, kind, who)
        raise NotLoaded(sentence)
    if first and not yes:
        made_plan = plan(runtime, host_id, name, files, kind)
        keep_waiting(runtime, source, handed, made_plan, files, kind, who)
        raise NotLoaded("This is the first load of the source: look at the plan, then load with --yes.", made_plan)
    try:
        many = first and allow is None and len(handed.delivery.people or ()) > AT_ONCE
        return _done(runtime, source, handed, who=who, yes=yes, allow=allow, many=many)
    except NotLoaded as refusal:
        if refusal.plan is not None and not yes:
            keep_waiting(runtime, source, handed, refusal.plan, files, kind, who)
        raise


def _state(runtime: Runtime, source: Source) -> str:
    with runtime.db.read() as session:
        return source_row(session, source.host_id, source.name).state


def _done(
    runtime: Runtime, source: Source, handed: LoadFiles, *, who: str, yes: bool, allow: int | None, many: bool
) -> LoadPlan:
    """Do a load. ``many``: it is known beforehand to touch more people than one transaction should settle."""
    limits, now = Limits.of(runtime.settings), runtime.clock.now()
    confirmed = who if allow is not None else ""

    def at_once(session: Session) -> LoadPlan:
        def work(inner: Session) -> tuple[DeliveryResult, LoadPlan]:
            taken = _take(inner, runtime, source, handed)
            if len(taken.people) > AT_ONCE and allow is None:
                raise _TooMany
            return taken, made(inner, source, handed, taken, ())

        (_taken, plain), effects = carried_out(session, source.host_id, now, limits, work, confirmed=confirmed)
        whole = with_effects(plain, effects)
        _check(whole, yes=yes, allow=allow)
        _record(session, source, handed, whole, who, now)
        return whole

    with suppress(_TooMany):
        if not many:
            return runtime.db.transact(at_once)

    def work(session: Session) -> tuple[DeliveryResult, LoadPlan]:
        taken = _take(session, runtime, source, handed)
        return taken, made(session, source, handed, taken, ())

    (_taken, plain), effects = foreseen(runtime, source.host_id, work)
    whole = with_effects(plain, effects)
    _check(whole, yes=yes, allow=None)

    def in_parts(session: Session) -> None:
        whole.taken = _take(session, runtime, source, handed)
        _record(session, source, handed, whole, who, now)

    runtime.db.transact(in_parts)
    return whole


def _check(whole: LoadPlan, *, yes: bool, allow: int | None) -> None:
    if whole.guard and not yes:
        raise NotLoaded(f"{whole.guard} Look at the plan, then load with --yes.", whole)
    if allow is not None and allow != whole.withdrawn:
        raise NotLoaded(f"--allow-withdrawals says {allow}, the plan says {whole.withdrawn}.", whole)


def _record(session: Session, source: Source, handed: LoadFiles | None, whole: LoadPlan, who: str, now: int) -> None:
    host_id = source.host_id
    for waiting in loads_in(session, source, WAITS):
        session.delete(waiting)
    row = SourceLoad(
        host_id=host_id, id=take_ids(session, host_id, "source_load"), source=source.id, state=DONE, at=now, who=who,
        plan=short(whole.document), files=[] if handed is None else files_of(handed), reason="",
        report=report_of(handed, whole.taken) if handed is not None else None,
        before=zlib.compress(json.dumps(whole.taken.before).encode()),
        content=handed.next() if handed is not None else None,
    )  # fmt: skip
    if any(one["kind"] == "people" for one in row.files):
        here = (SourceLoad.host_id == host_id, SourceLoad.source == source.id, SourceLoad.state == DONE)
        session.execute(
            update(SourceLoad).where(*here, SourceLoad.content.is_not(None)).values(content=None),
            execution_options={"synchronize_session": False},
        )
    session.add(row)
    data = {"source": source.name, "load": row.id, **whole.document["identities"]}
    journal.record(session, host_id, now, who, "source_loaded", reason=source.name, data=data)
    forget_old(session, host_id, now)


def _unfit(before: Sequence[SourceLoad], handed: LoadFiles) -> str:
    """Why a file is not taken without --force: it is older than the last, or only half there (SOURCES 4.3).

    :param before: loads that were done, newest first: the newest that read a kind of file tells what came last of it; the
        newest that had a date, which day that was of.
    """
    files = [one for row in reversed(before) for one in row.files]
    last = {one["kind"]: one for one in files}
    days = {one["kind"]: str(one["generated"]) for one in files if one.get("generated")}
    for reading in handed.readings:
        known = last.get(reading.file.kind)
        if known is None:
            continue
        name = reading.file.name
        day = days.get(reading.file.kind, "")
        if _is_older(reading.generated, day):
            return later(
                "%(file)s is of %(day)s, older than the one read last, of %(last)s.",
                file=name, day=reading.generated, last=day,
            )  # fmt: skip
        if not reading.ended and known.get("ended"):
            return later("%(file)s ends within a line, as if it were not written to its end.", file=name)
        if handed.whole and 2 * reading.count < int(known.get("rows") or 0):
            return later(
                "%(file)s has %(rows)s rows, fewer than half of the %(before)s before: it may be half written.",
                file=name, rows=reading.count, before=known["rows"],
            )  # fmt: skip
    return ""


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _is_older(one: str, other: str) -> bool:
    """Whether one of two dates of files comes first; a day alone is compared with a day."""
    if not _DAY.match(one) or not _DAY.match(other):
        return False
    size = min(len(one), len(other))
    return one[:size] < other[:size]
