"""Settling what was saved: whole settles that are owed, claimed under a lease, several with the same cause together.

A claimed one may be killed at any instant and begun again, by anybody (design point 4).
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification, Version
from plugin.core.area_scope import area_of
from plugin.core.database.bulk import fetch, run, update_rows
from plugin.core.database.dialect import for_update
from plugin.core.database.leases import is_free, still_ours, worker_token
from plugin.core.database.parallel import side_by_side
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.ids import read_clock
from plugin.core.journal import Entry, record_all
from plugin.core.logs import log, use_correlation
from plugin.core.runtime import Runtime
from plugin.enrolment.announce import tell_applied
from plugin.enrolment.answers.ended import free_courses
from plugin.enrolment.answers.gone_targets import look_for_missing
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.reading.snapshot import Snapshot, lock_certification
from plugin.enrolment.settling.everyone import CHUNK, judge_leaving, settle_pieces
from plugin.enrolment.settling.owed_looks import owed_people
from plugin.enrolment.settling.plan import Piece, SettlePlan, lanes, pieces, plans
from plugin.enrolment.tables import Settling
from plugin.enrolment.waves.decide_draws import has_waves
from plugin.enrolment.waves.make_draws import draw_waves
from plugin.mirror.problems import done as no_problem
from plugin.mirror.problems import put_aside
from plugin.population.sets import population

LEASE = 120
BEGINS: dict[str, object] = {"again": True, "begins": True}
"""Choices of a settle that the first day of an assignment asks for: it is no save, and of those enrolled it looks only at
whom that assignment matches."""
_TOGETHER = 16
"""Saves claimed at once: other workers want some too."""
_EVERYBODY = 10_000_000
TRIES = 3
"""How often a save that cannot be settled is tried before it is put aside."""
OVER = ("done", "aside")
_log = log("enrolment")


@dataclass(frozen=True)
class SaveProgress:
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
    present.state, present.done, present.total = "owed", 0, 0
    present.give_back()
    session.flush()


def still_owed(session: Session, host_id: int) -> set[int]:
    """Certifications with a save that is not settled yet."""
    sql = "SELECT certification FROM settling WHERE host_id = ? AND state NOT IN ('done', 'aside')"
    return {row[0] for row in fetch(session, sql, host_id)}


def settled_with_people(session: Session, host_id: int, versions: Mapping[int, int], who: str, at: int) -> None:
    """These saves need no settle of their own: everybody they may reach is settled in the same transaction.

    :param versions: by certification the version that was saved.
    """
    done = "UPDATE settling SET state = 'done', lease = '', lease_until = 0 WHERE host_id = ? AND certification = ?"
    settled = "UPDATE certification SET settled_version = ? WHERE host_id = ? AND id = ?"
    for certification, version in versions.items():
        run(session, done, host_id, certification)
        run(session, settled, version, host_id, certification)
        tell_applied(session, host_id, [certification], version, at, who)
    session.expire_all()


def progress(session: Session, host_id: int, certification: int) -> SaveProgress | None:
    """How far the latest save's work is; ``None`` where there never was one."""
    row = session.get(Settling, (host_id, certification))
    if row is None:
        return None
    whole = area_of(session, host_id) is None  # of an area nobody is told how many there are elsewhere
    return SaveProgress(row.state, row.done, row.total) if whole else SaveProgress(row.state, 0, 0)


def settle_certifications(runtime: Runtime, host_id: int) -> int:
    """Work off every whole settle that is owed, in the order of the saves. Returns how many were finished."""
    finished, looked_at, troubles = 0, -1, list[Exception]()
    while claimed := _claim(runtime, host_id):
        use_correlation(claimed[0].correlation)
        with runtime.db.read() as session:
            seq, _as_of = read_clock(session, host_id)
        if seq != looked_at:
            look_for_missing(runtime, host_id)
            looked_at = seq
        done, failed = _settle_or_each(runtime, host_id, claimed)
        finished += done
        troubles += [trouble for one, trouble in failed if _failed(runtime, one, trouble)]
        if failed and not done:
            break  # tried again in the next round, when everything else had its turn
    if troubles:
        raise troubles[0]
    return finished


