"""Letting the time pass that has passed, as if a worker had been there: what is owed is settled before time goes on, and
before the rows that it is about are overwritten (rules 2.8, 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.host_time import move_on
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.enrolment.settling.owed_looks import owed_people
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.settling.tick import is_behind, pass_time
from plugin.mirror.pulling.unit_trees import recount_apart

NO_WORKER = 60
"""Seconds after which what is owed shows that no worker looks for it; so long a page may be behind the time then."""
MOST_IN_A_REQUEST = 1_000
"""People whom a request settles before it writes; more are left to a worker."""
_log = log("jobs")


def catch_up(runtime: Runtime, host_id: int) -> int:
    """Let the time pass that has passed, from each instant at which somebody may come or go to the next.

    What is owed at one is settled before the next, as if a worker had been there: a weekend without one is seen hour by
    hour, and a team that emptied in two steps did not empty at once (rules 2.3). Returns how much was settled.
    """
    done, turned, waited, stages = 0, 0, 0, Stages(host_id)
    while is_behind(runtime, host_id):
        done += stages.run(settle_certifications, runtime, host_id) + stages.run(settle_people, runtime, host_id)
        # What cannot be settled holds up no time.
        passed = pass_time(runtime, host_id, to_next=stages.trouble is None)
        turned, waited = turned + passed[0], passed[1]
    if turned or waited:
        # Who came or went at the last instant first: counting reads all jobs.
        done += stages.run(settle_certifications, runtime, host_id) + stages.run(settle_people, runtime, host_id)
    if turned:
        recount_apart(runtime, host_id)  # how many people work in each unit
    return done


def settle_owed(runtime: Runtime, host_id: int) -> None:
    """Let the time pass, and settle what is owed also where it has passed already: somebody may have opened a page."""
    catch_up(runtime, host_id)
    stages = Stages(host_id)
    stages.run(settle_certifications, runtime, host_id)
    stages.run(settle_people, runtime, host_id)


def settle_before_change(runtime: Runtime, host_id: int) -> None:
    """For a request that writes: where no worker looks for what is owed, settle that first.

    Two changes of one person that are settled together happened at the first of them (rules 3.2), and what she was in
    between is not known any more: grace would be counted from a change that left her where she was.
    """
    now = runtime.clock.now()
    with runtime.db.read() as session:
        owed = owed_people(session, host_id, MOST_IN_A_REQUEST + 1)
    if owed and min(owed.values()) + NO_WORKER < now and len(owed) <= MOST_IN_A_REQUEST:
        settle_owed(runtime, host_id)
    else:
        move_on(runtime, host_id, within=NO_WORKER)


class Stages:
    """Runs the pieces of a round one after the other: a fault in one is said at the end and stops none after it.

    :ivar trouble: the first fault there was.
    """

    def __init__(self, host_id: int) -> None:
        self._host_id = host_id
        self.trouble: Exception | None = None

    def run(self, stage: Callable[..., Any], *arguments: Any, **named: Any) -> int:
        """What the stage did, 0 where it failed.

        :raises: at once where the database is away: nothing after it would do better.
        """
        try:
            return int(stage(*arguments, **named) or 0)
        except (*DATABASE_AWAY, Unavailable):
            raise
        except Exception as trouble:
            _log.exception("a piece of work failed", host=self._host_id, stage=getattr(stage, "__name__", ""))
            self.trouble = self.trouble or trouble
            return 0
