"""``overview``: how a certification stands; the columns. What counts them: :mod:`plugin.reports.overview`."""

from __future__ import annotations

from plugin.reports.columns import FLAG, NUMBER, PERCENT, TEXT, Column, ReportSource

NUMBERS = (
    "enrolled", "certified", "in_progress", "not_started", "expired", "suspended", "held", "due_30", "overdue",
    "expiring_30",
)  # fmt: skip
PERCENTS = ("certified_percent", "not_overdue_percent")
BY = ("organisation", "position", "manager", "assignment")

COLUMNS = (
    Column("certification", TEXT, known="certification"),
    Column("certification_name", TEXT),
    *(Column(name, NUMBER) for name in NUMBERS),
    *(Column(name, PERCENT) for name in PERCENTS),
)
SOURCE = ReportSource(
    name="overview", base="", where="", columns=COLUMNS, keys={}, ties=(), as_of=True,
    default=tuple(one.name for one in COLUMNS),
)  # fmt: skip


def grouped(by: str) -> tuple[Column, ...]:
    """The columns of an overview by something."""
    if not by:
        return COLUMNS
    return (Column(by, TEXT), Column(f"{by}_name", TEXT), *COLUMNS, Column("total", FLAG))
