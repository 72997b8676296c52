"""For every starred behaviour one line of a rule, and a wrong line in its place that its test must notice.

``file`` is below ``plugin/``; ``old`` and ``new`` are whole lines without their indentation. Whoever rewords a line of a rule
rewords it here too; ``test_numbers.py`` says so at once.
"""

from __future__ import annotations

from dataclasses import dataclass

STEP, CYCLE, PERIOD = "enrolment/rules/step.py", "certifications/rules/cycle.py", "certifications/rules/period.py"
RESOLVE, CLAIMS, TRIGGERS = (
    "certifications/resolve.py",
    "enrolment/settling/seat_claims.py",
    "notifications/triggers.py",
)
_KEYS = '"key": [f"{definition.id}:{to}:{of}:{definition.certification}:{s}:{c}" for to, of, s, c in named],'


@dataclass(frozen=True)
class Mutation:
    """One wrong line."""

    number: int
    name: str
    file: str
    old: str
    new: str


_UNITS = 'return (kind, target_id, "below" if include == "below" else "")'
_TEAMS = 'return (kind, target_id, "below" if include == "below" else "direct")'
_LEFT = "gone = reached & ~member"
_DATES = "later = where & (date != NONE) & (date > self.new.due)  # NONE is the least of all"
_AWARDED = "awarded = began & (new.certified_at != NONE)"

