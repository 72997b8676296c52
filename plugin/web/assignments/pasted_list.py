"""A pasted or uploaded list of learners: each line is looked up as a username, an e-mail address or an ID number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.drafts.adding import MOST_TARGETS
from plugin.core.errors import Invalid
from plugin.core.text.table_files import read_rows, written
from plugin.mirror.lookup.find_people import NamedIdentity, identities_named
from plugin.mirror.tables import ACTIVE

MOST_LINES = 50_000
SHOWN = 200
RESULTS = ("missing", "ambiguous", "suspended", "assigned", "found")
"""In the order of how much a line needs somebody's attention."""
_HEADINGS = ("id", "idnumber", "number", "username", "login", "user", "email", "emailaddress", "mail", "learner", "userid",
             "personid", "person", "employeenumber", "employeeid", "staffnumber")  # fmt: skip
_LONGEST = 255


@dataclass(frozen=True)
class PastedLine:
    """A line and what it found: found, suspended, assigned, ambiguous or missing. ``number`` counts from 1."""

    number: int
    text: str
    result: str
    people: Sequence[NamedIdentity] = ()


@dataclass(frozen=True)
class CheckedList:
    """A list looked up: its lines in order, and how many repeated an earlier one and were left out."""

    lines: list[PastedLine]
    repeated: int

    @property
    def counts(self) -> dict[str, int]:
        """How many lines of each result there are, those of none left out."""
        found = Counter(line.result for line in self.lines)
        return {result: found[result] for result in reversed(RESULTS) if found[result]}

    @property
    def first(self) -> list[PastedLine]:
        """The lines to show: those that need attention before those that do not."""
        return sorted(self.lines, key=lambda line: (RESULTS.index(line.result), line.number))[:SHOWN]

    @property
    def picks(self) -> list[PastedLine]:
        """The lines whose person is selected: as many as may be added at once."""
        return [line for line in self.lines if line.result in ("found", "suspended")][:MOST_TARGETS]


def read_lines(session: Session, host_id: int, text: str, assigned: set[str]) -> CheckedList:
    """Look up every line: the column that a heading names, else the first. Empty lines are passed over.

    :param assigned: the host's ids of those assigned individually already.
    :raises Invalid: when there is no line, or more than 50,000.
    """
    named = _named(read_rows(text, MOST_LINES + 1))
    if not named:
        raise Invalid(_("The list is empty."))
    if len(named) > MOST_LINES:
        raise Invalid(_("The list has more than 50,000 lines. Split it, or use an audience."))
    first: dict[str, int] = {}
    for number, name in named:
        first.setdefault(name, number)
    found = identities_named(session, host_id, list(first))
    lines = [_line(number, name, found.get(name, ()), assigned) for name, number in first.items()]
    return CheckedList(lines, len(named) - len(lines))


def _named(rows: Sequence[tuple[int, list[str]]]) -> list[tuple[int, str]]:
    """The number of each line and the one it names."""
    column, rest = 0, rows
    if rows:
        heading = ["".join(one for one in cell.casefold() if one.isalnum()) for cell in rows[0][1]]
        known = [at for at, name in enumerate(heading) if name in _HEADINGS]
        if known:
            column, rest = min(known, key=lambda at: _HEADINGS.index(heading[at])), rows[1:]
    cells = [(number, row[column] if column < len(row) else "") for number, row in rest]
    return [(number, cell[:_LONGEST]) for number, cell in cells if cell]


def _line(number: int, text: str, people: Sequence[NamedIdentity], assigned: set[str]) -> PastedLine:
    if not people:
        return PastedLine(number, text, "missing")
    if len(people) > 1:
        return PastedLine(number, text, "ambiguous", people)
    if people[0].ext in assigned:
        return PastedLine(number, text, "assigned", people)
    return PastedLine(number, text, "found" if people[0].state == ACTIVE else "suspended", people)


def result_words() -> dict[str, str]:
    """What each result is called."""
    return {
        "found": _("Found"),
        "suspended": _("Suspended at the learning site"),
        "assigned": _("Already assigned"),
        "ambiguous": _("Ambiguous: more than one person"),
        "missing": _("Not found"),
    }


def as_csv(looked: CheckedList) -> str:
    """The results as a file, a line each, in the order of the list."""
    words = result_words()
    rows = [written([_("Line"), _("Text"), _("Result"), _("Learner"), _("ID")])]
    for line in looked.lines:
        names, ids = "; ".join(one.name for one in line.people), "; ".join(one.ext for one in line.people)
        rows.append(written([str(line.number), line.text, words[line.result], names, ids]))
    return "\ufeff" + "".join(rows)
