"""A burst of a directory's writes whose server is killed at any instant: what was answered is there, and nothing is half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.mirror.pulling.unit_trees import count_if_owed
from plugin.mirror.sources.directory.tables import DirectoryResource
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.tables import Identity
from plugin.mirror.sources.tokens import make_token
from plugin.mirror.tables import Job
from tests.enrolment.test_settle import active
from tests.scim.conftest import CORE, ENTERPRISE
from tests.world import HOST, World, row

ROOT = Path(__file__).parents[2]
KILLS = 40 if os.environ.get("MUSTER_LONG") else 2
BURST = 14


def _count(world: World) -> tuple[int, int, int]:
    """Users of the directory, their identities, and their jobs."""
    with world.runtime.db.read() as session:
        tables: tuple[Any, ...] = (DirectoryResource, Identity)
        users, identities = (session.scalar(select(func.count()).select_from(one)) or 0 for one in tables)
        jobs = select(func.count()).select_from(Job).where(Job.ext.startswith("dir:"), Job.gone.is_(False))
        return users, identities, session.scalar(jobs) or 0


def _push(base: str, token: str, names: list[str], answered: list[str]) -> None:
    with requests.Session() as http:
        http.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"})
        for name in names:
            user = {"schemas": [CORE, ENTERPRISE], "userName": name, "externalId": f"e-{name}", "active": True}
            user[ENTERPRISE] = {"department": "Claims"}  # type: ignore[assignment]
            try:
                if http.post(f"{base}/Users", json=user, timeout=20).status_code == 201:
                    answered.append(name)
            except requests.RequestException:
                return


def test_of_a_burst_that_is_killed_whatever_was_answered_is_there_and_nothing_is_half(runtime: Runtime) -> None:
    world, dice = World(runtime), random.Random(5)
    for n in range(KILLS * BURST):
        world.people(f"p{n}", username=f"u{n}")
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "dir", "scim", join_by="userName=username", mapping={}, at=world.now, who="t")
        token = make_token(session, HOST, "dir", at=runtime.clock.true(), who="t")
    url = runtime.db.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.scim.killed", url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    answered: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as server:  # type: ignore[call-overload]
        for number in range(KILLS):
            port, process = str(server.stdout.readline()).split()
            names, before = [f"u{number * BURST + n}" for n in range(BURST)], len(answered)
            burst = threading.Thread(
                target=_push, args=(f"http://127.0.0.1:{port}/scim/v2/dir", token, names, answered)
            )
            burst.start()
            least = dice.randrange(2, BURST - 5)
            while len(answered) - before < least and burst.is_alive():
                time.sleep(0.002)
            time.sleep(dice.uniform(0, 0.02))
            os.kill(int(process), signal.SIGKILL)
            server.stdin.write("again\n")
            server.stdin.flush()
            burst.join(30)
            assert not burst.is_alive()
            users, identities, jobs = _count(world)
            assert users == identities == jobs
            assert users >= len(answered)
        server.stdin.close()
        server.stdout.read()
    with runtime.db.read() as session:
        there = set(session.scalars(select(DirectoryResource.name)))
    assert there >= set(answered)
    world.save("fs", row("organisation", "dir:Claims"))
    world.settle()
    assert len(active(world)) == len(there)
    count_if_owed(runtime, HOST, patient=False)
    assert examine(world.runtime, deep=True) == []
