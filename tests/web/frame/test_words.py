"""Every word of ours on every page can be translated: with a catalogue that brackets what it is asked for, none is left bare."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from babel.support import NullTranslations
from flask import Flask
from werkzeug.routing import Rule

from plugin.core.text import languages
from plugin.delivery.endpoints import subscriptions
from plugin.delivery.endpoints.subscriptions import EnteredSubscription
from plugin.web.frame import reader, words
from tests.web.conftest import Visit, Visitor
from tests.web.steps import add, due, make, picked, save
from tests.world import HOST, World

SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-busy", "data-added", "data-dropped", "label", "data-label")
QUIET = {"script", "style", "bdi", "kbd", "textarea", "code", "output", "option", "noscript"}
"""What holds no words of ours: names and texts of the host and of administrators, keys, values. Options are looked at apart."""
DATA = re.compile(
    r"\d{1,2} [A-Z][a-z]+( \d{4}(, \d\d:\d\d)?)?|\b1 (year|month)\b|person,since,until|[A-Z][a-z]+/[A-Z]\w+|\bUTC\b|\bCSV\b|\bMuster\b|https?://\S+|\S+@\S+"
)


class Bracketed(NullTranslations):
    """Answers every message between brackets, so that what was never asked for is bare."""

    def ugettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ungettext(self, singular: str, plural: str, number: int) -> str:
        return f"⟦{singular if number == 1 else plural}⟧"

    def upgettext(self, context: str, message: str) -> str:
        return f"⟦{message}⟧"

    gettext, ngettext, pgettext = ugettext, ungettext, upgettext  # type: ignore[assignment]


class Reader(HTMLParser):
    """What a page says: its text, and the attributes that are read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("input", "br", "img", "meta", "link", "use", "hr", "wbr"):
            self.open.append(tag)
        self.said += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not QUIET & set(self.open):
            self.said.append(data)


def bare(page: str, names: set[str]) -> Iterator[str]:
    """Words that nobody could translate."""
    reader = Reader()
    reader.feed(page)
    text = "\x00".join(reader.said)
    while "⟦" in text:
        shorter = re.sub(r"⟦[^⟦⟧]*⟧", "", text)
        if shorter == text:
            break
        text = shorter
    for said in text.split("\x00"):
        left = DATA.sub("", said)
        for word in re.findall(r"[^\W\d_]{2,}", left):
            if word.casefold() not in names:
                yield said.strip()
                break


@pytest.fixture
def rich(visit: Visit, world: World, settle: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """An administrator with one of nearly everything: rows of all types, saved and not, learners, a group, an endpoint."""
    world.audience("crew", "ann", "bea")
    world.job("j-eve", "eve", "legal", boss="j-ann")
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "legal")
    sam.post(f"{path}/assignments/add/audience", {"target": ["crew"]})
    sam.post(f"{path}/assignments/add/manager", {"target": ["j-ann"]})
    sam.post(f"{path}/assignments/add/group", {"name": "volunteers", "self_enrol": "on", "withdraw": "on"})
    due(sam, path, "organisation:sales", "2026-11-20")
    save(sam, path)
    settle()
    sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    picked(sam, path, "individual", "dov")
    sam.post(f"{path}/assignments/remove", {"key": "organisation:legal"})
    subscriptions.create(
        world.runtime,
        HOST,
        EnteredSubscription("https://receiver.test/x", "r", ("learner.enrolled",)),
        form="1",
        who="sam",
    )
    monkeypatch.setattr(languages, "catalogue", lambda _language: Bracketed())
    for module in (reader, words):
        monkeypatch.setattr(module, "catalogue", lambda _language: Bracketed())
    return sam


def pages(app: Flask) -> list[Rule]:
    """Every page an administrator may open, and every fragment."""
    return [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and "<handle>" in rule.rule]


