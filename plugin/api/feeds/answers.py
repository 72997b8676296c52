"""How the API answers where a rule may refuse, with the plan, and where a file may not be readable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, g, jsonify, make_response

from plugin.api.kit import nudge
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.plans import LoadPlan
from plugin.hosts.csv.file_faults import Unreadable

T = TypeVar("T")


def refused(error: NotLoaded) -> Response:
    """A rule says no: the sentence, and the plan where there is one."""
    plan = {} if error.plan is None else {"plan": error.plan.document}
    return make_response(jsonify(detail=error.sentence, error_id=g.error_id, **plan), error.status)


def answer_of(act: Callable[[], LoadPlan]) -> dict[str, Any] | Response:
    """What ``act`` did, or why a rule keeps it from being done."""
    try:
        done = planned(act)
    except NotLoaded as error:
        return refused(error)
    nudge()
    return done.document


def planned(act: Callable[[], T]) -> T:
    """What ``act`` gives; a file that cannot be read is content the API does not process, with line and column."""
    try:
        return act()
    except Unreadable as error:
        error.status = 422
        raise
