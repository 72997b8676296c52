"""How long a running Moodle with many people takes to be read, beside the bare SQL of the same rows in the same run.

Needs the variables of :mod:`tests.peers.moodle_site`, and ``MUSTER_PEER_MOODLE_MANY``: how many people the site is to have. They are
written straight into its tables and stay there, with two and a half completions each: never on a site for the other tests.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.network.http import Outbound
from plugin.core.runtime import Runtime
from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.host import MoodleHost
from plugin.mirror.connections.store import NewHost, add_host, connection_of, spec_of
from plugin.mirror.pulling.pull import pull
from plugin.schema import metadata
from tests.peers.moodle_site import COMMAND, MAPPING, TOKEN, URL, command, functions

MANY = int(os.environ.get("MUSTER_PEER_MOODLE_MANY", "0"))
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not (URL and TOKEN and COMMAND and MANY), reason="no Moodle is named that is to have many people"
    ),
]


def connected(tmp_path: Path, settings: Any) -> tuple[Runtime, int]:
    database = Database(f"sqlite:///{tmp_path}/muster.sqlite3")
    metadata.create_all(database.engine)
    made = Runtime(settings, database, Clock(int(time.time())))
    new = NewHost(
        "moodle", URL, "client", "1", f"{URL}/mod/lti/auth.php", f"{URL}/mod/lti/token.php", f"{URL}/mod/lti/certs.php", kind="moodle",
        api_url=URL, api_token=TOKEN, mapping=MAPPING,
    )  # fmt: skip
    return made, database.transact(lambda session: add_host(session, new, made.clock.now()).id)


def test_everybody_and_all_completions_beside_the_bare_rows(tmp_path: Path, settings: Any) -> None:
    command("many", MANY, MANY * 5 // 2)
    command("bare")
    made, number = connected(tmp_path, settings)
    with made.db.read() as session:
        spec = spec_of(connection_of(session, number))
    host = MoodleHost(spec, Outbound(allow_private=True), Clock())
    host.describe()
    calls, began, worked, read = host.rest.calls, time.monotonic(), time.process_time(), {}
    kinds = ["people", "completions"] if bulk.COMPLETIONS in functions() else ["people"]
    for kind in kinds:
        read[kind] = sum(len(page.rows) for page in host.read(kind))
    took, ours = time.monotonic() - began, time.process_time() - worked
    seconds, rows = command("bare").split()
    print({**read, "seconds": round(took, 2), "processor of ours": round(ours, 2), "calls": host.rest.calls - calls,
           "megabytes": round(host.rest.received / 1e6, 1), "bare": float(seconds), "rows": int(rows),
           "times the bare": round(took / float(seconds), 1)})  # fmt: skip
    assert read["people"] >= MANY
    began, worked = time.monotonic(), time.process_time()
    pull(made, number)
    whole, ours = time.monotonic() - began, time.process_time() - worked
    began = time.monotonic()
    pull(made, number)
    print({"first pull into a database": round(whole, 2), "processor of ours": round(ours, 2),
           "next pull": round(time.monotonic() - began, 2)})  # fmt: skip
    made.db.close()
