"""The review: exactly what a save would do, to whom, without touching a row (rules 5.3, 5.4).

The same resolver, the same ``step`` and the same guard as settling, over the proposed definition; so what is shown
is what happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import Proposal
from plugin.certifications.meaning import meaning
from plugin.certifications.resolve import Rule, without
from plugin.certifications.rules.waves import Wave
from plugin.core.area_scope import cut
from plugin.enrolment.answers.gone_targets import pinned
from plugin.enrolment.answers.withdrawal_guard import Limits, unconfirmed
from plugin.enrolment.codes import DISMISSED, EXCEPTION_TYPES
from plugin.enrolment.reading.reach import begun, counted
from plugin.enrolment.rules.step import NO_TYPE
from plugin.enrolment.saving.foreseen_messages import due_of_sample, messages_of
from plugin.enrolment.saving.proposal import Decided, certification_id, decide_proposal, given_members, proposed_rules
from plugin.enrolment.saving.reach_review import begins_of, left_out_of, names_of_reach
from plugin.enrolment.saving.together import decided_together
from plugin.enrolment.waves.queues import Queue
from plugin.notifications.impact import FirstMessage
from plugin.population.sets import Population, population

STANDING = ("realistic", "assign", "dismiss")
"""Standing answers that decide; the others let an exception wait for somebody."""


@dataclass(frozen=True)
class Adding:
    """Whom new or wider assignments match: ``x`` is the sum of all the others (rules 5.3, 11.4)."""

    x: int = 0
    already: int = 0
    newly: int = 0
    later: int = 0
    """Who waits for her wave (rules 11.3), or for the certification to be available (rules 5.11)."""
    held_back: int = 0
    suspended: int = 0
    not_to_be_assigned: int = 0


@dataclass(frozen=True)
class Removing:
    """Whom removed or narrower assignments let go of: ``x`` is the sum of all the others (rules 5.3)."""

    x: int = 0
    withdrawn: int = 0
    kept: int = 0
    suspended: int = 0
    not_enrolled: int = 0


@dataclass(frozen=True)
class GuardAsks:
    """The withdrawal guard wants this number confirmed: of whom the save withdraws. Who leaves beside it is judged with them."""

    withdrawn: int


@dataclass(frozen=True)
class Review:
    """What a proposal would do. ``names`` holds the people behind each number, ``sample`` one of its messages, with the
    due date it would name; ``ruled`` counts what standing answers decide, by type of exception and answer (rules 4.5)."""

    code: str
    version: int
    adding: Adding
    removing: Removing
    redated: int
    earlier: int
    messages: int
    matched: dict[str, int]
    exceptions: dict[str, int]
    changed: bool
    guard: GuardAsks | None
    names: dict[str, BitMap] = field(default_factory=dict)
    sample: FirstMessage | None = None
    sample_due: int | None = None
    ruled: dict[tuple[str, str], int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    """By row that excepts something and is new or changed, how many people of its target it leaves out (rules 11.1)."""
    queue: Queue | None = None
    going_live: Adding | None = None
    """Of a draft: what the same rows would do if it were live."""
    begins: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """By row that is new or changed and whose first day is to come: its first instant, how many it would match then as things
    are now, and how many who are enrolled through it stay meanwhile (rules 11.2)."""


def review(
    session: Session, host_id: int, proposals: Sequence[Proposal], *, now: int, limits: Limits | None = None
) -> list[Review]:
    """Review proposals as if saved now.

    :param limits: of the withdrawal guard; without them it asks nothing.
    """
    people = population(session, host_id)
    found = decided_together(session, people, proposals, now)
    return [_review(session, people, *one, now, limits) for one in zip(proposals, found, strict=True)]


def _review(
    session: Session, people: Population, proposal: Proposal, found: tuple[list[Rule], Decided], now: int,
    limits: Limits | None,
) -> Review:  # fmt: skip
    rules, decided = found
    added, removed, matched = _differences(session, people, proposal, rules, decided)
    adding, adding_names = adding_of(decided, added)
    removing, removing_names = removing_of(decided, removed)
    redated = decided.where(decided.step.redated)
    earlier = decided.where((decided.earlier.facts.due != decided.step.facts.due) & decided.step.facts.active)
    exceptions, ruled = _exceptions(decided), _ruled(decided)
    withdrawn = (
        removing_names["withdrawn"] | decided.where(decided.step.left | decided.step.grace_began) & decided.active
    )
    messages = messages_of(session, people.host_id, decided, proposal)
    told = cut(session, people.host_id, messages.people)
    names = {**adding_names, **removing_names, "redated": redated, "earlier": earlier, "messages": told}
    going_live = _going_live(session, people, proposal, now)
    left_out, begins = left_out_of(session, people, proposal, rules), begins_of(session, people, proposal, rules)
    names |= names_of_reach(left_out, begins)
    names |= {exception_part(kind): learners for kind, learners in exceptions.items()}
    names |= {exception_part(kind, answer): learners for (kind, answer), learners in ruled.items()}
    return Review(
        code=proposal.definition.code,
        version=proposal.base_version,
        adding=adding,
        removing=removing,
        redated=len(redated),
        earlier=len(earlier),
        messages=messages.messages,
        sample=messages.sample,
        sample_due=due_of_sample(decided, messages.sample),
        matched=matched,
        exceptions={kind: len(learners) for kind, learners in exceptions.items()},
        ruled={which: len(learners) for which, learners in ruled.items()},
        left_out={row: len(learners) for row, learners in left_out.items()},
        begins={row: (one.at, len(one.later), len(one.staying)) for row, one in begins.items()},
        changed=changed(proposal),
        queue=decided.queue,
        going_live=going_live,
        guard=_guard(session, people, decided, withdrawn, limits, removing.withdrawn),
        names=names,
    )


def _going_live(session: Session, people: Population, proposal: Proposal, now: int) -> Adding | None:
    """Everybody whom the rows of a draft match, split as going live would (rules 5.11)."""
    if proposal.definition.state != "draft":
        return None
    live = replace(proposal, definition=replace(proposal.definition, state="live"))
    rules = proposed_rules(session, people.host_id, live)
    decided = decide_proposal(session, people, live, rules, now)
    everybody, _removed, _matched = _differences(session, people, replace(live, current=None), rules, decided)
    return adding_of(decided, everybody)[0]


def changed(proposal: Proposal) -> bool:
    """Whether saving would change the definition at all. Members given for a group are compared when saved."""
    if proposal.current is None:
        return True
    return meaning(proposal.definition) != meaning(proposal.current)


def _differences(
    session: Session, people: Population, proposal: Proposal, rules: Sequence[Rule], decided: Decided
) -> tuple[BitMap, BitMap, dict[str, int]]:
    """Who is newly matched by rows that are new or wider, who no longer by rows gone or narrower, and each row's size.

    A new row counts everybody it matches; a row that became wider counts everybody it matches now (AS-CODE), and so does one
    whose wave changed and of whom more begin now (rules 11.3).
    """
    before: dict[str, BitMap] = {}
    waves: dict[str, Wave | None] = {}
    if proposal.current is not None:
        old = Proposal(proposal.current, proposal.base_version, proposal.current)
        pins = pinned(session, people.host_id, certification_id(session, people.host_id, proposal.current.code))
        for rule in proposed_rules(session, people.host_id, old):
            waves[rule.name] = rule.wave
            before[rule.name] = counted(session, people, rule) | (pins.get(rule.id, BitMap()) & people.existing)
    after: dict[str, BitMap] = {}
    given = {
        row.target: row for row in proposal.definition.assignments if row.type == "group" and row.members is not None
    }
    for rule in rules:
        if rule.type == "group" and rule.target in given:
            members = without(people, given_members(session, people, given[rule.target]), rule.exclusions)
            after[rule.name] = begun(session, people, rule, members)
        elif rule.missing and rule.name in before:
            after[rule.name] = before[rule.name]
        else:
            after[rule.name] = counted(session, people, rule)
    added, removed = BitMap(), BitMap()
    wait = decided.enrolled | people.suspended | decided.kept_out
    wait |= decided.queue.waiting if decided.queue is not None else BitMap()
    faster = {rule.name for rule in rules if rule.name in waves and waves[rule.name] != rule.wave
              and after[rule.name] - wait}  # fmt: skip
    for name, members in after.items():
        if decided.opens or name not in before or members - before[name] or name in faster:
            added |= members
    for name, members in before.items():
        if name not in after or members - after[name]:
            removed |= members
    others = {
        rule.name for rule in rules
        if people.within is not None and rule.type == "individual" and (rule.key is None or rule.key[1] not in people.within)
    }  # fmt: skip
    return added, removed, {name: len(members) for name, members in after.items() if name not in others}


def adding_of(decided: Decided, x: BitMap) -> tuple[Adding, dict[str, BitMap]]:
    """Split ``x``: each learner is counted once, in this order."""
    facts, given = decided.step.facts, decided.work.given
    rest = x.copy()
    suspended = rest & decided.people.suspended  # frozen people first, enrolled or not (rules 2.6)
    rest -= suspended
    already = rest & decided.active
    rest -= already
    never = rest & (decided.where(facts.hold == DISMISSED) | decided.where(given.exempt) | decided.kept_out)
    rest -= never
    later = rest & decided.queue.waiting if decided.queue is not None else BitMap()
    if not decided.work.terms.live(decided.work.given.as_of):
        later = rest  # nobody is reached before it is available
    rest = rest - later
    held = rest & decided.where((decided.step.raised != NO_TYPE) & ~facts.active)
    newly = rest - held
    names = {"x_adding": x, "already": already, "newly": newly, "later": later, "held_back": held,
             "suspended_adding": suspended, "not_to_be_assigned": never}  # fmt: skip
    found = Adding(len(x), len(already), len(newly), len(later), len(held), len(suspended), len(never))
    return found, names


def removing_of(decided: Decided, x: BitMap) -> tuple[Removing, dict[str, BitMap]]:
    """Split ``x``: each learner is counted once, in this order."""
    facts = decided.step.facts
    rest = x.copy()
    suspended = rest & decided.people.suspended
    rest -= suspended
    withdrawn = rest & decided.active & decided.where(decided.step.left | decided.step.grace_began)
    rest -= withdrawn
    kept = rest & decided.active & decided.still(facts.active)
    absent = rest - kept
    names = {"x_removing": x, "withdrawn": withdrawn, "kept": kept, "suspended_removing": suspended,
             "not_enrolled": absent}  # fmt: skip
    return Removing(len(x), len(withdrawn), len(kept), len(suspended), len(absent)), names


def exception_part(kind: str, answer: str = "") -> str:
    """The name in :attr:`Review.names` of those with an exception of a type, or with a standing answer to it."""
    return f"exception_{kind}_{answer}".rstrip("_")


def _exceptions(decided: Decided) -> dict[str, BitMap]:
    """Who would get an exception that an administrator has to answer, by type."""
    new = decided.step.raised != decided.work.given.questions.type
    found = {word: decided.where((decided.step.raised == kind) & new) for kind, word in enumerate(EXCEPTION_TYPES)}
    return {word: learners for word, learners in found.items() if learners}


def _ruled(decided: Decided) -> dict[tuple[str, str], BitMap]:
    """Whom standing answers decide about, by type and answer."""
    step = decided.step
    found = {}
    for kind, word in enumerate(EXCEPTION_TYPES):
        for answer in STANDING:
            if learners := decided.where((step.ruled_type == kind) & (step.ruled == answer)):
                found[word, answer] = learners
    return found


def _guard(
    session: Session, people: Population, decided: Decided, withdrawn: BitMap, limits: Limits | None, by_save: int
) -> GuardAsks | None:
    if limits is None or not by_save or not decided.work.terms.id:
        return None
    gone = unconfirmed(session, people.host_id, decided.work.given.as_of, decided.work.terms.id)
    gone = cut(session, people.host_id, gone)
    crossed = limits.crossed(len(withdrawn - gone), len(gone), len(decided.active))
    return GuardAsks(by_save) if crossed else None