def _failed(runtime: Runtime, claimed: Settling, trouble: Exception) -> bool:
    """Count a try of a save that cannot be settled and give it back; after ``TRIES`` it is put aside and shown.

    :returns: whether it will be tried again.
    """
    host_id = claimed.host_id

    def note(session: Session) -> bool:
        row = still_ours(session, Settling, (host_id, claimed.certification), claimed.lease)
        if row is None or row.number != claimed.number:
            return False
        tries = int(cast("int", row.choices.get("tries", 0))) + 1
        row.choices = {**row.choices, "tries": tries}
        row.state = "owed" if tries < TRIES else "aside"
        row.give_back()
        if tries == TRIES:
            code = session.scalar(
                select(Certification.code).where(
                    Certification.host_id == host_id, Certification.id == claimed.certification
                )
            )
            put_aside(session, host_id, "save", str(code), type(trouble).__name__, runtime.clock.now())
        return tries < TRIES

    _log.error("a save could not be settled", host=host_id, certification=claimed.certification,
               error=type(trouble).__name__, exc_info=trouble)  # fmt: skip
    return runtime.db.transact(note)


def _claim(runtime: Runtime, host_id: int) -> list[Settling]:
    """Take the oldest owed one under a lease, and those next to it with the same cause; a lease that ran out is owed."""
    now, token = runtime.clock.true(), worker_token()

    def take(session: Session) -> list[Settling]:
        rows = session.scalars(
            select(Settling)
            .where(Settling.host_id == host_id, Settling.certification.in_(owed), Settling.state.notin_(OVER))
            .order_by(Settling.number)
            .limit(_TOGETHER)
            .with_for_update(skip_locked=True)
        ).all()
        taken: list[Settling] = []
        for row in rows:
            if not row.is_free(now):
                continue
            if taken and _alike(row) != _alike(taken[0]):
                break
            row.state = "running"
            row.take(token, now, LEASE)
            taken.append(row)
        return taken

    sql = "SELECT certification, lease, lease_until FROM settling WHERE host_id = ? AND state NOT IN ('done', 'aside')"
    with runtime.db.read() as session:
        owed = [row[0] for row in fetch(session, sql, host_id) if is_free(row[1], row[2], now)]
    return runtime.db.transact(take) if owed else []


def _alike(claimed: Settling) -> tuple[object, ...]:
    """What must be the same for two to be settled together."""
    return _cause(claimed), claimed.correlation, claimed.choices.get("begins")


def _cause(claimed: Settling) -> Cause:
    choices = claimed.choices
    return Cause(
        otherwise=claimed.as_of,
        version=0 if choices.get("again") else claimed.version,
        earlier=bool(choices.get("earlier")),
        earlier_of=None if choices.get("earlier_of") is None else frozenset(cast("list[int]", choices["earlier_of"])),
        earlier_by=int(cast("int", choices.get("earlier_by") or 0)),
        quiet=bool(choices.get("no_messages")),
        confirmed=bool(choices.get("confirmed")),
        by_sync=False,
        who=claimed.who,
        reason=str(choices.get("reason") or ""),
    )


def _settle_or_each(
    runtime: Runtime, host_id: int, claimed: Sequence[Settling]
) -> tuple[int, list[tuple[Settling, Exception]]]:
    """Settle them together; where that fails each by itself, so that one that cannot be settled holds up no other.

    :returns: how many were finished, and those that fail alone too.
    :raises: at once where the database is away.
    """
    finished, failed = 0, list[tuple[Settling, Exception]]()
    for part in (claimed, *([[one] for one in claimed] if len(claimed) > 1 else [])):
        try:
            finished += _settle(runtime, host_id, part)
            if part is claimed:
                return finished, []
        except (*DATABASE_AWAY, Unavailable):
            raise
        except Exception as trouble:
            if len(part) == 1:
                failed.append((part[0], trouble))
    return finished, failed


