"""The same strings in launches, lists, files, bodies and queries: a sentence or text, never a fault, alike on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select

from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.core.tables import Counter
from plugin.core.text.texts import clean, storable, usable
from plugin.enrolment.doctor import examine
from plugin.lti.errors import LtiRejected
from plugin.lti.keysets import KeySets
from plugin.lti.tables import LaunchSession
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.tables import Person
from plugin.web.launch.lti_routes import visitor
from plugin.web.launch.session import open_session
from tests.api.conftest import Program, app, program, settle, world
from tests.hostile import STRINGS
from tests.lti.conftest import CLIENT, ISSUER, Site, site
from tests.lti.test_launch import launch
from tests.web.conftest import Visit, visit
from tests.web.steps import add, make, save
from tests.web.test_bad_input import upload
from tests.world import World

__all__ = ["app", "program", "settle", "site", "visit", "world"]

SHORT = [text for text in STRINGS if len(text) < 1000]
DEPLOYMENTS: list[Any] = [7, 7.5, True, [], {}, "a\x00b", "\ud800", "x" * 300, ""]


def sent(text: str) -> str:
    """A string as a browser can send it."""
    return text.encode("utf-8", "replace").decode()


def test_a_launch_opens_as_text_or_is_refused_in_a_sentence(runtime: Runtime, site: Site) -> None:
    made = replace(runtime, clock=Clock())
    keysets = KeySets(made.http)
    new = NewHost("lms", ISSUER, CLIENT, "dep-1", f"{ISSUER}/auth", f"{ISSUER}/token", site.url)
    made.db.transact(lambda session: add_host(session, new, 1).id)
    for text in SHORT:
        launched = launch(
            made, keysets, name=text, context={"id": text, "title": text}, locale=text, custom={text: text}
        )
        assert launched.name.split() == clean(text).split()
        assert launched.context == (text if usable(text) else "")
        with made.db.write() as session:
            open_session(session, made, visitor(session, made, launched))
        if usable(text):
            assert launch(made, keysets, sub=text).subject == text
        else:
            with pytest.raises(LtiRejected) as refused:
                launch(made, keysets, sub=text)
            assert storable(str(refused.value))
    for deployment in [*DEPLOYMENTS, *(text for text in SHORT if not usable(text))]:
        with pytest.raises(LtiRejected):
            launch(made, keysets, deployment_id=deployment)
    with made.db.read() as session:
        names = set(session.scalars(select(LaunchSession.name)))
    assert {"<script>alert(1)</script>", "half \ufffd", "ab"} <= names


def test_honest_lines_of_a_list_and_a_file_are_found_between_hostile_ones(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    lines = [sent(text).replace("\r", " ").replace("\n", " ") for text in STRINGS if "\x00" not in text]
    text = "\n".join(["ann", *lines, "bea"])
    assert "Found: 2." in upload(sam, path, text.encode()).text
    add(sam, path, "sales")
    save(sam, path)
    rows = "\n".join(["person,since", "ann,2026-06-01", *(f'"{one.replace(chr(34), chr(34) * 2)}",2026-06-01' for one in lines),
                      *(f'bea,"{one.replace(chr(34), chr(34) * 2)}"' for one in lines), "bea,2026-06-01"])  # fmt: skip
    answer = sam.post(f"{path}/records", {"lines": rows, "dates": "", "action": "look"})
    assert answer.status_code in (200, 400, 409)
    assert "<script>alert" not in answer.text
    for one in STRINGS:
        assert sam.get(f"{path}/learners?q={quote(sent(one)[:500])}").status_code in (200, 400)


def test_bodies_and_queries_of_programs_are_kept_as_text_or_refused(
    program: Callable[..., Program], world: World, settle: Callable[[], None]
) -> None:
    hr = program()
    for number, text in enumerate(STRINGS):
        document = {"version": 1, "certifications": [{"code": f"C{number}", "name": text, "assignments": []}]}
        answer = hr.send("POST", "/apply", document)
        assert answer.status_code in (200, 400, 409, 413, 422), (text[:20], answer.status_code)
        if answer.status_code == 200:
            assert hr.ask("GET", f"/certifications/C{number}")["definition"]["name"] == text.strip()
        reason = {"reason": text, "until": None}
        assert hr.send("PUT", "/certifications/C0/exemptions/ann", reason).status_code < 500
        for path in (f"/people/{quote(sent(text), safe='')}/certifications", f"/certifications?cursor={quote(sent(text))}",
                     f"/certifications/{quote(sent(text), safe='')}"):  # fmt: skip
            if len(path) < 5000:
                assert hr.send("GET", path).status_code < 500, text[:20]
    settle()
    assert [one for one in examine(world.runtime, deep=True) if "unknown" not in one] == []


def test_people_with_hostile_names_are_text_on_every_page(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    for text in SHORT:
        with world.runtime.db.write() as session:
            session.scalars(select(Person).where(Person.ext == "ann")).one().name = clean(text)
        for page in ("/learners", "/assignments", "/learners/ann", "/learners.csv"):
            shown = sam.get(f"{path}{page}")
            assert shown.status_code == 200
            assert "<script>alert" not in shown.text
            assert "<b>bold</b>" not in shown.text


def test_text_longer_than_its_column_is_refused_in_a_sentence(
    world: World, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    if world.runtime.db.sqlite:
        pytest.skip("SQLite keeps text of any length")
    sam = visit()

    def keep(*_all: object, **_more: object) -> None:
        with world.runtime.db.write() as session:
            session.add(Counter(host_id=1, name="x" * 300, value=1))

    monkeypatch.setattr("plugin.reports.saved.store.keep", keep)
    answer = sam.post("/reports/saved/learners", {"name": "Late"})
    assert (answer.status_code, "Something that was entered is too long." in answer.text) == (400, True)
