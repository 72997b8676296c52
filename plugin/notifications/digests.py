"""Digests: what one save, sync or day told a manager or an administrator, in one message (DOMAIN 8.3)."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from plugin.delivery.tables import Message

NAMED = 50
"""Learners named under each event; of more the number is said."""
_EVENTS: Mapping[str, tuple[str, str]] = {
    "assigned": ("1 learner enrolled", "{n} learners enrolled"),
    "withdrawn": ("1 learner withdrawn", "{n} learners withdrawn"),
    "due": ("Due soon for 1 learner", "Due soon for {n} learners"),
    "overdue": ("Overdue for 1 learner", "Overdue for {n} learners"),
    "due_changed": ("New due date for 1 learner", "New due dates for {n} learners"),
    "completed": ("Completed by 1 learner", "Completed by {n} learners"),
    "window_open": ("1 learner can renew", "{n} learners can renew"),
    "expiring": ("Expires soon for 1 learner", "Expires soon for {n} learners"),
    "expired": ("Expired for 1 learner", "Expired for {n} learners"),
    "exception": ("1 exception waits for an answer", "{n} exceptions wait for an answer"),
}
DUE, EXPIRY = ("assigned", "due", "overdue", "due_changed"), ("window_open", "expiring", "expired")
"""Events that name a date beside each learner."""
_MEMBERS = """
SELECT leader, certification, "when", learner, total, name, ext FROM (
 SELECT m.leader, m.certification, m."when", m.learner, p.name, p.ext, m.id,
  row_number() OVER (PARTITION BY m.leader, m.certification, m."when" ORDER BY p.name, m.id) AS place,
  count(*) OVER (PARTITION BY m.leader, m.certification, m."when") AS total
 FROM message m JOIN person p ON p.host_id = m.host_id AND p.id = m.learner
 WHERE m.host_id = :host AND m.leader IN :leaders
) t WHERE place <= :most ORDER BY leader, certification, "when", place
"""


@dataclass
class Part:
    """One event of a certification: how many learners it happened to, and the first of them with their names."""

    certification: int
    when: str
    total: int
    learners: list[tuple[int, str]] = field(default_factory=list)


def parts_of(session: Session, host_id: int, messages: Sequence[Message]) -> dict[int, list[Part]]:
    """What each of these messages that is a digest tells of, by its id."""
    leaders = [one.id for one in messages if one.leader == one.id]
    found: dict[int, list[Part]] = {}
    if not leaders:
        return found
    statement = text(_MEMBERS).bindparams(bindparam("leaders", expanding=True))
    for leader, certification, when, learner, total, name, ext in session.execute(
        statement, {"host": host_id, "leaders": leaders, "most": NAMED}
    ):
        parts = found.setdefault(leader, [])
        if not parts or (parts[-1].certification, parts[-1].when) != (certification, when):
            parts.append(Part(certification, when, int(total)))
        parts[-1].learners.append((learner, name or ext))
    return found


def digest(
    parts: Sequence[Part], names: Mapping[int, str], recipient: str, dates: Mapping[tuple[int, int, str], str]
) -> dict[str, str]:
    """One message of several: ``subject``, ``text`` and ``html``.

    :param names: certifications by id. :param dates: in words, by certification, learner and event.
    """
    sections = [_Section(part, names.get(part.certification, ""), dates) for part in parts]
    subject = sections[0].heading if len(sections) == 1 else f"News of {sum(part.total for part in parts)} learners"
    plain = [
        f"Dear {recipient},",
        *("\n".join([one.heading, *(f"- {line}" for line in one.lines)]) for one in sections),
    ]
    rich = [f"<p>Dear {html.escape(recipient)},</p>"]
    for one in sections:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in one.lines)
        rich.append(f"<p><strong>{html.escape(one.heading)}</strong></p><ul>{items}</ul>")
    return {"subject": subject, "text": "\n\n".join(plain), "html": "".join(rich)}


class _Section:
    def __init__(self, part: Part, certification: str, dates: Mapping[tuple[int, int, str], str]) -> None:
        one, many = _EVENTS[part.when]
        self.heading = f"{certification}: {one if part.total == 1 else many.format(n=f'{part.total:,}')}"
        self.lines = []
        for learner, name in part.learners:
            date = dates.get((part.certification, learner, part.when))
            self.lines.append(f"{name}, {date}" if date else name)
        if part.total > len(part.learners):
            self.lines.append(f"and {part.total - len(part.learners):,} more")