def _settle(runtime: Runtime, host_id: int, claimed: Sequence[Settling]) -> int:
    """Settle saves of one cause; returns how many were finished."""
    cause, numbers = _cause(claimed[0]), [one.certification for one in claimed]
    drawn = False
    while True:
        with runtime.db.read() as session:
            snapshot = Snapshot(session, host_id, numbers)
            waves = [] if drawn else [number for number in numbers if has_waves(snapshot.rules[number])]
            planned = None if waves else _planned(runtime, snapshot, claimed, cause)
        if planned is not None:
            break
        runtime.db.transact(partial(_draw, host_id=host_id, certifications=waves, at=cause.otherwise))
        drawn = True
    cause, made, dealt = planned
    judged = judge_leaving(runtime, host_id, made, cause, by_sync=False)
    by_number = {one.certification: one for one in claimed}

    def write(lane: Sequence[SettlePlan]) -> int:
        theirs = {one.certification: by_number[one.certification] for one in lane}
        group = _Group(host_id, theirs, cause, judged)
        return sum(
            runtime.db.transact(partial(group.write, part=part, until=runtime.clock.true() + LEASE))
            for part in pieces(lane, CHUNK[runtime.db.sqlite])
        )

    return sum(side_by_side(write, dealt))


def _draw(session: Session, host_id: int, certifications: Sequence[int], at: int) -> None:
    """Who may begin with what is settled now (rules 11.3)."""
    read_clock(session, host_id, share=True)
    lock_certification(session, host_id, *certifications)
    draw_waves(session, population(session, host_id), certifications, at)


def _planned(
    runtime: Runtime, snapshot: Snapshot, claimed: Sequence[Settling], cause: Cause
) -> tuple[Cause, list[SettlePlan], list[list[SettlePlan]]]:
    """The cause of each person, whom the saves concern, and in which lanes they are written."""
    session, host_id, numbers = snapshot.session, snapshot.host_id, [one.certification for one in claimed]
    # Whom the host changed after the save begins her spell then, not before (rules 3.2).
    changed = owed_people(session, host_id, _EVERYBODY)
    cause = replace(cause, at={person: max(at, cause.otherwise) for person, at in changed.items()})
    people = population(session, host_id)
    everyone = {number: snapshot.terms(number).lets_go(people.as_of) for number in numbers}
    if cause.earlier_by:  # days mean something else
        everyone = dict.fromkeys(numbers, True)
    elif not claimed[0].choices.get("begins"):
        everyone |= dict.fromkeys(_content_changed(snapshot, numbers, cause.version), True)
    made = list(plans(runtime.db, snapshot, people, numbers, cause, everyone=everyone))
    return cause, made, lanes(runtime.db, snapshot, made, CHUNK[runtime.db.sqlite])


def _content_changed(snapshot: Snapshot, certifications: Sequence[int], version: int) -> list[int]:
    """Those whose content, policy or enrol mode differ from the version that was settled last."""
    settled = {number: snapshot.settled(number) for number in certifications}
    if not version:
        return list(certifications)
    fresh = [number for number, last in settled.items() if not last]
    known = [number for number in certifications if settled[number]]
    if not known:
        return fresh
    rows = snapshot.session.execute(
        select(Version.certification, Version.n, Version.definition).where(
            Version.host_id == snapshot.host_id, Version.certification.in_(known),
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
        """One slice, less what somebody else has taken over (design point 4); returns how many saves it finished."""
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
        lock = for_update(session, order="certification")
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

    def _finish(self, session: Session, over: Sequence[SettlePlan]) -> None:
        host_id, cause, numbers = self.host_id, self.cause, [made.certification for made in over]
        snapshot, as_of = Snapshot(session, host_id, numbers), read_clock(session, host_id)[1]
        ended = {number for number in numbers if snapshot.terms(number).ended(as_of)}
        free_courses(session, host_id, ended.union(_content_changed(snapshot, numbers, cause.version)), cause.otherwise)
        done = "UPDATE settling SET state = 'done', lease = '', lease_until = 0 WHERE host_id = ? AND certification IN"
        run(session, f"{done} ({_listed(numbers)})", host_id)
        if cause.version:
            settled = f"UPDATE certification SET settled_version = ? WHERE host_id = ? AND id IN ({_listed(numbers)})"
            run(session, settled, cause.version, host_id)
        codes = session.scalars(
            select(Certification.code).where(Certification.host_id == host_id, Certification.id.in_(numbers))
        )
        no_problem(session, host_id, "save", list(codes))
        entries = [Entry("settled", made.certification, cause.version, data={"learners": len(made)}) for made in over]
        record_all(session, host_id, cause.otherwise, cause.who, entries)
        if cause.version:
            tell_applied(session, host_id, numbers, cause.version, cause.otherwise, cause.who)


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(str(int(number)) for number in sorted(numbers)) or "NULL"
