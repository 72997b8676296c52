"""``step``: the one pure decision about some people in their certifications (design point 3).

From the stored facts S, what the assignments want, the person's state at the host, answers given and the instant,
it returns S' and what happened. It reads nothing and writes nothing. Deciding again from S' changes nothing.
One person and a million go through the same lines: every argument is an array with a position for each person, or for
each person in each of several certifications that share no course.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plugin.core.days import realistic
from plugin.enrolment import codes
from plugin.enrolment.codes import (
    ASSIGNED,
    CERTIFIED,
    COMPLETE,
    DISMISSED,
    DUPLICATE_COURSE,
    EXEMPT,
    EXPIRED,
    FREE,
    HELD_BY_EXCEPTION,
    HELD_BY_GUARD,
    IN_PROGRESS,
    TARGET_GONE,
    TIME_ALLOWANCE,
    UNKNOWN_DATE,
    WINDOW_OPEN,
    WITHDRAWN,
)
from plugin.enrolment.facts import NONE, Facts, Ints, Mask
from plugin.enrolment.rules.wanted import Wanted
from plugin.enrolment.terms import ASSIGN, DISMISS, HOLD, REALISTIC, WAIT, WORDS, SpreadTerms
from plugin.population.columns import one_of

SUSPENDED_AT_HOST, DELETED_AT_HOST = 1, 2
NO_TYPE = -1


@dataclass
class Questions:
    """Open exceptions and the answers in force, a position for each person.

    :ivar type: of the open exception, or ``NO_TYPE``; ``since`` when it was raised; ``wanted`` its date;
        ``wanted_from`` what gives it.
    :ivar answer: of the decision in force, or ``""``: ``assign``, ``realistic``, ``dismiss``.
    :ivar answer_due: the wanted date it was given for; ``answer_type`` the type it answered.
    :ivar covers: whether the decision was given with all of the present assignments known.
    :ivar at: when it was given. ``pending`` until it is carried out.
    """

    type: Ints
    since: Ints
    wanted: Ints
    wanted_from: Ints
    answer: np.ndarray
    answer_type: Ints
    answer_due: Ints
    covers: Mask
    pending: Mask
    at: Ints


@dataclass
class StepInput:
    """Everything ``step`` decides from, apart from the facts.

    :ivar person_state: at the host: 0 active, 1 suspended, 2 deleted.
    :ivar at: for each person the ``as_of`` of the save or change that is being settled (rules 3.2).
    :ivar as_of: now.
    :ivar let_go: of those with no assignment left, who may leave (the guard has judged the others).
    :ivar kept_by_gone: her only assignments are ones whose target is gone (rules 2.3, 5.10).
    :ivar exempt: an exemption is in force.
    :ivar elsewhere: she is active in another certification that shares a course (rules 4).
    :ivar added: an assignment that is new in the version being saved matches her.
    :ivar may_move: where this save moves dates earlier, hers may be moved.
    :ivar earlier: this save also moves dates earlier, or clears them (rules 3.5).
    :ivar quiet: this save sends no messages.
    """

    person_state: Ints
    wanted: Wanted
    questions: Questions
    at: Ints
    as_of: int
    let_go: Mask
    kept_by_gone: Mask
    exempt: Mask
    elsewhere: Mask
    added: Mask
    may_move: Mask
    earlier: bool = False
    quiet: bool = False


@dataclass
class Step:
    """S' and what happened, each a mask.

    :ivar raised: exception types newly open or kept open (``NO_TYPE``: none); ``asked`` their wanted dates.
    :ivar ruled: what a standing answer decided now (``""``: nothing), ``ruled_type`` the type it answered.
    """

    facts: Facts
    began: Mask
    left: Mask
    activated: Mask
    deactivated: Mask
    redated: Mask
    grace_began: Mask
    raised: Ints
    asked: Ints
    asked_from: Ints
    ruled: np.ndarray
    ruled_type: Ints


def belongs(given: StepInput) -> Mask:
    """Who has an assignment that counts: matched, existing, and not exempt."""
    return (given.wanted.why != 0) & (given.person_state != DELETED_AT_HOST) & ~given.exempt


def would_leave(facts: Facts, given: StepInput) -> Mask:
    """Active people whose last assignment went and who are not frozen: the guard judges these (rules 5.6)."""
    ordinary = (given.person_state == 0) & ~given.exempt
    return facts.active & ~belongs(given) & ordinary & (facts.leaves_on == NONE)


def step(facts: Facts, given: StepInput, said: SpreadTerms) -> Step:
    """Decide. See the module's text.

    :param said: what the terms say for each position.
    """
    new = facts.copy()
    member = belongs(given)
    frozen = given.person_state == SUSPENDED_AT_HOST
    left = _leave(new, facts, given, said, member, frozen)
    began = member & ~facts.live & ~frozen & said.live
    _begin(new, began, given)
    new.why = np.where(new.live, given.wanted.why, 0)
    returned = _freeze_and_thaw(new, frozen & new.live, given)
    settled = _Dates(new, facts, given, said, began, member & new.live & ~frozen)
    settled.decide()
    # Whoever was held back until now may be kept by a target that is gone as well (rules 5.10); as with leaving, only
    # terms that are live keep somebody.
    new.hold[member & new.live & said.live & ~frozen & (new.hold == FREE) & given.kept_by_gone] = TARGET_GONE
    settled.keep_questions(new.live & ~(member & ~frozen))
    _after_return(new, returned, given, said)
    new.baseline_due[new.due != facts.due] = NONE  # no longer the date that was extended (rules 7.5)
    activated = new.active & ~facts.active
    deactivated = facts.active & ~new.active
    redated = new.active & facts.active & (new.due != facts.due)
    return Step(
        new, began, left, activated, deactivated, redated,
        grace_began=(new.leaves_on != NONE) & (facts.leaves_on == NONE),
        raised=settled.raised, asked=settled.asked, asked_from=settled.asked_from,
        ruled=settled.ruled, ruled_type=settled.ruled_type,
    )  # fmt: skip


def _leave(new: Facts, facts: Facts, given: StepInput, said: SpreadTerms, member: Mask, frozen: Mask) -> Mask:
    """Everybody whose last assignment went, by one single path whatever the cause (rules 6.1)."""
    reached = facts.live & said.live  # terms that are not live let nobody go
    gone = reached & ~member
    deleted = given.person_state == DELETED_AT_HOST
    # Deleted and exempt people leave at once; so does somebody who never became active. A suspended one stays.
    at_once = gone & (deleted | (given.exempt | ~facts.active) & ~frozen)
    ordinary = gone & ~at_once & ~frozen
    undecided = ordinary & (facts.leaves_on == NONE)
    going = undecided & given.let_go
    new.hold[undecided & ~given.let_go] = HELD_BY_GUARD
    later = going & said.graced
    new.leaves_on[later] = said.grace_over(later, given.at)
    at_once |= going & ~later
    over = ordinary & (new.leaves_on != NONE) & (new.leaves_on <= given.as_of)
    at_once |= over
    new.ended[at_once] = np.where(over, new.leaves_on, given.at)[at_once]
    new.state[at_once] = WITHDRAWN
    new.hold[at_once] = np.where(given.exempt, EXEMPT, FREE)[at_once]
    new.leaves_on[at_once] = NONE
    new.frozen_since[at_once] = NONE
    new.why[at_once] = 0
    back = reached & member & ~frozen
    new.leaves_on[back] = NONE  # coming back within grace cancels it silently (rules 6.2)
    new.hold[back & (facts.hold == HELD_BY_GUARD)] = FREE
    new.hold[back & (facts.hold == TARGET_GONE) & ~given.kept_by_gone] = FREE
    new.hold[back & (new.hold == FREE) & given.kept_by_gone] = TARGET_GONE
    return at_once


def _begin(new: Facts, began: Mask, given: StepInput) -> None:
    """A new spell. What was awarded comes back with its dates; merely assigned starts anew (rules 6.3)."""
    new.spell[began] += 1
    new.began[began] = given.at[began]
    for name in ("ended", "leaves_on", "frozen_since", "baseline_due"):
        getattr(new, name)[began] = NONE
    new.hold[began] = FREE
    new.quiet[began] = int(given.quiet)
    awarded = began & (new.certified_at != NONE)
    dated = awarded & (new.expires != NONE)
    new.state[began] = ASSIGNED
    new.state[awarded] = COMPLETE
    new.state[dated] = CERTIFIED
    new.state[dated & (new.window_opens <= given.as_of)] = WINDOW_OPEN
    new.state[dated & (new.expires <= given.as_of)] = EXPIRED
    complete = awarded & ~dated
    hers = new.due[complete]
    new.due[began] = np.where(dated, new.expires, NONE)[began]
    new.due[complete] = hers  # a program has no other date than the one she had
    new.due_from[began & ~complete] = NONE


def _freeze_and_thaw(new: Facts, frozen: Mask, given: StepInput) -> Mask:
    """Note since when somebody is suspended; return who came back, with the note still there."""
    starting = frozen & (new.frozen_since == NONE)
    new.frozen_since[starting] = given.at[starting]
    return (new.frozen_since != NONE) & ~frozen & new.live


def _after_return(new: Facts, returned: Mask, given: StepInput, said: SpreadTerms) -> None:
    """A due date that passed while she was suspended becomes a realistic one, unless told otherwise (rules 2.6)."""
    passed = returned & said.dates_anew & (new.due != NONE) & (new.due >= new.frozen_since) & (new.due <= given.at)
    passed &= one_of(new.state, (ASSIGNED, IN_PROGRESS))
    for position in np.flatnonzero(passed).tolist():
        new.due[position] = realistic(int(given.at[position]), int(said.minimum[position]), said.zone)
    new.due_from[passed] = NONE  # no assignment gave this one
    new.frozen_since[returned] = NONE


class _Dates:
    """Due dates and exceptions of the people who belong (rules 3.4–3.7, 4)."""

    def __init__(self, new: Facts, old: Facts, given: StepInput, said: SpreadTerms, began: Mask, who: Mask) -> None:
        self.new, self.old, self.given, self.said = new, old, given, said
        self.began = began
        self.member = who
        self.open = given.questions.type >= 0
        # "Already assigned" is a question about a save, and no reason to look at her dates again.
        self.asking = self.open & (given.questions.type != codes.ALREADY_ASSIGNED)
        # The cycle sets the dates of everybody who was ever certified (rules 3.6).
        self.who = who & one_of(new.state, (ASSIGNED, IN_PROGRESS))
        # Whoever was certified before is asked as a spell begins; her open question is looked at until it is closed.
        asked = began | self.open | (new.hold == DISMISSED)
        self.checkable = who & (one_of(new.state, (ASSIGNED, IN_PROGRESS)) | asked)
        self.date = given.wanted.date
        n = len(who)
        self.raised = np.full(n, NO_TYPE)
        self.asked = np.full(n, NONE)
        self.asked_from = np.full(n, NONE)
        self.ruled = np.full(n, "", dtype="<U9")
        self.ruled_type = np.full(n, NO_TYPE)

    def decide(self) -> None:
        """Answers first, then the checks, then the plain dates."""
        answered = self._answers()
        if self.given.earlier:
            # Cleared before the checks: an unknown base is then asked about in this same step, not in the next.
            cleared = self.who & ~self.began & ~answered & ~self.open & (self.new.hold != DISMISSED)
            cleared &= self.given.may_move & ~self._given_realistic()
            cleared &= self.given.wanted.unknown & (self.date == NONE)
            self.new.due[cleared] = self.new.due_from[cleared] = NONE
        check = self.checkable & self._to_check() & ~answered
        hit = np.where(check, self._first_hit(), NO_TYPE)
        self._close_or_raise(check, hit)
        self._already_assigned(answered)
        plain = self.who & ~answered & (self.raised == NO_TYPE) & ~one_of(self.ruled, ("realistic", "dismiss"))
        plain &= (self.new.hold != DISMISSED) & ~self._declined()
        self._apply(plain, self.date, self.given.wanted.date_from)
        self._earlier(plain & ~self.began)

    def keep_questions(self, where: Mask) -> None:
        """Who is suspended or about to leave keeps her open question, and an answer to it waits with her (4.2)."""
        kept = where & self.open
        questions = self.given.questions
        self.raised[kept] = questions.type[kept]
        self.asked[kept] = questions.wanted[kept]
        self.asked_from[kept] = questions.wanted_from[kept]

    def _apply(self, where: Mask, date: Ints, source: Ints) -> None:
        """Rules 3.4: no date yet takes the wanted one; else the later of the two; so does a date that was extended."""
        extended = where & (self.new.baseline_due != NONE) & (date > self.new.baseline_due)
        self.new.baseline_due[extended] = date[extended]
        later = where & (date != NONE) & (date > self.new.due)  # NONE is the least of all
        self.new.due[later] = date[later]
        self.new.due_from[later] = source[later]

    def _declined(self) -> Mask:
        """Somebody answered "Do not assign" to just this date and these assignments: an active learner keeps hers."""
        questions = self.given.questions
        return (questions.answer == "dismiss") & questions.covers & (questions.answer_due == self.date)

    def _earlier(self, where: Mask) -> None:
        if not self.given.earlier:
            return
        where = where & self.given.may_move
        realistic_one = where & self._given_realistic()
        moved = where & ~realistic_one & (self.date != self.new.due)
        self.new.due[moved] = self.date[moved]
        self.new.due_from[moved] = self.given.wanted.date_from[moved]
        self._realistic(realistic_one, self.given.questions.at)

    def _given_realistic(self) -> Mask:
        """Somebody decided that just this date is not realistic, and gave another: that one is hers (rules 4.4)."""
        questions = self.given.questions
        return (questions.answer == "realistic") & questions.covers & (questions.answer_due == self.date)

    def _answers(self) -> Mask:
        """Apply the answers given to open exceptions; each closes its exception (rules 4.4)."""
        questions = self.given.questions
        answered = self.checkable & self.open & questions.pending & (questions.answer_type == questions.type)
        yes = answered & (questions.answer != "dismiss")
        self.new.hold[yes & (self.new.hold == HELD_BY_EXCEPTION)] = FREE
        self._apply(answered & (questions.answer == "assign"), self.date, self.given.wanted.date_from)
        self._realistic(answered & (questions.answer == "realistic"), questions.at)
        self.new.hold[answered & (questions.answer == "dismiss") & (self.new.hold == HELD_BY_EXCEPTION)] = DISMISSED
        return answered

    def _realistic(self, where: Mask, at: Ints) -> None:
        where = where & self.who
        for position in np.flatnonzero(where).tolist():
            date = realistic(int(at[position]), int(self.said.minimum[position]), self.said.zone)
            self.new.due[position], self.new.due_from[position] = date, NONE  # the answer gave it, no assignment

    def _to_check(self) -> Mask:
        """When a spell begins, and when the wanted date of someone undated, raised or dismissed changes (4.1)."""
        questions = self.given.questions
        settled_before = (questions.answer != "") & questions.covers & (questions.answer_due == self.date)
        undated = (self.new.due == NONE) & ((self.date != NONE) | self.given.wanted.unknown)
        return self.began | self.asking | (~settled_before & (undated | (self.new.hold == DISMISSED)))

    def _first_hit(self) -> Ints:
        """Duplicate course, then unknown, then time allowance (rules 4); an open cause is kept while it stands."""
        given, awarded = self.given, ~one_of(self.new.state, (ASSIGNED, IN_PROGRESS))
        duplicate = given.elsewhere & (self.began | self.asking | (self.new.hold == DISMISSED))
        unknown = given.wanted.unknown & (self.date == NONE) & ~awarded
        unknown &= self.said.answers[UNKNOWN_DATE] != WAIT
        short = (self.date != NONE) & (self.date - given.at < self.said.minimum) & ~awarded
        # Moving a real date later never raises one.
        short &= (self.new.due == NONE) | self.asking
        hit = np.select([duplicate, unknown, short], [DUPLICATE_COURSE, UNKNOWN_DATE, TIME_ALLOWANCE], NO_TYPE)
        kinds = given.questions.type
        still = ((kinds == DUPLICATE_COURSE) & duplicate) | ((kinds == UNKNOWN_DATE) & unknown)
        still |= (kinds == TIME_ALLOWANCE) & short
        return np.where(self.open & still, kinds, hit)

    def _close_or_raise(self, check: Mask, hit: Ints) -> None:
        clear = check & (hit == NO_TYPE) & ~self._flagged_already_assigned()
        waiting = one_of(self.new.hold, (HELD_BY_EXCEPTION, DISMISSED))
        self.new.hold[clear & waiting] = FREE  # the cause went away by itself (rules 4.7)
        for kind in (DUPLICATE_COURSE, UNKNOWN_DATE, TIME_ALLOWANCE):
            self._raise(check & (hit == kind), kind)

    def _raise(self, where: Mask, kind: int) -> None:
        if not where.any():
            return
        answer = self.said.answers[kind]
        # An open one waits for a person, whatever the standing answer is now.
        fresh = where & ~self.asking & one_of(answer, (ASSIGN, REALISTIC, DISMISS))
        self.ruled[fresh] = WORDS[answer[fresh]]
        self.ruled_type[fresh] = kind
        waiting = one_of(self.new.hold, (HELD_BY_EXCEPTION, DISMISSED))
        dismissed = fresh & (answer == DISMISS)
        self.new.hold[dismissed & (~self.old.active | waiting)] = DISMISSED
        self.new.hold[fresh & ~dismissed & waiting] = FREE
        self._realistic(fresh & (answer == REALISTIC), self.given.at)
        ask = where & ~fresh
        self.raised[ask] = kind
        self.asked[ask] = self.date[ask]
        self.asked_from[ask] = self.given.wanted.date_from[ask]
        # It holds back only a learner who is not yet active; on an active one it is a flag (rules 4.3).
        self.new.hold[ask & ~self.old.active] = HELD_BY_EXCEPTION

    def _flagged_already_assigned(self) -> Mask:
        return self.given.questions.type == codes.ALREADY_ASSIGNED

    def _already_assigned(self, answered: Mask) -> None:
        """Only in a save, and only where the certification asks for it (rules 4)."""
        open_one = self._flagged_already_assigned()
        kept = self.member & open_one & ~self.given.questions.pending & ~answered
        fresh = self.given.added & self.old.active & self.member & ~answered & ~open_one
        fresh &= ~self._declined() & (self.ruled != "dismiss")  # the first hit stands, decided by rule just now too
        answer = self.said.answers[codes.ALREADY_ASSIGNED]
        kept |= fresh & (answer == HOLD)
        ruled = fresh & one_of(answer, (ASSIGN, DISMISS)) & (self.raised == NO_TYPE) & (self.ruled_type == NO_TYPE)
        self.ruled[ruled] = WORDS[answer[ruled]]
        self.ruled_type[ruled] = codes.ALREADY_ASSIGNED
        kept &= self.raised == NO_TYPE
        self.raised[kept] = codes.ALREADY_ASSIGNED
        self.asked[kept] = self.date[kept]
        self.asked_from[kept] = self.given.wanted.date_from[kept]
