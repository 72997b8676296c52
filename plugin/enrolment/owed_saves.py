"""Settling what was saved: whole settles that are owed, claimed under a lease, several with the same cause together.

A claimed one may be killed at any instant and begun again, by anybody (DESIGN, point 4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Version
from plugin.core.ahead import side_by_side
from plugin.core.bulk import fetch, run, update_rows
from plugin.core.ids import read_clock
from plugin.core.journal import Entry, record_all
from plugin.core.logs import use_correlation
from plugin.core.runtime import Runtime
from plugin.delivery.claim import is_dead, worker_token
from plugin.enrolment.around import Around, lock_certification
from plugin.enrolment.ending import free_courses
from plugin.enrolment.gone import look_for_missing
from plugin.enrolment.inputs import Cause
from plugin.enrolment.owing import owed_people
from plugin.enrolment.plan import Piece, Plan, lanes, pieces, plans
from plugin.enrolment.settle import CHUNK, judge_leaving, settle_pieces
from plugin.enrolment.tables import Settling
from plugin.enrolment.told import tell_applied
from plugin.population.sets import population

LEASE = 120
_TOGETHER = 16
"""Saves claimed at once: other workers want some too."""
_EVERYBODY = 10_000_000


@dataclass(frozen=True)
class Progress:
    """A save's work under way: learners done, of how many."""

    state: str
    done: int
    total: int


def request_settling(
    session: Session, host_id: int, certification: int, *, number: int, version: int, at: int, who: str,
    choices: dict[str, object], correlation: str,
) -> None:  # fmt: skip
    """Ask for a whole settle of a certification; a later save takes the place of one still owed."""
    present = session.get(Settling, (host_id, certification))
    if present is None:
        present = Settling(host_id=host_id, certification=certification)
        session.add(present)
    present.number, present.version, present.requested, present.as_of = number, version, at, at
    present.who, present.choices, present.correlation = who, choices, correlation
    present.state, present.done, present.total, present.lease, present.lease_until = "owed", 0, 0, "", 0
    session.flush()


def progress(session: Session, host_id: int, certification: int) -> Progress | None:
    """How far the latest save's work is; ``None`` where there never was one."""
    row = session.get(Settling, (host_id, certification))
    return Progress(row.state, row.done, row.total) if row is not None else None


def settle_certifications(runtime: Runtime, host_id: int) -> int:
    """Work off every whole settle that is owed, in the order of the saves. Returns how many were finished."""
    finished, looked_at = 0, -1
    while claimed := _claim(runtime, host_id):
        use_correlation(claimed[0].correlation)
        with runtime.db.read() as session:
            seq, _as_of = read_clock(session, host_id)
        if seq != looked_at:
            look_for_missing(runtime, host_id)
            looked_at = seq
        finished += _settle_or_each(runtime, host_id, claimed)
    return finished


def _claim(runtime: Runtime, host_id: int) -> list[Settling]:
    """Take the oldest owed one under a lease, and those next to it with the same cause; a lease that ran out is owed."""
    now, token = runtime.clock.true(), worker_token()

    def take(session: Session) -> list[Settling]:
        rows = session.scalars(
            select(Settling)
            .where(Settling.host_id == host_id, Settling.certification.in_(owed), Settling.state != "done")
            .order_by(Settling.number)
            .limit(_TOGETHER)
            .with_for_update(skip_locked=True)
        ).all()
        taken: list[Settling] = []
        for row in rows:
            if not _is_free(row.lease, row.lease_until, now):
                continue
            if taken and (_cause(row), row.correlation) != (_cause(taken[0]), taken[0].correlation):
                break
            row.state, row.lease, row.lease_until = "running", token, now + LEASE
            taken.append(row)
        return taken

    sql = "SELECT certification, lease, lease_until FROM settling WHERE host_id = ? AND state <> 'done'"
    with runtime.db.read() as session:
        owed = [row[0] for row in fetch(session, sql, host_id) if _is_free(row[1], row[2], now)]
    return runtime.db.transact(take) if owed else []


def _is_free(lease: str, until: int, now: int) -> bool:
    return until < now or is_dead(lease)


def _cause(claimed: Settling) -> Cause:
    choices = claimed.choices
    return Cause(
        otherwise=claimed.as_of,
        version=claimed.version,
        earlier=bool(choices.get("earlier")),
        earlier_of=None if choices.get("earlier_of") is None else frozenset(cast("list[int]", choices["earlier_of"])),
        quiet=bool(choices.get("no_messages")),
        confirmed=bool(choices.get("confirmed")),
        by_sync=False,
        who=claimed.who,
        reason=str(choices.get("reason") or ""),
    )


def _settle_or_each(runtime: Runtime, host_id: int, claimed: Sequence[Settling]) -> int:
    """Settle them together; where that fails each by itself, so that one that cannot be settled holds up no other.

    :raises: what the first one raised that fails alone too, when all others are done.
    """
    try:
        return _settle(runtime, host_id, claimed)
    except Exception:
        if len(claimed) == 1:
            raise
    finished, troubles = 0, list[Exception]()
    for one in claimed:
        try:
            finished += _settle(runtime, host_id, [one])
        except Exception as trouble:
            troubles.append(trouble)
    if troubles:
        raise troubles[0]
    return finished


