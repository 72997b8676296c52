"""A row in words and numbers: whom of its target it reaches, by when, and lists of people as one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Exclusion
from plugin.certifications.drafts import drafts
from plugin.certifications.listing import matched
from plugin.certifications.people_lists import ListedPeople
from plugin.certifications.rules.due_dates import NO_DUE, AfterDue, Due, FixedDue, due_instant, parse_due
from plugin.certifications.tables import Draft
from plugin.enrolment.saving.review import Adding
from plugin.enrolment.saving.warnings import switched
from plugin.mirror.lookup.browse import Described, describe
from plugin.web.frame.kit import host_id, runtime
from plugin.web.frame.words import adding_parts, adding_sentence, day, ngettext, removing_parts, removing_sentence

_DAYS = {"days": 1, "weeks": 7, "months": 30, "years": 365}
Names = Mapping[tuple[str, str], Described]


def begins_words(starts: str) -> str:
    """A first day in words, empty where there is none (rules 11.2)."""
    return str(_("Begins on %(day)s", day=day(date.fromisoformat(starts)))) if starts else ""


def wave_words(wave: dict[str, Any] | None) -> str:
    """A wave in words, empty where there is none (rules 11.3)."""
    if not wave:
        return ""
    if not wave["learners"]:
        return str(_("Stopped: nobody new begins"))
    if wave["every"] == "day":
        return ngettext("%(num)s learner a day", "%(num)s learners a day", wave["learners"])
    return ngettext("%(num)s learner a week", "%(num)s learners a week", wave["learners"])


def exclusion_names(exclusions: Iterable[Exclusion], names: Names) -> list[str]:
    """What is excepted, each by its name; of a unit with all below that too."""
    return [
        str(_("%(name)s and all below", name=names[kind, target].name))
        if include == "below"
        else names[kind, target].name
        for kind, target, include in exclusions
    ]


def exclusion_words(session: Session, exclusions: Iterable[Exclusion]) -> str:
    """The same in one phrase, empty where nothing is excepted."""
    listed = list(exclusions)
    if not listed:
        return ""
    names = describe(session, host_id(), [one[:2] for one in listed])
    return str(_("Except %(names)s", names=", ".join(exclusion_names(listed, names))))


@dataclass(frozen=True)
class Block:
    """People assigned as one list, shown as one row that opens. ``due``: their date, empty where they have none, and
    ``mixed`` where they differ."""

    id: int
    name: str
    rows: tuple[drafts.DraftRow, ...]
    learners: int = 0
    due: str = ""
    mixed: bool = False
    block: bool = True

    @property
    def state(self) -> str:
        """The state its rows are in; *changed* where they are in several."""
        states = {row.state for row in self.rows}
        return states.pop() if len(states) == 1 else drafts.CHANGED


def folded(rows: Sequence[drafts.DraftRow], lists: Sequence[ListedPeople]) -> list[drafts.DraftRow | Block]:
    """These rows with the people of each list as one, where the first of them stands."""
    of = {f"individual:{target}": one for one in lists for target in one.targets}
    inside: dict[int, list[drafts.DraftRow]] = {}
    found: list[drafts.DraftRow | ListedPeople] = []
    for row in rows:
        one = of.get(row.key)
        if one is None:
            found.append(row)
        elif one.id in inside:
            inside[one.id].append(row)
        else:
            inside[one.id] = [row]
            found.append(one)
    return [Block(one.id, one.name, tuple(inside[one.id])) if isinstance(one, ListedPeople) else one for one in found]


def keys_in(one: drafts.DraftRow | Block) -> list[str]:
    """The rows that an entry of the table stands for."""
    return [row.key for row in one.rows] if isinstance(one, Block) else [one.key]


def is_passed(due: Any, zone: str) -> bool:
    """Whether a fixed date is over: then it is past for everyone who joins from now on."""
    setting = _parsed(due)
    at = due_instant(setting, None, zone, zone) if isinstance(setting, FixedDue) else None
    return at is not None and at < runtime().clock.now()


def due_order(due: Any) -> tuple[int, str, int]:
    """Fixed dates by day, then relative ones by event and length, then rows without a date."""
    setting = _parsed(due)
    if isinstance(setting, FixedDue):
        return (0, f"{setting.day.isoformat()} {setting.at or '23:59'}", 0)
    if isinstance(setting, AfterDue):
        return (1, setting.event, setting.amount * _DAYS[setting.unit])
    return (2, "", 0)


def _parsed(due: Any) -> Due:
    try:
        return parse_due(due)
    except ValueError:
        return NO_DUE


def not_yet(due: Any) -> str:
    """What stands where a learner has no date: none is wanted, or it is not known yet."""
    return str(_("No due date") if due == "none" else _("Not yet known"))


@dataclass(frozen=True)
class EffectSentence:
    """One of the user's two sentences, and the parts its number is made of."""

    sentence: str
    parts: list[tuple[str, int, str]]


def effect_of(session: Session, draft: Draft, key: str, what: str) -> EffectSentence | None:
    """What switching *Include* of a row comes to, in the words of the warnings; ``None`` where it is as saved."""
    proposal = drafts.proposal(session, draft)
    found = switched(session, host_id(), proposal, key, now=runtime().clock.now())
    if isinstance(found, Adding):
        return EffectSentence(adding_sentence(found.x, 1, what), adding_parts(found))
    return EffectSentence(removing_sentence(found.x, what), removing_parts(found)) if found else None


_INCLUDES = {
    "organisation": ("", "below"),
    "position": ("", "below"),
    "manager": ("direct", "below"),
    "audience": ("",),
}


def target_sizes(session: Session, certification: int, kind: str, exts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """By the host's id of a target, how many people it matches: alone, and with all below where it has that.

    Kinds whose targets are one person, or have no number, give nothing.
    """
    includes = _INCLUDES.get(kind, ())
    sizes = {}
    for include in includes:
        rows = [AssignmentDef(kind, ext, include) for ext in exts]
        for key, people in matched(session, host_id(), certification, rows).items():
            sizes[key, include] = len(people)
    return {ext: tuple(sizes[f"{kind}:{ext}", include] for include in includes) for ext in exts} if includes else {}
