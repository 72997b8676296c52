"""Which pages and operations show people, and taking down who looked (ACCESS 6)."""

from __future__ import annotations

import json

from flask import Flask, Response, current_app, g, request

from plugin.access.rules import PROGRAM, scope_of
from plugin.access.traces import API, PAGE, Read, Traces
from plugin.core.logs import correlation
from plugin.core.runtime import Runtime
from plugin.web.frame.kit import runtime

PAGES = frozenset({
    "learners.tab", "learners.one", "learners.check", "learners.export", "exceptions.tab", "review.names", "history.names",
    "picker.search", "picker.paste", "members.change", "records.show", "records.change", "held.listing", "messages.listing",
    "delivery.show", "delivery.drifted", "results.show", "source.show", "source.report", "rights.show", "reports.first",
    "reports.table", "reports.file", "reports.team_first", "reports.team_table", "reports.team_file", "team.show",
    "personal.show", "personal.export", "traces.show", "people.listing", "person.show", "finder.show", "history.told",
    "assignments.tab", "assignments.conflict", "data_problems.show", "endpoints.delivery", "exclusions.show", "exclusions.choose",
    "history.tab", "history.what", "members.choose", "more_time.show", "picker.choose", "records.confirm", "sending.fetch",
    "successor.choose", "team.member", "team.file", "notifications.reach",
})  # fmt: skip
"""Lists of people, a learner's page, pages that name some, and files of either; a test walks all others and finds no name."""
_SCOPES = ("read", "reports")


def install(app: Flask, made: Runtime) -> None:
    """Take down every look at people once its answer is made."""
    app.extensions["muster_traces"] = Traces(made.db, made.settings.traces)

    @app.after_request
    def _after(answer: Response) -> Response:
        if request.endpoint and answer.status_code == 200 and g.get("launch") is not None and g.launch.host_id:
            how = _how()
            if how:
                _take_down(answer, how)
        return answer


def _how() -> str:
    endpoint = str(request.endpoint)
    if endpoint in PAGES:
        return PAGE
    view = current_app.view_functions[endpoint]
    return API if scope_of(view) in _SCOPES or (scope_of(view) and request.method == "GET") else ""


def _take_down(answer: Response, how: str) -> None:
    launch, named = g.launch, request.view_args or {}
    who = str(launch.subject)
    certification = named.get("certification")
    person = str(named.get("person", ""))
    read = Read(
        int(launch.host_id), runtime().clock.now(), who, how, str(request.endpoint),
        int(certification) if certification is not None else None, person,
        1 if person and launch.purpose != PROGRAM else _count(answer, how), correlation(),
    )  # fmt: skip
    traces: Traces = current_app.extensions["muster_traces"]
    traces.put(read, start=not current_app.testing)


def _count(answer: Response, how: str) -> int:
    """Of how many people, where the answer says so at once: a file is counted in the history."""
    if how == PAGE:
        return int(g.get("people_shown", 0))
    if not answer.is_json or answer.is_streamed:
        return 0
    document = json.loads(answer.get_data() or b"null")
    items = document.get("items") if isinstance(document, dict) else None
    return len(items) if isinstance(items, list) else 1
