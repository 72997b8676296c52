"""Digests: what one save, sync or day told a manager or an administrator, in one message (rules 8.3)."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from plugin.core.text.languages import ReaderLanguage
from plugin.core.text.stored import counted, later
from plugin.delivery.tables import Message

NAMED = 50
"""Learners named under each event; of more the number is said."""
_EVENTS: Mapping[str, tuple[str, str]] = {
    "assigned": counted("1 learner enrolled", "%(num)s learners enrolled"),
    "withdrawn": counted("1 learner withdrawn", "%(num)s learners withdrawn"),
    "due": counted("Due soon for 1 learner", "Due soon for %(num)s learners"),
    "overdue": counted("Overdue for 1 learner", "Overdue for %(num)s learners"),
    "due_changed": counted("New due date for 1 learner", "New due dates for %(num)s learners"),
    "completed": counted("Completed by 1 learner", "Completed by %(num)s learners"),
    "window_open": counted("1 learner can renew", "%(num)s learners can renew"),
    "expiring": counted("Expires soon for 1 learner", "Expires soon for %(num)s learners"),
    "expired": counted("Expired for 1 learner", "Expired for %(num)s learners"),
    "exception": counted("1 exception waits for an answer", "%(num)s exceptions wait for an answer"),
    "extension_asked": counted("1 learner asks for more time", "%(num)s learners ask for more time"),
}
_NEWS = counted("News of %(num)s learner", "News of %(num)s learners")
_MORE = counted("and %(num)s more", "and %(num)s more")
_DEAR = later("Dear %(name)s,")
DUE, EXPIRY = ("assigned", "due", "overdue", "due_changed", "extension_asked"), ("window_open", "expiring", "expired")
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
class DigestPart:
    """One event of a certification: how many learners it happened to, and the first of them with their names."""

    certification: int
    when: str
    total: int
    learners: list[tuple[int, str]] = field(default_factory=list)


def parts_of(session: Session, host_id: int, messages: Sequence[Message]) -> dict[int, list[DigestPart]]:
    """What each of these messages that is a digest tells of, by its id."""
    leaders = [one.id for one in messages if one.leader == one.id]
    found: dict[int, list[DigestPart]] = {}
    if not leaders:
        return found
    statement = text(_MEMBERS).bindparams(bindparam("leaders", expanding=True))
    for leader, certification, when, learner, total, name, ext in session.execute(
        statement, {"host": host_id, "leaders": leaders, "most": NAMED}
    ):
        parts = found.setdefault(leader, [])
        if not parts or (parts[-1].certification, parts[-1].when) != (certification, when):
            parts.append(DigestPart(certification, when, int(total)))
        parts[-1].learners.append((learner, name or ext))
    return found


def digest(
    parts: Sequence[DigestPart], names: Mapping[int, str], recipient: str, dates: Mapping[tuple[int, int, str], str],
    reader_language: ReaderLanguage,
) -> dict[str, str]:  # fmt: skip
    """One message of several: ``subject``, ``text`` and ``html``.

    :param names: certifications by id. :param dates: in words, by certification, learner and event.
    :param reader_language: the recipient's language.
    """
    sections = [_Section(part, names.get(part.certification, ""), dates, reader_language) for part in parts]
    news = reader_language.ngettext(*_NEWS, sum(part.total for part in parts))
    subject = sections[0].heading if len(sections) == 1 else news
    dear = reader_language.gettext(_DEAR, name=recipient)
    plain = [
        dear,
        *("\n".join([one.heading, *(f"- {line}" for line in one.lines)]) for one in sections),
    ]
    rich = [f"<p>{html.escape(dear)}</p>"]
    for one in sections:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in one.lines)
        rich.append(f"<p><strong>{html.escape(one.heading)}</strong></p><ul>{items}</ul>")
    return {"subject": subject, "text": "\n\n".join(plain), "html": "".join(rich)}


class _Section:
    def __init__(
        self, part: DigestPart, certification: str, dates: Mapping[tuple[int, int, str], str], reader_language: ReaderLanguage
    ) -> None:  # fmt: skip
        self.heading = f"{certification}: {reader_language.ngettext(*_EVENTS[part.when], part.total)}"
        self.lines = []
        for learner, name in part.learners:
            date = dates.get((part.certification, learner, part.when))
            self.lines.append(f"{name}, {date}" if date else name)
        if part.total > len(part.learners):
            self.lines.append(reader_language.ngettext(*_MORE, part.total - len(part.learners)))
