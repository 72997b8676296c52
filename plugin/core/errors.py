"""Errors that people read. Each carries a sentence; the edges (pages, API, command line) give it a status."""

from __future__ import annotations

Fault = tuple[tuple[str | int, ...], str]
"""The keys and positions that lead from a value to what is wrong in it, and a sentence about that."""


class MusterError(Exception):
    """Base of the errors that carry a sentence for a person.

    :ivar sentence: what is wrong and, where there is one, the way out. Safe to show.
    :ivar status: the HTTP status a page or the API answers with.
    :ivar exit_code: the status a command ends with (AS-CODE, "Exit status").
    """

    status = 400
    exit_code = 2

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Invalid(MusterError):
    """Wrong use, or a value, key or file that is not understood."""


class NotFound(MusterError):
    """The thing named does not exist in this host."""

    status = 404


class Forbidden(MusterError):
    """The person may not do this."""

    status = 403
    exit_code = 1


class RefusedByRule(MusterError):
    """A rule says no: the guard, a version that moved, an action that is not allowed."""

    status = 409
    exit_code = 1


class Conflict(RefusedByRule):
    """Somebody else saved meanwhile."""


class Unavailable(MusterError):
    """The host or the database does not answer."""

    status = 503
    exit_code = 3


class WrongParts(ValueError):
    """What is wrong inside a value, each with the place where it stands there.

    :ivar faults: all of them, in the value's order.
    """

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(sentence for _where, sentence in faults))
        self.faults = faults


def faults_of(error: ValueError, *where: str | int) -> list[Fault]:
    """The faults of a part as those of the whole, in which ``where`` leads to the part."""
    if isinstance(error, WrongParts):
        return [((*where, *inner), sentence) for inner, sentence in error.faults]
    return [(where, str(error))]