def _settle(runtime: Runtime, host_id: int, claimed: Sequence[Settling]) -> int:
    """Settle saves of one cause; returns how many were finished."""
    cause, numbers = _cause(claimed[0]), [one.certification for one in claimed]
    with runtime.db.read() as session:
        # Whom the host changed after the save begins her spell then, not before (DOMAIN 3.2).
        changed = owed_people(session, host_id, _EVERYBODY)
        cause = replace(cause, at={person: max(at, cause.otherwise) for person, at in changed.items()})
        people = population(session, host_id)
        around = Around(session, host_id, numbers)
        everyone = {number: around.terms(number).lets_go(people.as_of) for number in numbers}
        everyone |= dict.fromkeys(_content_changed(around, numbers, cause.version), True)
        made = list(plans(runtime.db, around, people, numbers, cause, everyone=everyone))
        dealt = lanes(runtime.db, around, made, CHUNK[runtime.db.sqlite])
    judged = judge_leaving(runtime, host_id, made, cause, by_sync=False)
    by_number = {one.certification: one for one in claimed}

    def write(lane: Sequence[Plan]) -> int:
        theirs = {one.certification: by_number[one.certification] for one in lane}
        group = _Group(host_id, theirs, cause, judged)
        return sum(
            runtime.db.transact(partial(group.write, part=part, until=runtime.clock.true() + LEASE))
            for part in pieces(lane, CHUNK[runtime.db.sqlite])
        )

    return sum(side_by_side(write, dealt))


def _content_changed(around: Around, certifications: Sequence[int], version: int) -> list[int]:
    """Those whose content, policy or enrol mode differ from the version that was settled last."""
    settled = {number: around.settled(number) for number in certifications}
    if not version:
        return list(certifications)
    fresh = [number for number, last in settled.items() if not last]
    known = [number for number in certifications if settled[number]]
    if not known:
        return fresh
    rows = around.session.execute(
        select(Version.certification, Version.n, Version.definition).where(
            Version.host_id == around.host_id, Version.certification.in_(known),
            Version.n.in_({version, *(settled[number] for number in known)}),
        )
    )  # fmt: skip
    found = {(certification, n): definition for certification, n, definition in rows}
    return fresh + [
        number
        for number in known
        if any(found[number, settled[number]].get(name) != found[number, version].get(name) for name in _REACHING)
    ]


_REACHING = ("content", "enrol", "leaving", "period", "state", "available")
"""Parts of a definition that mean something for everybody who is enrolled."""


@dataclass(frozen=True)
class _Group:
    """Saves of one cause, planned and judged, to be written slice by slice."""

    host_id: int
    claimed: Mapping[int, Settling]
    cause: Cause
    may_go: Mapping[int, BitMap]

    def write(self, session: Session, part: Sequence[Piece], until: int) -> int:
        """One slice, less what somebody else has taken over (DESIGN, point 4); returns how many saves it finished."""
        read_clock(session, self.host_id, share=True)
        people = population(session, self.host_id)
        lock_certification(session, self.host_id, *(made.certification for made, _start, _stop in part))
        ours = self._still_ours(session, [made.certification for made, _start, _stop in part])
        part = [piece for piece in part if piece[0].certification in ours]
        if not part:
            return 0
        self._note(session, part, until)
        settle_pieces(session, people, part, self.cause, self.may_go)
        over = [made for made, _start, stop in part if stop == len(made)]
        if over:
            self._finish(session, over)
        return len(over)

    @property
    def _lease(self) -> str:
        return next(iter(self.claimed.values())).lease

    def _still_ours(self, session: Session, certifications: Collection[int]) -> set[int]:
        """Those whose lease and save still stand; they are locked."""
        lock = "" if session.get_bind().dialect.name == "sqlite" else " ORDER BY certification FOR UPDATE"
        sql = (
            "SELECT certification, number FROM settling WHERE host_id = ? AND lease = ?"
            f" AND certification IN ({_listed(certifications)}){lock}"
        )
        rows = fetch(session, sql, self.host_id, self._lease)
        return {certification for certification, number in rows if number == self.claimed[certification].number}

    def _note(self, session: Session, part: Sequence[Piece], until: int) -> None:
        """Write how far this slice brings us, and renew the leases of all."""
        renew = "UPDATE settling SET lease_until = ? WHERE host_id = ? AND lease = ? AND certification IN"
        run(session, f"{renew} ({_listed(self.claimed)})", until, self.host_id, self._lease)
        keys = {"host_id": self.host_id, "certification": [made.certification for made, _start, _stop in part]}
        reached = {"done": [stop for _made, _start, stop in part], "total": [len(made) for made, _start, _stop in part]}
        update_rows(session, Settling, keys, reached)

    def _finish(self, session: Session, over: Sequence[Plan]) -> None:
        host_id, cause, numbers = self.host_id, self.cause, [made.certification for made in over]
        around, as_of = Around(session, host_id, numbers), read_clock(session, host_id)[1]
        ended = {number for number in numbers if around.terms(number).ended(as_of)}
        free_courses(session, host_id, ended.union(_content_changed(around, numbers, cause.version)), cause.otherwise)
        done = "UPDATE settling SET state = 'done', lease = '', lease_until = 0 WHERE host_id = ? AND certification IN"
        run(session, f"{done} ({_listed(numbers)})", host_id)
        settled = f"UPDATE certification SET settled_version = ? WHERE host_id = ? AND id IN ({_listed(numbers)})"
        run(session, settled, cause.version, host_id)
        entries = [Entry("settled", made.certification, cause.version, data={"learners": len(made)}) for made in over]
        record_all(session, host_id, cause.otherwise, cause.who, entries)
        if cause.version:
            tell_applied(session, host_id, numbers, cause.version, cause.otherwise, cause.who)


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(str(int(number)) for number in sorted(numbers)) or "NULL"
