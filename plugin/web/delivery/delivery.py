"""Delivery: what is owed to the learning site, how fast it goes, what it refused, and what changed there by itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.errors import Invalid
from plugin.core.text.stored import in_language
from plugin.delivery.drift import findings
from plugin.delivery.drift.reconcile import request as request_reconcile
from plugin.delivery.figures import by_certification, figures, parked, reasons
from plugin.delivery.resets.reset_figures import answer_resets, reset_figures
from plugin.delivery.results.score_figures import reported
from plugin.delivery.seats.parking import answer_parked
from plugin.delivery.tables import WANTS
from plugin.enrolment.checking.daily import drift_found
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.connections.health import sync_runs
from plugin.mirror.connections.store import connection_of
from plugin.web.delivery.delivery_words import delivery_words, done_words, duration_words, failure_words
from plugin.web.frame import lists
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, go, host_id, nudge, page, page_number, runtime, who
from plugin.web.frame.lists import Heading
from plugin.web.frame.reader import reader_language
from plugin.web.hosts.host_words import age_words

blueprint = Blueprint("delivery", __name__, url_prefix=f"{PREFIX}/delivery")

_KINDS = ("missing", "suspended", "extra", "other")
_LONGEST = 1000


def headings() -> tuple[Heading, ...]:
    """The columns of what was refused."""
    return (
        Heading("name", _("Learner"), "name", fixed=True),
        Heading("course", _("Course"), "course"),
        Heading("asked", _("Asked for"), "changed"),
        Heading("why", _("What the learning site said"), "why"),
    )


@blueprint.get("")
@rule("see host")
def show() -> Response:
    """Owed, oldest, rate, estimated end, the circuit, and what is parked."""
    why = request.args.get("why", "")[:_LONGEST]
    found = lists.listing("refused", "delivery.show", headings(), args={"why": why or None})
    chips = [found.chip(in_language(why, reader_language()), "why")] if why else []
    made, now = runtime(), runtime().clock.now()
    with made.db.read() as session:
        total, rows = parked(
            session, host_id(), why=why, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE, order=found.sort
        )
        seen = figures(session, host_id(), now)
        context: dict[str, Any] = {
            "list": found, "chips": chips,
            "seen": seen, "connection": connection_of(session, host_id()), "rows": rows, "total": total, "why": why,
            "certifications": by_certification(session, host_id()), "reasons": reasons(session, host_id()),
            "zone": zone_of_host(session, host_id()), "now": now, "age": age_words, "wants": WANTS,
            "results": reported(session, host_id()), "resets": reset_figures(session, host_id()),
            "ends": duration_words(seen.ends) if seen.ends else "", "words": delivery_words(),
            "page_number": page_number(), "page_size": PAGE_SIZE, "done": done_words(request.args.get("done", "")),
            "drift": drift_found(session, host_id()),
            "failures": [failure_words(word, number) for word, number in seen.failures.items()],
        }  # fmt: skip
    return page("delivery/delivery.html", **context)


@blueprint.post("/parked")
@rule("change host")
def answer() -> Response:
    """Retry or dismiss: one, those ticked, or all that match."""
    why = request.form.get("why", "")[:_LONGEST]
    everything = request.form.get("all") == "1"
    action = request.form.get("action", "")
    one, _dot, key = action.partition(":")
    keys = None if everything and not key else [key] if key else request.form.getlist("seat")
    made = runtime()
    count = made.db.transact(
        lambda session: answer_parked(
            session, host_id(), one, keys, why=why if everything and not key else "", at=made.clock.now(), who=who()
        )
    )
    nudge()
    return go(url_for(".show", done=f"{one}:{count}", why=None if everything or not why else why))


@blueprint.post("/resets")
@rule("change host")
def answer_refused_resets() -> Response:
    """Retry or dismiss the courses that the host would not let begin anew, all of one reason."""
    made, why = runtime(), request.form.get("why", "")[:_LONGEST]
    action = request.form.get("action", "")
    made.db.transact(lambda session: answer_resets(session, host_id(), action, why, at=made.clock.now(), who=who()))
    nudge()
    return go(url_for(".show"))


@blueprint.get("/drift")
@rule("see host")
def drifted() -> Response:
    """What reconciling found, by course; of one course, one by one."""
    course = request.args.get("course", "")[:255]
    kind = request.args.get("kind", "")
    kind = kind if kind in _KINDS else ""
    with runtime().db.read() as session:
        connection = connection_of(session, host_id())
        courses = findings.by_course(session, host_id())
        runs = [run for run in sync_runs(session, host_id(), 200) if run.kind == "reconcile"]
        total, rows = 0, list[findings.DriftRow]()
        if course:
            total, rows = findings.of_course(
                session, host_id(), course, kind=kind, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE
            )
        context: dict[str, Any] = {
            "courses": courses, "rows": rows, "total": total, "course": course, "kind": kind, "kinds": _KINDS,
            "course_name": next((one.name for one in courses if one.course == course), course),
            "policy": findings.policy_of(connection), "asked_for": "reconcile_asked" in connection.settings,
            "last": runs[0] if runs else None, "asked": sum(one.asked for one in courses),
            "zone": zone_of_host(session, host_id()), "words": delivery_words(), "page_number": page_number(),
            "page_size": PAGE_SIZE, "can": "full" in connection.caps.get("reads", {}).get("enrolments", ())
            or "courses" in connection.caps.get("reads", {}).get("enrolments", ()),
        }  # fmt: skip
    return page("delivery/drift.html", **context)


@blueprint.post("/drift")
@rule("change host")
def answer_drift() -> Response:
    """The policy, a reconcile now, or the answer to what was found."""
    action, course = request.form.get("action", ""), request.form.get("course", "")[:255]
    people = request.form.getlist("person")
    made, tenant = runtime(), host_id()
    at, by = made.clock.now(), who()

    def work(session: Any) -> None:
        if action == "reconcile":
            request_reconcile(session, tenant, at)
        elif action == "policy":
            chosen = request.form.get("policy", "")
            findings.choose_policy(session, connection_of(session, tenant), chosen, at=at, who=by)
        elif action == "pick":
            if not findings.pick(session, tenant, course, people, at=at, who=by):
                raise Invalid(_("Choose at least one enrolment that Muster did not make."))
        elif not findings.answer(session, tenant, action, course=course, people=people, at=at, who=by):
            raise Invalid(_("None of these waits for an answer any more."))

    made.db.transact(work)
    nudge()
    return go(url_for(".drifted", course=course or None))
