"""The live rows of a certification in the few columns that tell whether somebody needs a look."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import NULL, exactly, fetch, only, run
from plugin.core.database.columns import read_columns
from plugin.core.database.process_cache import cached, keep
from plugin.enrolment.codes import INACTIVE_HOLDS, WITHDRAWN
from plugin.enrolment.facts import Ints, Mask
from plugin.population.columns import ids_of

_FROZEN, _LEAVING = 256, 512
_FLAGS = (
    "state + hold * 16 + CASE WHEN frozen_since IS NULL THEN 0 ELSE 256 END"
    " + CASE WHEN leaves_on IS NULL THEN 0 ELSE 512 END"
)
_BITS = 16
_PERSON_AND_FLAGS = f"CAST(person AS BIGINT) * {2**_BITS} + {_FLAGS}"


@dataclass(frozen=True)
class Enrolled:
    """One position a live row, in the order of ids. ``due`` and ``began`` are empty where nobody asked for them.

    :ivar withdrawn: who has a row that is not live; only in what :func:`enrolled` keeps.
    """

    person: Ints
    flags: Ints
    why: Ints
    due: Ints
    began: Ints
    withdrawn: BitMap = field(default_factory=BitMap)

    @property
    def state(self) -> Ints:
        """As in the enrolment table."""
        return self.flags & 15

    @property
    def hold(self) -> Ints:
        """As in the enrolment table."""
        return (self.flags >> 4) & 15

    @property
    def frozen(self) -> Mask:
        """Noted as suspended at the host."""
        return (self.flags & _FROZEN) != 0

    @property
    def leaving(self) -> Mask:
        """In her days of grace."""
        return (self.flags & _LEAVING) != 0

    @property
    def waiting(self) -> Mask:
        """Held back, or in her days of grace."""
        return (self.flags & ~(15 | _FROZEN)) != 0

    @cached_property
    def active(self) -> BitMap:
        """Enrolled, and not held back."""
        held = self.hold
        mask = (held != INACTIVE_HOLDS[0]) & (held != INACTIVE_HOLDS[1]) & (held != INACTIVE_HOLDS[2])
        return BitMap(self.person[mask].astype("uint32"))

    def of(self, people: BitMap) -> Enrolled:
        """The rows of these people alone."""
        mask = np.isin(self.person, ids_of(people))
        due, began = (column[mask] if len(column) else column for column in (self.due, self.began))
        return Enrolled(self.person[mask], self.flags[mask], self.why[mask], due, began, self.withdrawn & people)

    def part(self, low: int, high: int) -> Enrolled:
        """A slice of the rows."""
        columns = (self.person, self.flags, self.why, self.due, self.began)
        person, flags, why, due, began = (column[low:high] for column in columns)
        return Enrolled(person, flags, why, due, began)

    @cached_property
    def everyone(self) -> BitMap:
        """All of them."""
        return BitMap(self.person.astype("uint32"))


def read_enrolled(
    session: Session, host_id: int, certification: int, *, began: bool = True, due: bool = True
) -> Enrolled:
    """Read them from the rows: a column costs as much as all else, so none is read that nobody needs.

    :param began: and ``due``: whether these columns are asked for; else they are empty.
    """
    names = [_PERSON_AND_FLAGS, "why"] + ["due"] * due + ["began"] * began
    where = f"host_id = ? AND certification = ? AND state > {WITHDRAWN}"
    columns = read_columns(session, "enrolment", names, where, host_id, certification, null=NULL)
    both = columns[0]
    if len(both) > 1 and (both[1:] < both[:-1]).any():
        order = both.argsort()
        columns = [column[order] for column in columns]
    both, why, *rest = columns
    nothing = both[:0]
    return Enrolled(
        both >> _BITS, both & (2**_BITS - 1), why, rest[0] if due else nothing, rest[-1] if began else nothing
    )


def read_enrolled_of(
    session: Session, host_id: int, people: Ints, certifications: Sequence[int], *, dates: bool
) -> tuple[Ints, Enrolled]:
    """The rows of these people (sorted ids) in these certifications, in the order of certifications and people; the
    certification of each.

    :param dates: with ``due`` and ``began``; else they are empty.
    """
    which = exactly("certification", np.array(certifications, np.int64))
    where = f"host_id = ? AND state > {WITHDRAWN} AND {which} AND {only('person', people)}"
    names = ("certification", "person", _FLAGS, "why", "due", "began")[: None if dates else -2]
    columns = read_columns(session, "enrolment", names, where, host_id, null=NULL)
    theirs = np.isin(columns[1], people)  # of many people, rows of those between them are read too
    if not theirs.all():
        columns = [column[theirs] for column in columns]
    order = np.lexsort((columns[1], columns[0]))
    certification, person, flags, why, *rest = (column[order] for column in columns)
    due, began = rest or (person[:0], person[:0])
    return certification, Enrolled(person, flags, why, due, began)


_NONE = np.zeros(0, np.int64)
NOBODY = Enrolled(_NONE, _NONE, _NONE, _NONE, _NONE)


def enrolled(session: Session, host_id: int, certification: int) -> Enrolled:
    """The same, kept by the process for as long as no row of the certification changes."""
    rows = fetch(
        session, "SELECT enrolments_rev FROM certification WHERE host_id = ? AND id = ?", host_id, certification
    )
    rev = rows[0][0] if rows else None
    name = ("enrolled", host_id, certification)
    found: tuple[int | None, Enrolled] | None = cached(session, name)
    if found is None or found[0] != rev:
        gone = fetch(
            session,
            f"SELECT person FROM enrolment WHERE host_id = ? AND certification = ? AND state <= {WITHDRAWN}",
            host_id,
            certification,
        )
        live = read_enrolled(session, host_id, certification)
        found = (rev, replace(live, withdrawn=BitMap([row[0] for row in gone])))
        keep(session, name, found)
    return found[1]


def touch_enrolments(session: Session, host_id: int, came: Mapping[int, int]) -> None:
    """Say that rows of these certifications changed, in the transaction that changes them.

    :param came: by certification, how many more learners are active now; fewer where it is negative.
    """
    if not came:
        return
    # Each WHEN is a whole condition: the short form with one value before all of them is refused by distributed databases.
    cases = " ".join(f"WHEN id = {int(number)} THEN {int(more)}" for number, more in came.items())
    listed = ", ".join(str(int(number)) for number in came)
    run(
        session,
        "UPDATE certification SET enrolments_rev = enrolments_rev + 1,"
        f" active_learners = active_learners + CASE {cases} ELSE 0 END WHERE host_id = ? AND id IN ({listed})",
        host_id,
    )
