"""Data problems of a host: what it gave that could not be read, and work that was put aside, each with what it costs.

A problem of a record ends when the record comes as it should, or a whole read no longer meets it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices
from plugin.core.ids import upsert_for
from plugin.core.text.texts import clean, shown
from plugin.core.text.translate import gettext as _
from plugin.mirror.pulling.fields import Unread
from plugin.mirror.tables import DataProblem

MOST = 2000
"""Problems of a kind that are kept: a feed that is wrong throughout says no more by its ten thousandth record."""


@dataclass(frozen=True)
class Problem:
    """One problem to be written down. ``ident``: the record's id as far as it can be shown."""

    ident: str
    unread: Unread


def note(
    session: Session, host_id: int, kind: str, problems: Sequence[Problem], now: int, *, sweep: int,
    well: Collection[str] = (),
) -> None:  # fmt: skip
    """Replace what is known of some records by what was met now.

    :param well: ids of the records that were read, whose earlier problems end. :param sweep: the whole read it was met in.
    """
    mine = (DataProblem.host_id == host_id, DataProblem.kind == kind)
    known = int(session.scalar(select(func.count()).select_from(DataProblem).where(*mine)) or 0)
    if known:
        names = list({*well, *(one.ident for one in problems)})
        for part in slices(names):
            session.execute(
                delete(DataProblem).where(*mine, DataProblem.ext.in_(part)),
                execution_options={"synchronize_session": False},
            )
        known = int(session.scalar(select(func.count()).select_from(DataProblem).where(*mine)) or 0)
    rows = {
        (one.ident, one.unread.field): {
            "host_id": host_id, "kind": kind, "ext": clean(one.ident, 520), "field": one.unread.field[:32],
            "value": clean(one.unread.value), "cost": one.unread.cost, "since": now, "sweep": sweep,
        }
        for one in problems
    }  # fmt: skip
    kept = list(rows.values())[: max(0, MOST - known)]
    if kept:
        session.execute(upsert_for(session)(DataProblem).on_conflict_do_nothing(), kept)


def ended(session: Session, host_id: int, kind: str, sweep: int) -> None:
    """A whole read is over: problems of this kind that it did not meet are no more."""
    session.execute(
        delete(DataProblem).where(DataProblem.host_id == host_id, DataProblem.kind == kind, DataProblem.sweep < sweep),
        execution_options={"synchronize_session": False},
    )


def put_aside(session: Session, host_id: int, kind: str, what: str, why: str, now: int) -> None:
    """A piece of work was put aside, so that the rest goes on."""
    note(session, host_id, kind, [Problem(shown(what), Unread("", shown(why, 255), kind))], now, sweep=0)


def done(session: Session, host_id: int, kind: str, whats: Iterable[str]) -> None:
    """Work of this kind went well: its problems end."""
    note(session, host_id, kind, (), 0, sweep=0, well=[shown(one) for one in whats])


def problems_of(session: Session, host_id: int, *, limit: int = 50, offset: int = 0) -> tuple[int, list[DataProblem]]:
    """The data problems of a host, newest first, and how many there are."""
    mine = DataProblem.host_id == host_id
    total = int(session.scalar(select(func.count()).select_from(DataProblem).where(mine)) or 0)
    query = select(DataProblem).where(mine).order_by(
        DataProblem.since.desc(), DataProblem.kind, DataProblem.ext, DataProblem.field
    )  # fmt: skip
    return total, list(session.scalars(query.limit(limit).offset(offset)))


def sentence(problem: DataProblem) -> str:
    """What a problem costs, for people."""
    words = {
        "id": _("No record can be kept under this id: the record was left out."),
        "stored": _("The record could not be kept and was left out; what was known of it stays."),
        "nobody": _("This is no id: the record counts as naming nobody here."),
        "cut": _("The text is too long and was cut."),
        "empty": _("This is no text: it counts as empty."),
        "unknown": _("This is no date: it counts as not known."),
        "no_job": _("This is no date: the job does not count until it can be read."),
        "no_completion": _("This cannot be read: the completion does not count until it can."),
        "suspended": _("This is no state of a person: she is left as she is, as if suspended."),
        "organisation": _("This is no kind of unit: it counts as an organisation."),
        "zone": _("This is no time zone: the learning site's own holds."),
        "usual": _("This is neither true nor false: the usual value holds."),
        "hint": _("A hint could not be worked off and was put aside; the next whole read brings what it was about."),
        "save": _("A save could not be settled and was put aside: save the certification again."),
        "read": _("Records of this kind could not be read; the others were."),
    }
    return str(words.get(problem.cost, problem.cost))