PARTS: dict[str, Any] = {
    "certification": 1, "kind": "organisation", "part": "newly", "entry": 2, "person": "ann", "number": HOST, "which": "assigned",
    "group": 5, "endpoint": 1, "connection": 1, "delivery": 1,
}  # fmt: skip
LISTED = "sam ann bea cid dov eve sales north legal crew volunteers food safety level test"
NAMES = set(LISTED.split())
ASKED = ("key=organisation:sales", "q=a", "learner=ann")


def test_every_word_of_every_page_can_be_translated(app: Flask, rich: Visitor, world: World) -> None:
    found, opened = {}, 0
    for rule in pages(app):
        values = {name: PARTS.get(name, 1) for name in rule.arguments if name != "handle"}
        kinds = ("organisation", "audience", "manager", "individual", "group") if "kind" in values else ("",)
        for kind in kinds:
            with app.test_request_context():
                address = app.url_map.bind("").build(
                    rule.endpoint, {**values, **({"kind": kind} if kind else {}), "handle": "x"}
                )
            answer = rich.get(address.removeprefix("/t/x") + "?" + "&".join(ASKED))
            if answer.status_code not in (200, 409) or not answer.content_type.startswith("text/html"):
                continue
            opened += 1
            if left := sorted(set(bare(answer.text, NAMES))):
                found[f"{rule.endpoint} {kind}".strip()] = left
    assert opened > 30
    assert not found, "\n".join(f"{page}: {left}" for page, left in found.items())


DETAILS: dict[str, Any] = {
    "name": "Food", "state": "live", "certification-0-name": "Courses", "certification-0-courses": ["c1", "c2"],
}  # fmt: skip
REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("assignments/add/organisation", {}),
    ("assignments/add/organisation", {"target": ["gone"]}),
    ("assignments/add/organisation", {"target": ["sales"]}),
    ("assignments/add/group", {"name": ""}),
    ("assignments/add/group", {"name": "volunteers"}),
    ("assignments/include", {"key": "organisation:gone", "include": "below"}),
    ("assignments/include", {"key": "organisation:sales", "include": "direct"}),
    ("assignments/due", {"key": "organisation:sales", "kind": "fixed", "date": "1969-01-01"}),
    ("assignments/due", {"key": "organisation:sales", "kind": "fixed", "date": "soon"}),
    ("assignments/due", {"key": "organisation:sales", "kind": "after", "amount": "1000", "unit": "days", "event": "enrolment"}),
    ("details", {**DETAILS, "certification-0-courses": []}),
    ("details", {**DETAILS, "certification-0-needs": "some", "certification-0-least": "3"}),
    ("details", {**DETAILS, "grace": "a while"}),
    ("details", {**DETAILS, "period-active": "1 month", "period-window": "2 months"}),
    ("details", {**DETAILS, "period-active": "1 month"}),
    ("exceptions", {"person": "ann", "action": "assign"}),
    ("exceptions", {"person": ["ann", "bea"], "action": "assign", "confirmed": "2"}),
    ("exceptions", {"view": "answered", "person": "ann", "action": "reopen"}),
    ("learners/ann/extend", {"to": "2020-01-01"}),
    ("learners/dov/extend", {"to": "2031-01-01"}),
    ("learners/ann/exempt", {"reason": ""}),
    ("learners/ann/exempt", {"reason": "x", "until": "2020-01-01"}),
    ("learners/nobody/exempt", {"reason": "x"}),
    ("records", {"lines": "person\nann"}),
    ("history/99/undo", {}),
    ("nothing", {}),
)  # fmt: skip
"""What administrators get wrong, below the pages of a certification."""


def test_what_rooms_below_the_pages_refuse_can_be_translated(rich: Visitor) -> None:
    names = {*NAMES, "gone", "nobody", "courses"}
    path, found = "/certifications/1", {}
    for address, fields in REFUSED:
        answer = rich.post(f"{path}/{address}", fields)
        assert 400 <= answer.status_code < 500, (address, fields, answer.status_code)
        if left := sorted(set(bare(answer.text, names))):
            found[f"{address} {fields}"] = left
    assert not found, "\n".join(f"{page}: {left}" for page, left in found.items())
