"""What commands that save share: the choices of the save, its review in words, and what was saved."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from plugin.core.errors import Invalid, RefusedByRule
from plugin.enrolment.saving.review import Review
from plugin.enrolment.saving.save import Choices, Saved

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def choices(
    *, earlier: bool, no_messages: bool, allow_withdrawals: int | None, reason: str, if_version: Sequence[str] = ()
) -> Choices:
    """How to save, from the options of a command.

    :raises Invalid: when a version is not ``CODE=N``, or a code has two of them.
    """
    versions: dict[str, int] = {}
    for one in if_version:
        code, separator, number = one.rpartition("=")
        if not separator or not _NUMBER.fullmatch(number):
            raise Invalid(f"--if-version: '{one}' is not CODE=N.")
        if versions.get(code, int(number)) != int(number):
            raise Invalid(f"--if-version: '{code}' is given two versions.")
        versions[code] = int(number)
    return Choices(
        earlier=earlier,
        no_messages=no_messages,
        allow_withdrawals=allow_withdrawals,
        reason=reason,
        if_version=versions,
    )


def plan_text(reviews: list[Review]) -> str:
    """The review in words, for a terminal."""
    lines = []
    for one in reviews:
        if not one.changed:
            lines.append(f"{one.code}: no difference.")
            continue
        add, gone = one.adding, one.removing
        lines.append(f"{one.code} (version {one.version}):")
        lines.append(
            f"  adding {add.x}: {add.newly} newly enrolled, {add.already} enrolled already, {add.later} later,"
            f" {add.held_back} held back, {add.suspended} suspended, {add.not_to_be_assigned} not to be assigned"
        )
        lines.append(
            f"  removing {gone.x}: {gone.withdrawn} withdrawn, {gone.kept} kept by another assignment,"
            f" {gone.suspended} suspended, {gone.not_enrolled} not enrolled"
        )
        if one.going_live is not None:
            then = one.going_live
            lines.append(
                f"  This is a draft, and reaches nobody: going live would enrol {then.newly} newly and hold back"
                f" {then.held_back}"
            )
        lines.append(
            f"  {one.redated} due dates changed, {one.earlier} could be moved earlier, {one.messages} messages"
        )
    if any(one.guard for one in reviews):
        total = sum(one.removing.withdrawn for one in reviews)
        lines.append(f"  The withdrawal guard asks for --allow-withdrawals {total}.")
    return "\n".join(lines)


def is_confirmed(reviews: list[Review], question: str, refusal: str) -> bool:
    """Print the plan, and ask at a terminal; elsewhere say why nothing is done."""
    if reviews:
        print(plan_text(reviews))
    if not answers_at_a_terminal():
        print(refusal, file=sys.stderr)
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


@contextmanager
def plan_where_refused(reviews: list[Review]) -> Iterator[None]:
    """A rule's refusal comes with the plan that was refused."""
    try:
        yield
    except RefusedByRule:
        print(plan_text(reviews))
        raise


def answers_at_a_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def say_saved(saved: list[Saved]) -> None:
    """A line for each certification that was saved."""
    for one in saved:
        print(f"{one.code} saved as version {one.version}.")
