"""The real application around a small host, with a session as a launch opens one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from plugin.core.runtime import Runtime
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.mirror.pulling.unit_trees import recount
from plugin.population.sets import forget_bases
from plugin.web.launch.session import Launch, open_session
from tests.application import application
from tests.world import HOST, World

FRAGMENT = {"X-Muster-Fragment": "1"}


@dataclass
class Visitor:
    """Somebody with a session: asks for pages below her handle."""

    client: FlaskClient
    handle: str
    seen: list[str] = field(default_factory=list)

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(f"/t/{self.handle}{path}", **more)  # type: ignore[arg-type]

    def post(self, path: str, data: object = None, *, fragment: bool = False) -> TestResponse:
        headers = FRAGMENT if fragment else {}
        return self.client.post(f"/t/{self.handle}{path}", data=data or {}, headers=headers)  # type: ignore[arg-type]

    def page(self, path: str, status: int = 200) -> str:
        """The text of a page that must answer so, without the handle: by chance there may be somebody's name in it."""
        answer = self.get(path)
        assert answer.status_code == status, answer.text[:2000]
        return answer.text.replace(self.handle, "handle")


Visit = Callable[..., Visitor]
"""How tests call the fixture ``visit``."""


@pytest.fixture
def world(runtime: Runtime) -> World:
    """See :func:`small_world`."""
    return small_world(runtime)


def small_world(runtime: Runtime) -> World:
    """Two organisations, one under the other: ann and bea above, cid and dov below, eve nowhere; two courses."""
    forget_bases()
    made = World(runtime, zone="Europe/London")
    made.people("ann", "bea", "cid", "dov", "eve")
    made.units(("sales", None), ("north", "sales"), ("legal", None))
    for person, unit in (("ann", "sales"), ("bea", "sales"), ("cid", "north"), ("dov", "north")):
        made.job(f"j-{person}", person, unit)
    made.courses("c1", "c2")
    with runtime.db.write() as session:
        recount(session, HOST)
    return made


@pytest.fixture
def app(world: World) -> Flask:
    return application(world.runtime)


@pytest.fixture
def visit(app: Flask, world: World) -> Visit:
    """Opens a session: ``visit("sam")`` is an administrator, ``visit("ann", administrator=False)`` a learner."""

    def launch(
        subject: str = "sam", *, administrator: bool = True, person: int | None = None, locale: str = ""
    ) -> Visitor:
        visitor = Launch(
            HOST, person, subject, subject.title(), is_administrator=administrator, purpose="launch", locale=locale
        )
        with world.runtime.db.write() as session:
            handle, _secret = open_session(session, world.runtime, visitor)
        return Visitor(app.test_client(), handle)

    return launch


@pytest.fixture
def settle(world: World) -> Callable[[], None]:
    def work() -> None:
        while settle_people(world.runtime, HOST) + settle_certifications(world.runtime, HOST):
            pass

    return work
