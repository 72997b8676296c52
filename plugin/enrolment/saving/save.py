"""The single entry of a save: guard, version, history and the request to settle, in one transaction (rules 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flask_babel import gettext as _
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from plugin.certifications.definition import Proposal
from plugin.certifications.drafts.clashes import SavedDraft, finish
from plugin.certifications.rules.waves import waves_in
from plugin.certifications.versions import write_version
from plugin.core.area_scope import narrow
from plugin.core.database.bulk import run
from plugin.core.errors import Conflict, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock, take_ids
from plugin.core.journal import record
from plugin.core.logs import correlation
from plugin.core.runtime import Runtime
from plugin.enrolment.announce import tell_assignments
from plugin.enrolment.answers.ended import refuse_save_of_ended
from plugin.enrolment.answers.gone_targets import unpin_removed
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.reading.snapshot import lock_certification
from plugin.enrolment.saving.confined import confine
from plugin.enrolment.saving.proposal import certification_id, earlier_ids
from plugin.enrolment.saving.review import Review, review
from plugin.enrolment.settling.saves import request_settling
from plugin.enrolment.tables import Enrolment, ImportedRecord
from plugin.notifications.definitions import replace_definitions
from plugin.population.area import acting_units, area_scope_of


@dataclass(frozen=True)
class Choices:
    """What the administrator decided in the review.

    :ivar allow_withdrawals: the number she typed; must equal the review's.
    :ivar if_version: by code, the version she saw; a save of another one is refused.
    """

    earlier: bool = False
    no_messages: bool = False
    allow_withdrawals: int | None = None
    reason: str = ""
    if_version: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """A certification that was saved; ``version`` is the new one."""

    code: str
    certification: int
    version: int


def save(
    runtime: Runtime, host_id: int, proposals: Sequence[Proposal], *, who: str, choices: Choices,
    draft: SavedDraft | None = None,
) -> list[Saved]:  # fmt: skip
    """Save all proposals, or none. Proposals without a difference write no version and no history.

    :param draft: the draft that is saved by it; emptied in the same transaction, so that a killed process never leaves
        an administrator with her own save as unsaved changes.
    :raises Conflict: when a version moved on meanwhile (rules 5.5).
    :raises RefusedByRule: when the withdrawal guard asks for the number (rules 5.6), or it has ended (5.11).
    """
    move_on(runtime, host_id)

    def work(session: Session) -> list[Saved]:
        saved = save_within(session, runtime, host_id, proposals, who, choices)
        if draft is not None:
            finish(session, host_id, draft, runtime.clock.now())
        return saved

    return runtime.db.transact(work)


def save_within(
    session: Session, runtime: Runtime, host_id: int, proposals: Sequence[Proposal], who: str, choices: Choices,
    *, guarded: bool = True,
) -> list[Saved]:  # fmt: skip
    """The same in the caller's transaction.

    :param guarded: whether too many withdrawals refuse the save; otherwise the guard holds them when they are settled.
    """
    _seq, as_of = read_clock(session, host_id, share=True)
    at = max(as_of, runtime.clock.now())
    for proposal in proposals:
        number = certification_id(session, host_id, (proposal.current or proposal.definition).code)
        lock_certification(session, host_id, number)
    proposals = [confine(session, host_id, proposal) for proposal in proposals]
    reviews = review(session, host_id, proposals, now=at, limits=Limits.of(runtime.settings))
    if (units := acting_units()) is not None:
        with narrow(session, area_scope_of(units)):  # the guard judges also against the learners of her area
            hers = review(session, host_id, proposals, now=at, limits=Limits.of(runtime.settings))
        reviews = [replace(one, guard=one.guard or other.guard) for one, other in zip(reviews, hers, strict=True)]
    check_versions(proposals, choices)
    confirmed = _check_guard(reviews, choices) if guarded else False
    saved = []
    for proposal, found in zip(proposals, reviews, strict=True):
        if found.changed:
            refuse_save_of_ended(session, host_id, proposal, at)
            _refuse_other_kind(session, host_id, proposal)
            saved.append(_write(session, host_id, proposal, found, who, at, choices, confirmed))
    return saved


def _earlier_of(session: Session, host_id: int, proposal: Proposal, choices: Choices) -> dict[str, list[int]]:
    """Of which assignments dates move earlier, where not of all."""
    found = earlier_ids(session, host_id, proposal) if choices.earlier else None
    return {} if found is None else {"earlier_of": sorted(found)}


def check_versions(proposals: Sequence[Proposal], choices: Choices) -> None:
    """Refuse when somebody saw another version than the one that is saved now.

    :raises Conflict: then. :raises RefusedByRule: for a version of what is not saved at all: nothing would be checked.
    """
    by_code = {proposal.definition.code: proposal.base_version for proposal in proposals}
    for code, seen in choices.if_version.items():
        if code not in by_code:
            raise RefusedByRule(
                _("Nothing named %(code)s is saved, so that its version cannot be %(seen)s.", code=code, seen=seen)
            )
        if by_code[code] != seen:
            about = {"code": code, "now": by_code[code], "seen": seen}
            raise Conflict(_("%(code)s is at version %(now)s now, not %(seen)s: somebody saved it meanwhile.", **about))


def _check_guard(reviews: Sequence[Review], choices: Choices) -> bool:
    """The number typed must be the number that leaves; then those withdrawals are confirmed."""
    total = sum(found.removing.withdrawn for found in reviews)
    if choices.allow_withdrawals is not None:
        if choices.allow_withdrawals != total:
            numbers = {"total": total, "typed": choices.allow_withdrawals}
            raise RefusedByRule(_("This would withdraw %(total)s learners, not %(typed)s.", **numbers))
        return total > 0  # of what leaves beside the save nobody has said anything
    if any(found.guard for found in reviews):
        sentence = _("This would withdraw %(total)s learners, more than the withdrawal guard lets pass."
                     " Confirm the number.", total=total)  # fmt: skip
        raise RefusedByRule(sentence)
    return False


def _refuse_other_kind(session: Session, host_id: int, proposal: Proposal) -> None:
    """Who completed a program is in no state of a certification, nor the other way round (rules 7.7)."""
    if proposal.current is None or proposal.current.kind == proposal.definition.kind:
        return
    number = certification_id(session, host_id, proposal.current.code)
    completed = select(
        exists().where(
            Enrolment.host_id == host_id, Enrolment.certification == number, Enrolment.certified_at.is_not(None)
        )
        | exists().where(ImportedRecord.host_id == host_id, ImportedRecord.certification == number)
    )
    if session.scalar(completed):
        sentence = _("%(code)s stays what it is, a certification or a program: learners have completed it, or records"
                     " were imported. Make a new one instead.", code=proposal.current.code)  # fmt: skip
        raise RefusedByRule(sentence)


def _forget_waves(session: Session, host_id: int, proposal: Proposal, certification: int) -> None:
    """Where the last wave goes, nothing is left of what it drew: one that comes back begins anew (rules 11.3)."""
    if proposal.current is not None and waves_in(proposal.current) and not waves_in(proposal.definition):
        run(session, "DELETE FROM wave WHERE host_id = ? AND certification = ?", host_id, certification)


def _write(
    session: Session, host_id: int, proposal: Proposal, found: Review, who: str, at: int, choices: Choices,
    confirmed: bool,
) -> Saved:  # fmt: skip
    kept = {
        "earlier": choices.earlier,
        "no_messages": choices.no_messages,
        "confirmed": confirmed,
        "reason": choices.reason,
        **_earlier_of(session, host_id, proposal, choices),
    }
    written = write_version(session, host_id, proposal, who=who, at=at, reason=choices.reason, choices=kept)
    _forget_waves(session, host_id, proposal, written.certification)
    unpin_removed(session, host_id, written.removed, at, who)
    if proposal.definition.notifications is not None or proposal.current is None:
        replace_definitions(session, host_id, written.certification, proposal.definition.notifications or (), at)
    record(
        session, host_id, at, who, "saved", certification=written.certification, version=written.version,
        reason=choices.reason, data={"newly": found.adding.newly, "withdrawn": found.removing.withdrawn, **kept},
    )  # fmt: skip
    tell_assignments(session, host_id, written, at, who)
    request_settling(
        session, host_id, written.certification, number=take_ids(session, host_id, "settling"),
        version=written.version, at=at, who=who, choices=kept, correlation=correlation(),
    )  # fmt: skip
    return Saved(proposal.definition.code, written.certification, written.version)
