"""Hosts under test: what the suite needs to do to a host, said for each dialect."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plugin.core.clock import Clock
from plugin.core.network.http import Outbound
from plugin.core.network.signing import signed_headers
from plugin.hosts import webhook
from plugin.hosts.moodle import people as moodle_people
from plugin.hosts.moodle.host import MoodleHost
from plugin.hosts.port import ConnectionSpec, HostDialect, Outcome
from plugin.hosts.webhook import WebhookHost
from tests.hosts.fake_moodle import FakeMoodle, serve_moodle
from tests.live import Sandbox, serve_sandbox

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MAPPING = {"organisation": "profile:orgpath", "position": "profile:position", "manager": "profile:manager"}


class Case(ABC):
    """One host with at least forty people, two courses and an audience.

    :ivar kinds: what it gives in full. :ivar courses: two course ids. :ivar by_polling: it has no deltas.
    :ivar troubles: what it can be made to suffer.
    """

    kinds: Sequence[str] = ("people", "units", "jobs", "audiences", "members", "courses")
    courses: tuple[str, str]
    by_polling = False
    judged_by_form: Sequence[str] = ()
    """Kinds whose ids have a form: what has another is none of them, and is not said to be gone."""
    troubles: Sequence[str] = ("waits", "down", "html", "garbled", "locked")

    @abstractmethod
    def host(self) -> HostDialect:
        """A new object of the dialect, as each pull and each drain makes one."""

    @abstractmethod
    def people(self) -> list[str]:
        """Ids of active people whom nobody is enrolled as yet."""

    @abstractmethod
    def rename(self, person: str, name: str) -> None: ...

    @abstractmethod
    def delete(self, person: str) -> None: ...

    @abstractmethod
    def enrol_by_hand(self, person: str, course: str) -> None: ...

    @abstractmethod
    def roster(self, course: str) -> set[str]: ...

    @abstractmethod
    def trouble(self, what: str) -> None:
        """``waits``, ``down``, ``html``, ``garbled``, ``locked``, or empty for none."""

    @abstractmethod
    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None: ...

    @abstractmethod
    def hint(self, person: str) -> tuple[Mapping[str, str], bytes]:
        """An authentic message that this person changed."""

    # --- the same for all

    def write(self, *items: Mapping[str, Any], call: str = "msg_1") -> list[Outcome]:
        """One call, as the drain makes it."""
        host = self.host()
        body = host.prepare("seats", items, "")
        body = host.look("seats", body) or body
        reply = host.send(call, "seats", body)
        assert reply.outcomes is not None
        return sorted(reply.outcomes, key=lambda one: one.key)


def seat(person: str, course: str, want: str = "in", generation: int = 1, ours: bool = False) -> dict[str, Any]:
    """One item of a call."""
    return {
        "seat": f"{course}.{person}",
        "generation": generation,
        "person": person,
        "course": course,
        "want": want,
        "ours": ours,
    }


class SandboxCase(Case):
    """The generic host API, with the sandbox behind it."""

    courses = ("c1", "c2")

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        given = sandbox.connection
        self.spec = ConnectionSpec(
            "sandbox", "webhook", given["api_url"], given["api_token"], given["webhook_url"], given["webhook_secret"]
        )

    def host(self) -> HostDialect:
        return WebhookHost(self.spec, Outbound(allow_private=True), Clock())

    def people(self) -> list[str]:
        rows = self.sandbox.api("people").json()["items"]
        return [row["id"] for row in rows if row["state"] == "active"]

    def rename(self, person: str, name: str) -> None:
        store = self.sandbox.app.config["STORE"]
        row = next(one for one in self.sandbox.api("people").json()["items"] if one["id"] == person)
        with store.write():
            store.put("people", [{**row, "name": name}])

    def delete(self, person: str) -> None:
        self.sandbox.act("delete", person=person)

    def enrol_by_hand(self, person: str, course: str) -> None:
        self.sandbox.act("enrol-by-hand", person=person, course=course)

    def roster(self, course: str) -> set[str]:
        return self.sandbox.roster(course)

    def trouble(self, what: str) -> None:
        moods = {"waits": "failing", "down": "down", "html": "html", "garbled": "garbage", "locked": "ok", "": "ok"}
        self.sandbox.act("mood", mood=moods[what])
        token = "not the token" if what == "locked" else self.sandbox.connection["api_token"]
        self.spec = ConnectionSpec(
            "sandbox", "webhook", self.spec.api_url, token, self.spec.webhook_url, self.spec.webhook_secret
        )

    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(webhook, "PAGE", 20)

    def hint(self, person: str) -> tuple[Mapping[str, str], bytes]:
        return standard_hint(self.spec.webhook_secret, person)


def standard_hint(secret: str, person: str) -> tuple[Mapping[str, str], bytes]:
    """A hint signed as Standard Webhooks."""
    body = json.dumps({"type": "person.changed", "timestamp": "2026-01-01T00:00:00Z", "data": {"ids": [person]}})
    return signed_headers(secret, "h1", body, at=int(time.time())), body.encode()


class MoodleCase(Case):
    """Moodle's REST services, with the recorded Moodle behind them."""

    courses = ("11", "12")
    by_polling = True
    judged_by_form = Case.kinds

    def __init__(self, fake: FakeMoodle) -> None:
        self.fake = fake
        self.spec = ConnectionSpec(
            "moodle", "moodle", fake.base, fake.token, hooks_secret=SECRET, mapping=MAPPING, settings={"role": 5}
        )

    def host(self) -> MoodleHost:
        return MoodleHost(self.spec, Outbound(allow_private=True), Clock())

    def people(self) -> list[str]:
        return [str(number) for number in sorted(self.fake.users) if number > 2]

    def rename(self, person: str, name: str) -> None:
        self.fake.user(int(person), firstname=name.split()[0], lastname=name.split()[-1])

    def delete(self, person: str) -> None:
        self.fake.delete(int(person))

    def enrol_by_hand(self, person: str, course: str) -> None:
        from tests.hosts.fake_moodle import TEACHER, Enrolment

        self.fake.enrolments[int(course), int(person)] = Enrolment(role=TEACHER, start=77)

    def roster(self, course: str) -> set[str]:
        return {str(user) for user in self.fake.roster(int(course))}

    def trouble(self, what: str) -> None:
        self.fake.mood = {"waits": "maintenance", "down": "down", "html": "html", "garbled": "garbage"}.get(what, "ok")
        self.fake.token = "revoked" if what == "locked" else "t0ken"

    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(moodle_people, "DETAILS", 20)

    def hint(self, person: str) -> tuple[Mapping[str, str], bytes]:
        event = {"eventname": "\\core\\event\\user_updated", "objectid": int(person), "crud": "u", "timecreated": 1}
        body = json.dumps({**event, "host": self.fake.base}).encode()
        return {"X-Moodle-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}, body


@contextmanager
def serve_case(name: str, folder: Path) -> Iterator[Case]:
    """A host of this dialect on a real socket."""
    if name == "webhook":
        with serve_sandbox(folder / "sandbox", people=60, units=10) as sandbox:
            yield SandboxCase(sandbox)
    else:
        with serve_moodle(60) as fake:
            yield MoodleCase(fake)
