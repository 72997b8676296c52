"""Imported records, judged (rules 7.6): what each line of a file would do, and the state it leads to. Pure.

A record is taken as if it had been known before everything that came after it: so the state is the same whether it is
imported before or after the learner is assigned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flask_babel import gettext as _

from plugin.certifications.file.record_file import RecordLine
from plugin.certifications.rules import cycle
from plugin.certifications.rules.content import Completions, Content
from plugin.certifications.rules.cycle import CERTIFIED, EXPIRED, CycleFacts, CycleState, advance, imported
from plugin.certifications.rules.period import PeriodSettings
from plugin.core.days import local_day

FOUND, EXPIRES, KNOWN, REPEATED = "found", "expires", "known", "repeated"
MISSING, AMBIGUOUS, CONTRADICTORY, UNREADABLE = "missing", "ambiguous", "contradictory", "unreadable"
VERDICTS = (FOUND, EXPIRES, KNOWN, REPEATED, MISSING, AMBIGUOUS, CONTRADICTORY, UNREADABLE)
"""*expires*: found, and expired at once; *known* and *repeated* change nothing; the last four cannot be taken."""
TAKEN = (FOUND, EXPIRES)
WRONG = (MISSING, AMBIGUOUS, CONTRADICTORY, UNREADABLE)


@dataclass(frozen=True)
class LearnerRecord:
    """One learner's record. Instants are epoch seconds; ``day``: ``since`` is the end of a day alone."""

    since: int
    until: int | None = None
    day: bool = False


@dataclass(frozen=True)
class NamedPerson:
    """Somebody a line may mean: our id, the host's own id, and her name."""

    person: int
    ext: str
    name: str


@dataclass(frozen=True)
class KnownState:
    """What is known about one learner: her state, and what she completed."""

    state: CycleState = field(default_factory=CycleState)
    completions: Completions | None = None


@dataclass(frozen=True)
class Rules:
    """What a certification says, as far as records go. ``settings`` is ``None`` for a program."""

    settings: PeriodSettings | None
    content: Content
    zone: str
    as_of: int


@dataclass(frozen=True)
class JudgedLine:
    """A line and its verdict; ``why`` is a sentence where one helps, ``record`` what would be taken."""

    line: RecordLine
    verdict: str
    why: str = ""
    who: NamedPerson | None = None
    record: LearnerRecord | None = None
    state: CycleState | None = None


def brought_along(present: CycleState, record: LearnerRecord, done: Completions, rules: Rules) -> CycleState:
    """The state of a learner once a record counts, up to date.

    One from before her only certification is put under it, and what she completed counts as it would have counted
    then; one from before a later cycle changes nothing any more.
    """
    since, certified_at = record.since, present.certified_at
    if record.day and certified_at is not None and local_day(certified_at, rules.zone) == local_day(since, rules.zone):
        since = certified_at
    before: CycleState | None = present
    if certified_at is not None and since < certified_at:
        if present.cycle > 1 or present.state == cycle.COMPLETE:
            return present
        before = None
    if record.until is not None and record.until <= since:
        return present
    state = imported(rules.settings, since, record.until, rules.zone, rules.as_of, before)
    return advance(state, CycleFacts(completions=done), rules.settings, rules.content, rules.as_of, rules.zone)


def judge(
    lines: Sequence[RecordLine],
    people: Mapping[str, Sequence[NamedPerson]],
    known: Mapping[int, KnownState],
    rules: Rules,
) -> list[JudgedLine]:
    """A verdict for each line, in order.

    :param people: whom each name may mean, by the name as the line has it.
    :param known: by person; who is left out is known by nothing.
    """
    judged = [_one(line, people.get(line.person, ()), rules) for line in lines]
    return _state_each(_twice(judged), known, rules)


def _one(line: RecordLine, people: Sequence[NamedPerson], rules: Rules) -> JudgedLine:
    """What can be said of a line by itself."""
    if line.problem or line.since is None:
        return JudgedLine(line, UNREADABLE, line.problem)
    if not people:
        return JudgedLine(line, MISSING, _("Nobody of the learning site has this id, user name, address or number."))
    if len(people) > 1:
        names = ", ".join(one.name or one.ext for one in people[:3])
        return JudgedLine(line, AMBIGUOUS, _("It may mean %(names)s.", names=names))
    who = people[0]
    since, day = line.since.instant, line.since.day is not None
    if day and since > rules.as_of and line.since.day == local_day(rules.as_of, rules.zone):
        since = rules.as_of  # today is not over yet
    until = line.until.instant if line.until is not None else None
    why = ""
    if since > rules.as_of:
        why = _("It begins in the future.")
    elif rules.settings is None and until is not None:
        why = _("A program never expires, and the line says until when.")
    elif until is not None and until <= since and not _same_day(line):
        why = _("It ends before it begins.")
    if why:
        return JudgedLine(line, CONTRADICTORY, why, who)
    if until is not None and until <= since:
        since = until - 60  # certified and expired on one day: the day ends with the expiry
    return JudgedLine(line, FOUND, "", who, LearnerRecord(since, until, day))


def _same_day(line: RecordLine) -> bool:
    return line.since is not None and line.until is not None and line.since.day is not None and (
        line.since.day == line.until.day
    )  # fmt: skip


def _twice(judged: Sequence[JudgedLine]) -> list[JudgedLine]:
    """Lines about one person: the same again is passed over; different ones contradict each other, all of them."""
    of_person: dict[int, list[JudgedLine]] = {}
    for one in judged:
        if one.who is not None and one.record is not None:
            of_person.setdefault(one.who.person, []).append(one)
    result = []
    for one in judged:
        theirs: Sequence[JudgedLine] = of_person.get(one.who.person, ()) if one.who and one.record else ()
        others = [other.line.number for other in theirs if other.line.number != one.line.number]
        if len({other.record for other in theirs}) > 1:
            why = _("Line %(number)s says something else about the same person.", number=others[0])
            one = replace(one, verdict=CONTRADICTORY, why=why, record=None)
        elif others and theirs[0].line.number != one.line.number:
            why = _("It says the same as line %(number)s.", number=theirs[0].line.number)
            one = replace(one, verdict=REPEATED, why=why, record=None)
        result.append(one)
    return result


def _state_each(judged: Sequence[JudgedLine], known: Mapping[int, KnownState], rules: Rules) -> list[JudgedLine]:
    """What each record would lead to."""
    result = []
    for one in judged:
        if one.who is not None and one.record is not None:
            about = known.get(one.who.person, KnownState())
            state = brought_along(about.state, one.record, about.completions or {}, rules)
            verdict, why = one.verdict, one.why
            if state == about.state:
                verdict, why = KNOWN, _("Muster knows this already, or something newer.")
            elif state.state == EXPIRED:
                verdict = EXPIRES
            elif state.state != CERTIFIED and rules.settings is not None:
                why = _("Her window is open already.")
            one = replace(one, verdict=verdict, why=why, state=state, record=None if verdict == KNOWN else one.record)
        result.append(one)
    return result
