"""Everything owed now: what the worker does, and ``muster work --once`` does until nothing is left."""

from __future__ import annotations

from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.delivery import echoes
from plugin.delivery.drain import drain
from plugin.delivery.posting import post
from plugin.delivery.resets import send_resets
from plugin.delivery.scores import deliver_scores
from plugin.enrolment.moments import tell_moments
from plugin.enrolment.owed_saves import settle_certifications
from plugin.enrolment.owing import all_settled
from plugin.enrolment.people import settle_people
from plugin.enrolment.tick import tick
from plugin.jobs.endpoints import send_events
from plugin.mirror import hints
from plugin.mirror.connections import active_hosts
from plugin.notifications.templates import render
from plugin.notifications.timed import owe_timed
from plugin.population.stored import keep_base

_MOST_ROUNDS = 200
_log = log("jobs")


def work_once(runtime: Runtime) -> int:
    """Do everything that is owed now, for every host; returns how much was done.

    A host that is down costs nothing but delay: what waits for it stays owed.
    """
    with runtime.db.read() as session:
        hosts = active_hosts(session)
    return sum(work_host(runtime, host_id) for host_id in hosts)


def work_host(runtime: Runtime, host_id: int, *, seconds: float | None = None) -> int:
    """One host: hints, the time, people, saves, moments, and out it goes; round after round until all is quiet.

    :param seconds: one round only, in which no new call is begun after so many: the other hosts want their turn.
    """
    total = 0
    for _round in range(_MOST_ROUNDS if seconds is None else 1):
        done = echoes.heed(runtime, host_id) + hints.work(runtime, host_id, patient=seconds is not None)
        tick(runtime, host_id)
        keep_base(runtime, host_id)
        done += settle_certifications(runtime, host_id)
        done += settle_people(runtime, host_id)
        done += owe_timed(runtime, host_id) + tell_moments(runtime, host_id)
        gathered = all_settled(runtime, host_id)
        drained = drain(runtime, host_id, render, seconds=seconds, gathered=gathered)
        done += post(runtime, host_id, render, seconds=seconds, gathered=gathered)
        done += drained.calls + deliver_scores(runtime, host_id, seconds=seconds)
        done += send_resets(runtime, host_id, seconds=seconds)
        if seconds is None:  # a worker sends events beside everything else
            done += send_events(runtime, host_id)
        total += done
        if not done:
            return total
    if seconds is None:
        _log.warning("still not quiet", host=host_id)
    return total
