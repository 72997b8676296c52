"""What the daily check mends in the worker's process is counted at ``/metrics``, which the web's process answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families as plain
from werkzeug.serving import make_server

from plugin.app import create_app
from plugin.core.clock import format_instant
from plugin.core.runtime import Runtime
from tests.enrolment.test_daily_check import company, plant
from tests.histories.lab import Lab
from tests.histories.naive import DAY
from tests.long.test_midnights import Site

pytestmark = [pytest.mark.plants_drift, pytest.mark.one_database]


@pytest.fixture
def web(runtime: Runtime) -> Iterator[str]:
    """Muster's pages on a socket; the worker is another process."""
    server = make_server("127.0.0.1", 0, create_app(runtime), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_what_the_worker_mends_stands_in_the_metrics_of_the_web(runtime: Runtime, web: str, tmp_path: Path) -> None:
    lab = company(runtime)
    site = Site(runtime.db, None, tmp_path)  # type: ignore[arg-type]
    assert drift(web, lab) == 0
    plant(lab, "UPDATE enrolment SET why = 0 WHERE host_id = :host AND certification = :a AND person = :ann")
    plant(lab, "DELETE FROM enrolment WHERE host_id = :host AND certification = :a AND person = :bob")
    for days in (1, 2):  # the second day finds nothing more
        worker = site.start("work", "--once", now=str(format_instant(lab.model.now + days * DAY)))
        said, _nothing = worker.communicate(timeout=240)
        assert worker.returncode == 0, said
        assert drift(web, lab) == 2


def drift(web: str, lab: Lab) -> float:
    """What the endpoint says of the host."""
    answer = requests.get(f"{web}/metrics", timeout=20)
    assert answer.ok, answer.text
    found = {one.name: one.samples for one in plain(answer.text)}["muster_drift_found"]
    [value] = [
        one.value for one in found if (one.name, one.labels) == ("muster_drift_found_total", {"host": f"h{lab.host}"})
    ]
    return value
