"""Pages say what happened in words of the reader's language; files and the API keep the words of the contract."""

from __future__ import annotations

import pytest
from flask import Flask

from plugin.core.tables import Journal
from plugin.reports.sources.happenings import WHATS
from plugin.web.certifications.happening_words import what_words
from plugin.web.certifications.history_words import act_words, effect_words
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


@pytest.mark.parametrize(("language", "act", "effect"), [
    ("en-GB", "More time asked for", "2 now: Course places differed at the learning site"),
    ("de", "Um mehr Zeit gebeten", "2 jetzt: Kursplätze wichen auf der Lernplattform ab"),
])  # fmt: skip
def test_a_history_has_no_word_that_is_only_english(app: Flask, language: str, act: str, effect: str) -> None:
    entry = Journal(host_id=1, n=1, at=0, who="eve", what="extension_asked", reason="", data={}, count=1)
    with app.test_request_context(headers={"Accept-Language": language}):
        assert act_words(entry, "Ann", "Europe/London") == act
        assert effect_words("drift", "", 2)[0] == effect
