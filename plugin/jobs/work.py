"""Everything owed now: what the worker does, and ``muster work --once`` does until nothing is left."""

from __future__ import annotations

from plugin.access.present_rights import reader_of
from plugin.core.database.tenant import inside
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.delivery.drift import echoes
from plugin.delivery.messages.dispatch import post
from plugin.delivery.resets.resets import send_resets
from plugin.delivery.results.scores import deliver_scores
from plugin.delivery.seats.send import drain
from plugin.enrolment.checking.daily import check_daily
from plugin.enrolment.earlier_results import owe_earlier_results
from plugin.enrolment.message_dates import render
from plugin.enrolment.settling.changed_date_settings import follow_meanings
from plugin.enrolment.settling.owed_looks import all_settled
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.settling.timed_events import tell_moments
from plugin.enrolment.timed_messages import owe_timed
from plugin.jobs.catch_up import Stages, catch_up
from plugin.jobs.event_sender import send_events
from plugin.mirror.connections.store import active_hosts
from plugin.mirror.hints import inbox
from plugin.mirror.lookup.search import keep_indexed
from plugin.mirror.pulling.unit_trees import count_if_owed
from plugin.mirror.sources.managing.time_changes import turn
from plugin.population.stored_base import keep_base
from plugin.reports.counts.nightly import keep_counts
from plugin.reports.sending.due_reports import send_reports
from plugin.reports.team_week import owe_weeks

_MOST_ROUNDS = 200
CHECKING = 5.0
"""Seconds in which the daily check begins to look at certifications, before everything else has its turn."""
_log = log("jobs")


def work_once(runtime: Runtime) -> int:
    """Do everything that is owed now, for every host; returns how much was done.

    A host that is down costs nothing but delay: what waits for it stays owed.
    """
    with runtime.db.read() as session:
        hosts = active_hosts(session)
    done = 0
    for host_id in hosts:
        with inside(host_id):
            done += work_host(runtime, host_id)
    return done


def work_host(runtime: Runtime, host_id: int, *, seconds: float | None = None) -> int:
    """One host: hints, the time, people, saves, moments, and out it goes; round after round until all is quiet.

    :param seconds: one round only, in which no new call is begun after so many: the other hosts want their turn.
    """
    total = 0
    for _round in range(_MOST_ROUNDS if seconds is None else 1):
        stages = Stages(host_id)
        done = stages.run(catch_up, runtime, host_id)
        done += stages.run(echoes.reread_hinted, runtime, host_id)
        done += stages.run(inbox.work, runtime, host_id, patient=seconds is not None)
        stages.run(keep_indexed, runtime, host_id)
        stages.run(turn, runtime, host_id)
        stages.run(keep_base, runtime, host_id)
        stages.run(follow_meanings, runtime, host_id)
        done += stages.run(settle_certifications, runtime, host_id)
        done += stages.run(settle_people, runtime, host_id)
        stages.run(count_if_owed, runtime, host_id, patient=seconds is not None)
        done += stages.run(owe_timed, runtime, host_id) + stages.run(tell_moments, runtime, host_id)
        done += stages.run(owe_weeks, runtime, host_id)
        done += stages.run(check_daily, runtime, host_id, seconds=None if seconds is None else CHECKING)
        stages.run(keep_counts, runtime, host_id, seconds=None if seconds is None else CHECKING)
        gathered = all_settled(runtime, host_id)
        done += stages.run(_drain, runtime, host_id, seconds=seconds, gathered=gathered)
        done += stages.run(post, runtime, host_id, render, seconds=seconds, gathered=gathered)
        done += stages.run(send_reports, runtime, host_id, reader_of)
        done += stages.run(owe_earlier_results, runtime, host_id)
        done += stages.run(deliver_scores, runtime, host_id, seconds=seconds)
        done += stages.run(send_resets, runtime, host_id, seconds=seconds)
        if seconds is None:  # a worker sends events beside everything else
            done += stages.run(send_events, runtime, host_id)
        total += done
        if stages.trouble is not None:
            raise stages.trouble
        if not done:
            return total
    if seconds is None:
        _log.warning("still not quiet", host=host_id)
    return total


def _drain(runtime: Runtime, host_id: int, *, seconds: float | None, gathered: bool) -> int:
    return drain(runtime, host_id, render, seconds=seconds, gathered=gathered).calls
