"""What is wrong with a file, or with a row of it."""

from __future__ import annotations

from dataclasses import dataclass

from plugin.core.errors import Invalid


class Unreadable(Invalid):
    """A file that cannot be read at all; the sentence names the file, and where it can the line and the column."""


@dataclass(frozen=True)
class RowRefused:
    """A row that cannot be used. ``id``: whose row it is, where it can be told: she stays as she was."""

    line: int
    column: str
    why: str
    id: str = ""

    def to_json(self) -> dict[str, object]:
        """As a plan shows it."""
        return {"line": self.line, "column": self.column, "why": self.why}