MUTATIONS = (
    Mutation(1, "nobody is matched", RESOLVE, "if target_id is None:", "if target_id is not None:"),
    Mutation(2, "a draft reaches people", "enrolment/terms.py", 'self.state == "live"', 'self.state in ("live", "draft")'),
    Mutation(3, "no course is ever open", "certifications/rules/content.py",
             "open_courses |= {course for _, one in group for course in one.courses}", "open_courses |= set()"),
    Mutation(4, "nobody leaves whose rule went", STEP, _LEFT, "gone = reached & ~member & given.exempt"),
    Mutation(5, "nobody is matched", RESOLVE, "if target_id is None:", "if target_id is not None:"),
    Mutation(7, "the last rule is the only reason", "enrolment/settling/write.py",
             "named[at].append(rule.id)", "named[at] = [rule.id]"),
    Mutation(8, "a team is always the direct one", RESOLVE, _TEAMS, 'return (kind, target_id, "direct")'),
    Mutation(9, "those below are never included", RESOLVE, _UNITS, 'return (kind, target_id, "")'),
    Mutation(10, "whoever moves out stays", STEP, _LEFT, "gone = reached & ~member & given.exempt"),
    Mutation(11, "another certification's claim is forgotten", CLAIMS,
             "claimed |= here & seats.held_by(_others(one, sorted(one.courses.values()), alone))", "claimed |= here & ours"),
    Mutation(16, "a fixed date has midnight, not 23:59", "core/days.py", "END_OF_DAY = time(23, 59)", "END_OF_DAY = time(0, 0)"),
    Mutation(17, "who has a date keeps it", STEP, _DATES, "later = where & (date != NONE) & (self.new.due == NONE)"),
    Mutation(18, "an earlier date is taken", STEP, _DATES, "later = where & (date != NONE)"),
    Mutation(19, "an unknown date asks nobody", STEP,
             "unknown = given.wanted.unknown & (self.date == NONE) & ~awarded",
             "unknown = given.wanted.unknown & (self.date != NONE) & ~awarded"),
    Mutation(25, "an unknown date asks nobody", STEP,
             "unknown = given.wanted.unknown & (self.date == NONE) & ~awarded",
             "unknown = given.wanted.unknown & (self.date != NONE) & ~awarded"),
    Mutation(29, "the zone of the date is ignored", "certifications/rules/due_dates.py",
             "zone = known_zone(learner_zone, host_zone) if due.zone == LEARNER else due.zone or host_zone",
             "zone = host_zone"),
    Mutation(34, "a second rule changes no date", STEP, _DATES, "later = where & (date != NONE) & (self.new.due == NONE)"),
    Mutation(35, "rules move the dates of the certified", STEP,
             "self.who = who & one_of(new.state, (ASSIGNED, IN_PROGRESS))", "self.who = who"),
    Mutation(38, "the extended expiry is the baseline", CYCLE,
             "baseline=state.baseline if state.expires is not None else facts.baseline_due,", "baseline=None,"),
    Mutation(39, "an expired learner can be extended", CYCLE,
             "if state.state in (EXPIRED, COMPLETE):", "if state.state == COMPLETE:"),
    Mutation(40, "no time is ever too short", STEP,
             "short = (self.date != NONE) & (self.date - given.at < self.said.minimum) & ~awarded",
             "short = (self.date != NONE) & (self.date - given.at < 0) & ~awarded"),
    Mutation(41, "a question holds nobody back", STEP,
             "self.new.hold[ask & ~self.old.active] = HELD_BY_EXCEPTION", "self.new.hold[ask & ~self.old.active] = FREE"),
    Mutation(42, "a realistic date leaves no week", "core/days.py", "REALISTIC_MARGIN_DAYS = 7", "REALISTIC_MARGIN_DAYS = 0"),
    Mutation(44, "a shared course asks nobody", STEP,
             "duplicate = given.elsewhere & (self.began | self.asking | (self.new.hold == DISMISSED))",
             "duplicate = given.elsewhere & self.asking"),
    Mutation(48, "her expiry is forgotten on coming back", STEP,
             "new.due[began] = np.where(dated, new.expires, NONE)[began]", "new.due[began] = NONE"),
    Mutation(50, "the same is told at every instant anew", TRIGGERS, _KEYS, _KEYS.replace("{c}", "{c}:{at}")),
    Mutation(58, "those below are never included", RESOLVE, _UNITS, 'return (kind, target_id, "")'),
    Mutation(60, "whoever is held counts as active", "enrolment/views/show.py",
             '"active": live and row.hold not in INACTIVE_HOLDS,', '"active": live,'),
    Mutation(61, "leavers stay", STEP, _LEFT, "gone = reached & ~member & given.exempt"),
    Mutation(63, "what is archived goes on", "enrolment/terms.py", 'self.state == "live"', 'self.state != "draft"'),
    Mutation(66, "suspending removes", "enrolment/terms.py",
             'POLICIES = {"remove": REMOVE, "suspend": SUSPEND, "keep": KEEP}',
             'POLICIES = {"remove": REMOVE, "suspend": REMOVE, "keep": KEEP}'),
    Mutation(68, "a target that went holds nobody", "enrolment/reading/gather.py",
             "kept_by_gone=only_gone & (wanted.why != 0),", "kept_by_gone=only_gone & (wanted.why == 0),"),
    Mutation(69, "a team is always the whole tree", RESOLVE, _TEAMS, 'return (kind, target_id, "below")'),
    Mutation(70, "a unit is always the whole tree", RESOLVE, _UNITS, 'return (kind, target_id, "below")'),
    Mutation(72, "what was awarded is forgotten on coming back", STEP, _AWARDED,
             "awarded = began & (new.certified_at == NONE)"),
    Mutation(73, "her expiry is forgotten on coming back", STEP,
             "new.due[began] = np.where(dated, new.expires, NONE)[began]", "new.due[began] = NONE"),
    Mutation(74, "what was awarded is forgotten on coming back", STEP, _AWARDED,
             "awarded = began & (new.certified_at == NONE)"),
    Mutation(75, "who expired while away comes back certified", CYCLE,
             "word = EXPIRED if expires <= as_of else WINDOW_OPEN if window_opens <= as_of else CERTIFIED",
             "word = CERTIFIED"),
    Mutation(78, "the next expiry counts from the completion", PERIOD,
             "anchor = limit if baseline is None else baseline", "anchor = completed_at"),
    Mutation(79, "the due date is no limit", PERIOD,
             "limit = due if previous_expiry is None else previous_expiry", "limit = previous_expiry"),
    Mutation(80, "completion counts from the expiry too", PERIOD,
             "elif settings.expiry_from == COMPLETION or limit is None or anchor is None or completed_at > limit:",
             "elif limit is None or anchor is None or completed_at > limit:"),
    Mutation(81, "a fixed expiry stays where it is", PERIOD,
             "return max(shift(anchor, active, zone, step + 1), completed_at)",
             "return max(shift(anchor, active, zone, step), completed_at)"),
    Mutation(83, "the window opens a moment late", CYCLE,
             "return replace(state, state=WINDOW_OPEN) if opens <= as_of else None",
             "return replace(state, state=WINDOW_OPEN) if opens < as_of else None"),
    Mutation(89, "a new spell is told nothing", TRIGGERS, _KEYS, _KEYS.replace(":{s}:", ":")),
    Mutation(90, "a suspended person is enrolled and told", STEP,
             "began = member & ~facts.live & ~frozen & said.live", "began = member & ~facts.live & said.live"),
    Mutation(92, "a reminder moved is another reminder", "notifications/definitions.py",
             "for fits in (_same, _same_offset, _same_event):", "for fits in (_same, _same_offset):"),
    Mutation(95, "a message does not name the certification", "notifications/templates.py",
             '"certification_name": _line(occasion.certification),', '"certification_name": "",'),
)  # fmt: skip
