"""What Prometheus reads: every value that operations are told to watch, in the formats readers ask for."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from config.settings import read_settings
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, Worker
from tests.conftest import KEYS

ROOT = Path(__file__).parents[3]
NOW = 1_800_000_000


def test_every_value_is_there_by_host_and_in_both_formats(db: Database) -> None:
    settings = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS})
    made = Runtime(settings, db, Clock(NOW))
    with db.write() as session:
        for number, name in enumerate(("acme", "beta"), 1):
            session.add(Host(id=number, name=name, title=name, issuer=f"https://{name}.test", client_id="c", state="active",
                             auth_url="https://a.test", token_url="https://t.test", jwks_url="https://j.test", settings={}, created=NOW))  # fmt: skip
        session.flush()
        session.add(Worker(id="w", machine="m", seen=made.clock.true()))
    client = create_app(made).test_client()
    answer = client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    found = {one.name: one for one in plain(answer.text)}
    assert {name: one.type for name, one in found.items() if one.type != "gauge"} == {"muster_drift_found": "counter"}
    assert all(one.documentation.endswith(".") for one in found.values())
    documented = set(re.findall(r"`(muster_\w+)", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")))
    assert documented == {f"{name}_total" if one.type == "counter" else name for name, one in found.items()}
    assert [(one.labels, one.value) for one in found["muster_seats_owed"].samples] == [
        ({"host": "acme"}, 0),
        ({"host": "beta"}, 0),
    ]
    assert [(one.labels, one.value) for one in found["muster_workers"].samples] == [({}, 1)]
    asked = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert asked.content_type.startswith("application/openmetrics-text")
    assert {one.name for one in openmetrics(asked.text)} == set(found)
