"""Every Monday morning a manager who wants it gets a summary of her team, with a link; nothing where all is well."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import time, timedelta
from functools import partial

from sqlalchemy.orm import Session

from plugin.core.days import instant_of, local_day, moment_of
from plugin.core.preferences import owner, people_who_chose, prefer
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.core.text.languages import ReaderLanguage
from plugin.core.text.stored import counted, later
from plugin.enrolment.answers import extension_requests
from plugin.enrolment.views.team import team_of
from plugin.mirror.lookup.browse import names_of_people
from plugin.mirror.tables import ACTIVE
from plugin.notifications.personal import WEEK, write_to
from plugin.notifications.templates import recipient_language
from plugin.reports import at_a_glance
from plugin.reports.asking.reader import Reader
from plugin.reports.counts.kept import SOON
from plugin.reports.service import asker_of

PREFERENCE = "team_week"
MORNING = time(7)
_DEAR, _OPEN = later("Dear %(name)s,"), later("Open your team")
_SUBJECT, _TEAM = later("Your team: %(numbers)s"), later("Your team this week: %(numbers)s.")
_WHY = later("You get this message because you switched it on under My team.")
_DUE, _EXPIRES = later("due on %(day)s"), later("expires on %(day)s")
_OVERDUE = counted("overdue by %(num)s day", "overdue by %(num)s days")
_LINES = (
    counted("%(num)s overdue", "%(num)s overdue"), counted("%(num)s due within 30 days", "%(num)s due within 30 days"),
    counted("%(num)s expiring within 30 days", "%(num)s expiring within 30 days"),
    counted("%(num)s asking for more time", "%(num)s asking for more time"),
)  # fmt: skip
NAMED = 10
"""Rows named in the message."""


def owe_weeks(runtime: Runtime, host_id: int) -> int:
    """Owe the summaries of this week once its Monday morning has come; returns how many were added."""
    now = runtime.clock.now()
    with runtime.db.read() as session:
        zone = session.get_one(Host, host_id).time_zone
        day = local_day(now, zone)
        monday = day - timedelta(days=day.weekday())
        if now < instant_of(monday, MORNING, zone):
            return 0
        week = monday.isoformat()
        owed = sorted(
            person for person, value in people_who_chose(session, host_id, PREFERENCE).items()
            if value.get("on") and value.get("week", "") < week
        )  # fmt: skip
    return sum(runtime.db.transact(partial(_owe, runtime, host_id, person, week, now)) for person in owed)


def _owe(runtime: Runtime, host_id: int, person: int, week: str, now: int, session: Session) -> int:
    prefer(session, host_id, owner(person, ""), PREFERENCE, {"on": True, "week": week})
    manager = names_of_people(session, host_id, [person]).get(person)
    team = team_of(session, host_id, person, below=True)
    if manager is None or manager.state != ACTIVE or not team:
        return 0
    asker = asker_of(runtime, session, host_id, Reader("", people=team))
    numbers = at_a_glance.numbers(asker)
    asks = len(extension_requests.waiting(session, host_id, people=team))
    if not (numbers[at_a_glance.LATE] or numbers[at_a_glance.SOON_DUE] or numbers[at_a_glance.EXPIRING] or asks):
        return 0
    rows = at_a_glance.glance(asker, at_a_glance.glance_question([], limit=NAMED)).rows
    host = session.get_one(Host, host_id)
    reader_language = recipient_language(manager, host)
    named = [(row["name"] or row["person"], row["certification_name"], _when(row, asker.zone, reader_language)) for row in rows
             if _pressing(row, now)]  # fmt: skip
    said = _written(manager.name or manager.ext, numbers, asks, named, _link(runtime, host), reader_language)
    return int(
        write_to(session, host_id, WEEK, f"{person}:{week}", learner=person, recipient=person, at=now, said=said)
    )


def _pressing(row: dict[str, object], now: int) -> bool:
    """Overdue, or due or expiring soon."""
    date = _date(row)
    return bool(row["days_overdue"]) or (date is not None and date <= now + SOON)


def _date(row: dict[str, object]) -> int | None:
    found = row["due"] if row["state"] not in ("certified", "complete") and row["due"] else row["expires"]
    return int(str(found)) if found else None


def _link(runtime: Runtime, host: Host) -> str:
    """Where a message leads: a page of ours that leads on to the learning site."""
    return f"{runtime.settings.base_url.rstrip('/')}/team/{host.name}"


def _when(row: dict[str, object], zone: str, reader_language: ReaderLanguage) -> str:
    if row["days_overdue"]:
        return reader_language.ngettext(*_OVERDUE, int(str(row["days_overdue"])))
    date = _date(row)
    assert date is not None
    return reader_language.gettext(
        _DUE if date == row["due"] else _EXPIRES, day=reader_language.day(moment_of(date, zone).date())
    )


def _written(
    manager: str,
    numbers: dict[str, int],
    asks: int,
    named: Sequence[tuple[str, str, str]],
    link: str,
    reader_language: ReaderLanguage,
) -> dict[str, str]:
    lines = zip(
        _LINES,
        (numbers[at_a_glance.LATE], numbers[at_a_glance.SOON_DUE], numbers[at_a_glance.EXPIRING], asks),
        strict=True,
    )
    figures = ", ".join(reader_language.ngettext(*words, size) for words, size in lines if size)
    people = [f"{name}: {certification}, {when}" for name, certification, when in named]
    dear, team = reader_language.gettext(_DEAR, name=manager), reader_language.gettext(_TEAM, numbers=figures)
    why = reader_language.gettext(_WHY)
    plain = [dear, team, "\n".join(f"- {one}" for one in people), f"{reader_language.gettext(_OPEN)}: {link}", why]
    items = "".join(f"<li>{html.escape(one)}</li>" for one in people)
    rich = (
        f"<p>{html.escape(dear)}</p><p>{html.escape(team)}</p><ul>{items}</ul>"
        f'<p><a href="{html.escape(link)}">{html.escape(reader_language.gettext(_OPEN))}</a></p><p>{html.escape(why)}</p>'
    )
    subject = reader_language.gettext(_SUBJECT, numbers=figures)
    return {"subject": subject, "text": "\n\n".join(plain), "html": rich, "link": link}
