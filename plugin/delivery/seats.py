"""The wanting side of seats: what we want is written here, in the transaction that decided it (DESIGN, point 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, text, update
from sqlalchemy.orm import Session

from plugin.core.ids import upsert_for
from plugin.delivery.tables import FOUND, IN, KEEP, NO_POLICY, OUT, REMOVE, SUSPEND, SUSPENDED, Seat
from plugin.population.columns import Ints

_AFTER = {REMOVE: OUT, SUSPEND: SUSPENDED, KEEP: IN}
"""What is wanted when the last claim went, by the gentlest policy (DOMAIN 6.2)."""


@dataclass(frozen=True)
class SeatState:
    """A locked seat as it stands."""

    wanted: int
    confirmed: int
    leave: int
    origin: int
    generation: int
    sent_generation: int


@dataclass(frozen=True)
class SeatWish:
    """What follows for a seat from the enrolments.

    :ivar claimed: some active enrolment opens it. :ivar dropped: policy of the enrolment that let go of it now.
    """

    course: int
    person: int
    claimed: bool
    dropped: int
    seat: SeatState


def lock_seats(
    session: Session, host_id: int, wanted: Iterable[tuple[int, int]], courses: Sequence[int], people: Ints, at: int
) -> dict[tuple[int, int], SeatState]:
    """Insert the seats that are wanted and absent, then lock all seats of these people in these courses.

    Both in (course, person) order, so that two settles never wait for each other in a circle.
    """
    rows = [
        {
            "host_id": host_id,
            "course": course,
            "person": person,
            "wanted": OUT,
            "owed": False,
            "generation": 0,
            "changed": at,
        }
        for course, person in sorted(wanted)
    ]
    statement = upsert_for(session)(Seat).on_conflict_do_nothing(index_elements=["host_id", "course", "person"])
    for start in range(0, len(rows), 5000):
        session.execute(statement, rows[start : start + 5000])
    return _read(session, host_id, courses, people)


def _read(session: Session, host_id: int, courses: Sequence[int], people: Ints) -> dict[tuple[int, int], SeatState]:
    lock = "" if session.get_bind().dialect.name == "sqlite" else " FOR UPDATE"
    sql = text(
        "SELECT course, person, wanted, confirmed, leave, origin, generation, sent_generation FROM seat"
        f" WHERE host_id = :host AND course IN :courses AND person IN :people ORDER BY course, person{lock}"
    ).bindparams(bindparam("courses", expanding=True), bindparam("people", expanding=True))
    found: dict[tuple[int, int], SeatState] = {}
    for start in range(0, len(people), 500):
        ids = people[start : start + 500].tolist()
        for course, person, *state in session.execute(sql, {"host": host_id, "courses": list(courses), "people": ids}):
            found[course, person] = SeatState(*state)
    return found


def set_wanted(session: Session, host_id: int, wishes: Sequence[SeatWish], at: int) -> int:
    """Write what follows from the wishes; each change of what is wanted raises the generation.

    Returns how many seats want something else than before.
    """
    changes = [change for wish in wishes if (change := _change(wish, at)) is not None]
    if changes:
        table = Seat.__table__
        statement = (
            update(table)  # type: ignore[arg-type]
            .where(
                table.c.host_id == bindparam("b_host"),
                table.c.course == bindparam("b_course"),
                table.c.person == bindparam("b_person"),
            )
            .values(
                wanted=bindparam("b_wanted"),
                leave=bindparam("b_leave"),
                owed=bindparam("b_owed"),
                generation=bindparam("b_generation"),
                changed=bindparam("b_changed"),
                attempts=0,
                next_at=0,
                parked=None,
            )  # fmt: skip
        )
        session.connection().execute(statement, [{**change, "b_host": host_id} for change in changes])
    return len(changes)


def _change(wish: SeatWish, at: int) -> dict[str, object] | None:
    seat = wish.seat
    leave = max(seat.leave, wish.dropped)
    if wish.claimed:
        wanted = IN
        leave = leave if seat.wanted == IN else NO_POLICY  # a new round forgets the policies of the last one
    elif seat.wanted == IN and leave:
        wanted = _AFTER[leave]
    else:
        wanted = seat.wanted
    if wanted == seat.wanted and leave == seat.leave:
        return None
    generation = seat.generation + (wanted != seat.wanted)
    return {
        "b_course": wish.course, "b_person": wish.person, "b_wanted": wanted, "b_leave": leave,
        "b_owed": is_owed(wanted, seat.confirmed, seat.origin), "b_generation": generation, "b_changed": at,
    }  # fmt: skip


def is_owed(wanted: int, confirmed: int, origin: int) -> bool:
    """Whether the host still has to hear of a seat. A seat found is never removed or downgraded (DESIGN, point 7).

    A seat that the host never had and that nobody wants any more is owed nothing.
    """
    if origin == FOUND and wanted != IN:
        return False
    return wanted != confirmed and not (wanted == SUSPENDED and confirmed == OUT)
