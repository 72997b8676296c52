"""One application for many tests: making one takes a quarter of a second, and only its runtime differs."""

from __future__ import annotations

from flask import Flask

from plugin.access.traces import Traces
from plugin.app import create_app
from plugin.core.runtime import Runtime
from plugin.jobs.queue import Nudges, open_queue

_kept: dict[str, Flask] = {}


def application(runtime: Runtime) -> Flask:
    """The application of these settings with this runtime, as if just made; it belongs to one test at a time."""
    key = repr(runtime.settings)
    if key not in _kept:
        _kept[key] = create_app(runtime)
    made = _kept[key]
    made.testing = True
    made.extensions["muster"] = runtime
    made.extensions["muster_nudges"] = Nudges(lambda: open_queue(runtime.settings))
    made.extensions["muster_traces"] = Traces(runtime.db, runtime.settings.traces)
    made.extensions.pop("muster_keysets", None)
    for limiter in made.extensions["limiter"]:
        limiter.reset()
    return made
