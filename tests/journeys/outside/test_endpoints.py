"""An administrator subscribes an address of hers, sees what reaches it, and sees what the learning site hinted at."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.delivery.endpoints import independently_verified, receiving
from tests.journeys.administrator import WITHIN, Administrator
from tests.journeys.conftest import Running


@pytest.mark.journey
def test_an_endpoint_follows_along_and_incoming_tells_of_hints(browser: Any, running: Running) -> None:
    sam = Administrator(browser, running)
    page = sam.page
    with receiving(lambda _got: (200, {}, b'{"received": true}')) as warehouse:
        page.get_by_role("link", name="System").first.click()
        page.get_by_role("link", name="Endpoints", exact=True).first.click()
        sam.picture("endpoints-empty")
        page.get_by_role("link", name="Add an endpoint").click()
        page.get_by_role("textbox", name="Address").fill(warehouse.url)
        page.get_by_label("Name (optional)").fill("Data warehouse")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("alert")).to_contain_text("Choose at least one event.")
        page.get_by_role("checkbox", name="Reading the learning site ended well").check()
        page.get_by_role("checkbox", name="Somebody is enrolled").check()
        sam.picture("endpoint-form")
        page.get_by_role("button", name="Add").click()
        secret = page.get_by_role("textbox", name="Signing secret").input_value()
        sam.picture("endpoint-secret")
        page.get_by_role("button", name="Send a test ping").click()
        expect(page.get_by_role("status").first).to_contain_text("The receiver took it: it answered 200.")
        sam.picture("endpoint-delivery")
        (ping,) = warehouse.got
        assert independently_verified(secret, ping.headers, ping.body, int(time.time()))
        running.act("suspend", person="U-9", hint=True)
        page.get_by_role("link", name="Certifications", exact=True).first.click()
        page.get_by_role("link", name="System").first.click()
        page.get_by_role("link", name="Hosts", exact=True).first.click()
        page.get_by_role("button", name="Read what changed").first.click()
        warehouse.judge = lambda _got: (500, {}, b"<h1>Internal error</h1>")
        page.get_by_role("button", name="Read what changed").first.click()
        until = time.monotonic() + WITHIN
        while len(warehouse.got) < 3 and time.monotonic() < until:
            time.sleep(0.2)
        assert [got.message["type"] for got in warehouse.got][:3] == ["endpoint.ping", *["sync.completed"] * 2]
        page.get_by_role("link", name="Incoming").first.click()
        expect(page.get_by_role("cell", name="record changed").first).to_be_visible(timeout=WITHIN * 1000)
        sam.picture("incoming")
        page.get_by_role("link", name="Certifications", exact=True).first.click()
        page.get_by_role("link", name="System").first.click()
        page.get_by_role("link", name="Endpoints", exact=True).first.click()
        sam.picture("endpoints")
        page.get_by_role("link", name="Data warehouse").click()
        sam.picture("endpoint")
        page.get_by_role("link", name="Remove").click()
        sam.picture("endpoint-remove")
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("heading", name="Tell other systems what happens")).to_be_visible()
    page.context.close()
