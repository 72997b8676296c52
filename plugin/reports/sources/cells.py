"""Columns that several sources have."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from plugin.enrolment.codes import ASSIGNED, EXPIRED, IN_PROGRESS, STATES, WINDOW_OPEN, active
from plugin.reports.columns import TEXT, WORD, Column, words_sql

CERTIFICATION = (
    Column("certification", TEXT, "c.code", known="certification"),
    Column("certification_name", TEXT, "c.name"),
)
STATE = words_sql("e.state", STATES)
ACTIVE = f"({active('e.')})"
"""Enrolled: held back, dismissed and exempt people are not."""
_TO_DO = ", ".join(map(str, (ASSIGNED, IN_PROGRESS, WINDOW_OPEN, EXPIRED)))
TO_DO = f"({ACTIVE} AND e.state IN ({_TO_DO}))"
"""Has something to complete."""
OVERDUE = f"({TO_DO} AND e.due <= :now)"
"""Begins with the instant of the due date."""
OF_HOST = "e.host_id = ? AND e.certification > 0"
"""Every row of the host. The second condition says nothing; with it SQLite reads the table in its own order, in place of
looking each row up by an index, which takes ten times as long."""
OF_ENROLMENT = (
    "{enrolment} e JOIN certification c ON c.host_id = e.host_id AND c.id = e.certification"
    " JOIN person p ON p.host_id = e.host_id AND p.id = e.person"
)
BY_PERSON = (
    "person p CROSS JOIN {enrolment} e ON e.host_id = p.host_id AND e.person = p.id AND p.host_id = {host}"
    " CROSS JOIN certification c ON c.host_id = e.host_id AND c.id = e.certification"
)
"""The same for SQLite, which then walks people in their order and stops when a part is full."""

ENROLMENT_FIRST = OF_ENROLMENT.replace(" JOIN ", " CROSS JOIN ")
"""The same for SQLite where enrolments are found before all else."""


def of_enrolment(certification: str, person: str, condition: str) -> str:
    """A condition on the enrolment that a row is about, for sources whose rows are of something else."""
    return (
        f"EXISTS (SELECT 1 FROM enrolment e WHERE e.host_id = {{host}} AND e.certification = {certification}"
        f" AND e.person = {person} AND {condition})"
    )


ACCOUNT_STATES = ("active", "suspended", "deleted")


def flag(condition: str) -> str:
    """A condition as 0 or 1."""
    return f"{_WHEN}{condition}{_THEN}"


def condition_of_flag(sql: str) -> str:
    """The condition that :func:`flag` made a flag of; empty where it made none."""
    return sql[len(_WHEN) : -len(_THEN)] if sql.startswith(_WHEN) and sql.endswith(_THEN) else ""


_WHEN, _THEN = "CASE WHEN ", " THEN 1 ELSE 0 END"


def text(expression: str) -> str:
    """Text of which an empty one says nothing."""
    return f"NULLIF({expression}, '')"


ACCOUNT = Column("account_state", WORD, words_sql("p.state", ACCOUNT_STATES), words=ACCOUNT_STATES)
