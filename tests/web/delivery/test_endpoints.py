"""Endpoints: made, tested, changed over, paused and read about on their pages; a secret is shown once."""

from __future__ import annotations

import re
from dataclasses import replace

from flask import Flask
from sqlalchemy import select

from plugin.core.clock import Clock
from plugin.core.journal import record
from plugin.delivery.endpoints.event_calls import DISABLED_AFTER
from plugin.delivery.tables import Endpoint
from plugin.jobs.event_sender import send_events
from tests.delivery.endpoints import receiving
from tests.in_turn import in_turn
from tests.web.conftest import Visit
from tests.world import HOST, World

NEW = {
    "url": "https://warehouse.example/hook",
    "name": "Data <b>warehouse</b>",
    "type": ["learner.enrolled"],
    "form": "f1",
}


def secret_in(page: str) -> str | None:
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", page)
    return found[0] if found else None


def endpoints(world: World) -> list[Endpoint]:
    with world.runtime.db.read() as session:
        return list(session.scalars(select(Endpoint).order_by(Endpoint.id)))


def test_a_secret_is_shown_when_it_is_made_and_never_again(world: World, visit: Visit) -> None:
    one = visit()
    assert "Tell other systems what happens" in one.page("/endpoints")
    answer = one.post("/endpoints/new", NEW)
    assert answer.status_code == 201
    secret = secret_in(answer.text)
    assert secret == endpoints(world)[0].secret
    assert secret_in(one.page("/endpoints/1")) is None
    again = one.post("/endpoints/new", NEW)  # the browser's Reload
    assert again.status_code == 303
    assert len(endpoints(world)) == 1
    assert "Data &lt;b&gt;warehouse" in one.page("/endpoints")
    turned = one.post("/endpoints/1/secret", {"overlap": "3600", "form": "f2"})
    assert secret_in(turned.text) not in (None, secret)
    assert "signs too until" in turned.text
    assert one.post("/endpoints/1/secret", {"overlap": "3600", "form": "f2"}).status_code == 303
    assert secret_in(one.page("/endpoints/1/edit")) is None


@in_turn(
    ("change", "words"),
    [({"url": ""}, "Enter the address"), ({"url": "ftp://x.example"}, "web address"), ({"type": []}, "at least one event"),
     ({"type": ["endpoint.ping"]}, "at least one event"), ({"url": "https://" + "x" * 1100}, "too long"),
     ({"url": "https://a:b@x.example"}, "password")],
)  # fmt: skip
def test_what_cannot_be_is_said_and_what_was_entered_stays(
    world: World, visit: Visit, change: dict[str, object], words: str
) -> None:
    answer = visit().post("/endpoints/new", NEW | change)
    assert answer.status_code == 400
    assert words in answer.text
    assert "Data &lt;b&gt;warehouse" in answer.text
    assert endpoints(world) == []


def test_a_private_address_is_refused_where_the_settings_do_not_allow_it(
    world: World, app: Flask, visit: Visit
) -> None:
    one = visit()
    app.extensions["muster"] = replace(
        world.runtime, settings=replace(world.runtime.settings, allow_private_addresses=False)
    )
    for url in ("https://10.0.0.1/x", "https://localhost/x", "https://169.254.169.254/", "http://example.org/"):
        answer = one.post("/endpoints/new", NEW | {"url": url})
        assert answer.status_code == 400
        assert "not allowed here" in answer.text or "are allowed here" in answer.text
    assert endpoints(world) == []


def test_a_ping_shows_request_and_response_and_a_delivery_can_be_sent_again(world: World, visit: Visit) -> None:
    one, runtime = visit(), world.runtime
    with receiving(lambda _got: (200, {}, b'{"thanks": "<script>alert(1)</script>"}')) as friendly:
        one.post("/endpoints/new", NEW | {"url": friendly.url})
        answer = one.post("/endpoints/1/ping")
        page = one.page(answer.headers["Location"].split("/t/")[1].partition("/")[2].join(["/", ""]))
        assert "The receiver took it: it answered 200." in page
        assert "webhook-signature: v1," in page
        assert "&lt;script&gt;alert(1)" in page
        with runtime.db.write() as session:
            record(session, HOST, runtime.clock.now(), "rule", "enrolled", certification=1, person=1)
        send_events(runtime, HOST)
        sent = one.post("/endpoints/1/redeliver", {"action": "2"})
        assert sent.headers["Location"].endswith("sent=1")
        assert "1 event is sent again." in one.page("/endpoints/1?sent=1")
        send_events(runtime, HOST)
        assert [got.message["type"] for got in friendly.got] == ["endpoint.ping", *["learner.enrolled"] * 2]
        assert "2 attempts" in one.page("/endpoints/1?type=learner.enrolled")
        assert "None of these" in one.page("/endpoints/1?state=failed")
        for form in ({}, {"action": ""}, {"n": "x"}, {"n": "9" * 30}):
            assert one.post("/endpoints/1/redeliver", form).status_code in (400, 422)


def test_one_that_muster_disabled_is_announced_and_can_be_resumed(world: World, visit: Visit) -> None:
    one, runtime = visit(), world.runtime
    with receiving(lambda _got: 500) as down:
        one.post("/endpoints/new", NEW | {"url": down.url})
        for moment in (0, DISABLED_AFTER + 1):
            now = replace(runtime, clock=Clock(runtime.clock.now() + moment))
            with runtime.db.write() as session:
                record(session, HOST, now.clock.now(), "rule", "enrolled", certification=1, person=1 + moment)
            send_events(now, HOST)
    page = one.page("/endpoints")
    assert "Muster disabled" in page
    assert "Nothing was taken for 5 days." in page
    assert (
        one.page("/certifications").count('1<span class="vh"> waiting</span>') == 1
    )  # at System, which has no tabs here
    assert one.post("/endpoints/1/state", {"state": "active"}).status_code == 303
    assert "Muster disabled" not in one.page("/endpoints")
    assert one.post("/endpoints/1/state", {"state": "asleep"}).status_code in (400, 422)


def test_removing_asks_first(world: World, visit: Visit) -> None:
    one = visit()
    one.post("/endpoints/new", NEW)
    assert "told nothing more" in one.page("/endpoints/1/remove")
    assert one.post("/endpoints/1/remove").status_code == 303
    assert one.get("/endpoints/1").status_code == 404


def test_only_administrators_see_endpoints(world: World, visit: Visit) -> None:
    visit().post("/endpoints/new", NEW)
    learner = visit("ann", administrator=False, person=1)
    for path in ("/endpoints", "/endpoints/new", "/endpoints/1", "/endpoints/1/edit", "/endpoints/1/remove"):
        assert learner.get(path).status_code == 403
    for path in ("new", "1/edit", "1/secret", "1/state", "1/ping", "1/remove", "1/redeliver"):
        assert learner.post(f"/endpoints/{path}", NEW).status_code == 403
    assert len(endpoints(world)) == 1
