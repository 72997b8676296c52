"""Muster on a database of its own, connected to the Moodle that the variables of :mod:`tests.peers.moodle_site` name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.certifications.file.certification_file import proposals, read_file
from plugin.certifications.tables import Certification
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.enrolment.codes import STATES
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.tables import Enrolment
from plugin.jobs.work import work_host
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.pulling.pull import pull
from plugin.schema import metadata
from tests.peers.moodle_site import MAPPING, TOKEN, URL, Site


@dataclass
class Peer:
    """Muster on a database of its own, connected to the Moodle."""

    made: Runtime
    site: Site
    host: int

    def later(self, seconds: int) -> None:
        self.made = replace(self.made, clock=Clock(self.made.clock.now() + seconds))

    def now(self) -> None:
        self.made = replace(self.made, clock=Clock(int(time.time())))

    def pull(self) -> None:
        pull(self.made, self.host)

    def assign(
        self, code: str, courses: str, *rows: str, more: str = "", leaving: int | None = None, work: bool = True
    ) -> None:
        listed = "".join(f"\n      - {row}" for row in rows) or " []"
        text = f"""
version: 1
certifications:
  - code: {code}
    name: Peer {code}
    state: live
    content: {courses}
    exceptions: {{duplicate_course: assign}}
{more}    assignments:{listed}
"""
        with self.made.db.read() as session:
            wanted = proposals(session, self.host, read_file(text))
        save(self.made, self.host, wanted, who="tester", choices=Choices(allow_withdrawals=leaving))
        if work:
            self.work()

    def work(self) -> None:
        work_host(self.made, self.host)

    def count(self, table: Any, *conditions: Any) -> int:
        with self.made.db.read() as session:
            return int(session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0)

    def states(self, code: str) -> list[str]:
        with self.made.db.read() as session:
            query = select(Enrolment.state).join(
                Certification,
                (Certification.host_id == Enrolment.host_id) & (Certification.id == Enrolment.certification),
            )
            return [STATES[one] for one in session.scalars(query.where(Certification.code == code))]


def core(course: int) -> str:
    return f"{{certification: [{{name: Core, courses: ['{course}']}}]}}"


@pytest.fixture
def peer(site: Site, tmp_path: Path, settings: Any) -> Iterator[Peer]:
    """A new Muster that has read the site."""
    database = Database(f"sqlite:///{tmp_path}/muster.sqlite3")
    metadata.create_all(database.engine)
    made = Runtime(settings, database, Clock(int(time.time())))
    new = NewHost(
        "moodle", URL, "client", "1", f"{URL}/mod/lti/auth.php", f"{URL}/mod/lti/token.php", f"{URL}/mod/lti/certs.php", kind="moodle",
        api_url=URL, api_token=TOKEN, mapping=MAPPING,
    )  # fmt: skip
    host = database.transact(lambda session: add_host(session, new, made.clock.now()).id)
    pull(made, host)
    yield Peer(made, site, host)
    database.close()


def organisation(site: Site, *more: str) -> str:
    path = "/".join([f"peer-{site.mark}", *more])
    return f"{{organisation: 'org:{path}', include: below}}"
