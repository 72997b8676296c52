"""The report of the history says what happened in words on a page; files and the API keep the words of the contract."""

from __future__ import annotations

from flask import Flask

from plugin.reports.sources.happenings import WHATS
from plugin.web.reports.happening_words import what_words
from tests.web.conftest import Visit
from tests.world import World, row


def test_everything_that_stands_in_the_history_has_words(app: Flask) -> None:
    with app.test_request_context():
        assert [one for one in WHATS if what_words(one) == one] == []


def test_the_page_says_what_happened_in_words_and_its_file_as_the_contract_does(world: World, visit: Visit) -> None:
    world.save("fs", row("individual", "ann"), state="live")
    sam = visit()
    page = sam.page("/reports/history?certification=fs")
    assert ">Enrolled<" in page
    assert ">Changes saved<" in page
    assert ">enrolled<" not in page
    file = sam.get("/reports/history/file.csv?certification=fs&columns=who,what")
    assert ",enrolled" in file.data.decode("utf-8-sig")
    file.close()
