"""A manager's row whose team goes from two or more to none keeps its last learners until somebody answers (rules 2.3).

Every settle asks here before it decides anybody, in the same transaction and under the host's clock, so that no way of
settling withdraws them first (decision 0070).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.certifications.tables import Certification, Version
from plugin.core.database.bulk import fetch
from plugin.enrolment.answers.gone_targets import TEAM_GONE, learners_by, pin
from plugin.enrolment.reading.snapshot import lock_certification
from plugin.population.sets import Population

_TWO = 2


def keep_emptied_teams(session: Session, people: Population, rules: Iterable[Rule], at: int) -> bool:
    """Pin the last learners of those of these rules whose team has no one any more.

    :param rules: live ones, of any type. :param at: when it is noticed.
    :returns: whether somebody was pinned: what was read of holds before is old then.
    """
    managers = [(rule, rule.key) for rule in rules if rule.type == "manager" and rule.key]
    emptied = [managers[at][0] for at in people.emptied([key for _rule, key in managers])]
    if not emptied:
        return False
    host_id = people.host_id
    lock_certification(session, host_id, *sorted({rule.certification for rule in emptied}))
    unedited = _as_settled(session, host_id, emptied)
    kept = False
    for rule in emptied:
        if rule.id not in unedited:
            continue
        last = (learners_by(session, host_id, rule.id) & people.existing) - _answered(session, host_id, rule.id)
        if len(last) >= _TWO:
            pin(session, host_id, rule.certification, rule.id, last, TEAM_GONE, at)
            kept = True
    return kept


def _answered(session: Session, host_id: int, assignment: int) -> BitMap:
    """Who is kept on the row already, or was released and not looked at since."""
    sql = "SELECT people FROM held WHERE host_id = ? AND assignment = ? AND n > 0"
    rows = fetch(session, sql, host_id, assignment)
    return BitMap.union(BitMap(), *(BitMap.deserialize(bytes(row[0])) for row in rows))


def _as_settled(session: Session, host_id: int, rules: Sequence[Rule]) -> set[int]:
    """Those that say what they said when their certification was last settled: an edit of a row never holds."""
    rows = session.execute(
        select(Certification.id, Version.definition)
        .join(Version, (Version.host_id == Certification.host_id) & (Version.certification == Certification.id))
        .where(
            Certification.host_id == host_id, Certification.id.in_({rule.certification for rule in rules}),
            Version.n.in_((Certification.version, Certification.settled_version)), Certification.settled_version > 0,
        )
        .order_by(Certification.id, Version.n)
    )  # fmt: skip
    last: dict[int, dict[str, Any]] = {}
    now: dict[int, dict[str, Any]] = {}
    for number, definition in rows:
        said = {row["target"]: row for row in definition.get("assignments", ()) if row["type"] == "manager"}
        last.setdefault(number, said)
        now[number] = said
    return {
        rule.id for rule in rules
        if (before := last.get(rule.certification, {}).get(rule.target)) is not None
        and (after := now[rule.certification].get(rule.target)) is not None
        and all((before.get(name) or []) == (after.get(name) or []) for name in ("include", "exclusions"))
    }  # fmt: skip
