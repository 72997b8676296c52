"""Plans of sources as commands print them: in lines or as JSON, with the people behind the numbers where asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from plugin.cli.opening import print_json
from plugin.core.runtime import Runtime
from plugin.enrolment.effects import CertificationEffect
from plugin.enrolment.sourcing import changes
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.plans import LoadPlan, named_effects

Named = Callable[[Sequence[CertificationEffect]], list[dict[str, Any]]]


def print_plan(plan: LoadPlan, *, as_json: bool, done: bool = False, names: Named | None = None) -> None:
    """A plan, as JSON or in lines; ``done``: it was carried out. ``names``: who tells the people behind its numbers."""
    told = [] if names is None else names(plan.effects)
    if as_json:
        print_json({**plan.document, "certifications": told} if names is not None else plan.document)
        return
    for line in plan.lines(done=done) if "files" in plan.document else changes.lines(plan):
        print(line)
    for line in name_lines(told):
        print(line)


def name_lines(told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The people behind the numbers of each certification, a line a number."""
    for one in told:
        for number, people in one["names"].items():
            if people:
                who_they_are = ", ".join(f"{person['name'] or person['id']} ({person['id']})" for person in people)
                more = max(0, one.get(number, 0) - len(people)) if number != "messages" else 0
                yield f"{one['code']}, {number}: {who_they_are}{f' and {more} more' if more else ''}"


def behind(runtime: Runtime, host_id: int, wanted: bool) -> Named | None:
    """A function that tells the people behind the numbers of effects, where they are ``wanted``."""

    def tell(effects: Sequence[CertificationEffect]) -> list[dict[str, Any]]:
        with runtime.db.read() as session:
            return named_effects(session, host_id, effects)

    return tell if wanted else None


def refused(refusal: NotLoaded, *, as_json: bool = False) -> int:
    """Say why not, after the plan; the status of the command."""
    if refusal.plan is not None:
        print_plan(refusal.plan, as_json=as_json)
    print(refusal.sentence, file=sys.stderr)
    return refusal.exit_code
