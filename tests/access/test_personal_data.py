"""One person's data: everything held about her given out, and erased everywhere once the host has deleted her (ACCESS 7)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.access.personal import retention
from plugin.access.personal.erase import erase, texts_naming
from plugin.access.personal.export import everything, person_named
from plugin.access.personal.held_data import BY_NAME, BY_PERSON, BY_SET, WHO
from plugin.core.errors import RefusedByRule
from plugin.core.journal import record
from plugin.core.tables import Host, Journal
from plugin.delivery.tables import Message, Seat
from plugin.enrolment.tables import Enrolment
from plugin.mirror.lookup.search import find, reindex
from plugin.mirror.sources.tables import SourceLoad
from plugin.mirror.tables import DELETED, Person
from plugin.schema import metadata
from tests.digest import text_of
from tests.web.conftest import Visit
from tests.world import HOST, World, row

NAME, MAIL, NUMBER = "Quirina Zwetschge", "quirina@example.test", "Q-4711"


def test_every_column_that_holds_a_person_is_in_the_list() -> None:
    found = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name in ("person", "learner", "recipient", "owner_person", "pinned", "ghost")
        and table.name != "person"
    }
    listed = {(name, one) for names in (BY_PERSON, BY_NAME) for name, columns in names.items() for one in columns}
    assert found <= listed
    assert {name for table in metadata.sorted_tables if "people" in table.c for name in [table.name]} <= set(BY_SET)
    for names in (BY_PERSON, BY_NAME, WHO):
        assert all(column in metadata.tables[name].c for name, columns in names.items() for column in columns)


@pytest.fixture
def company(world: World, settle: Callable[[], None]) -> World:
    """``cid`` is Quirina: enrolled, written to, spoken of, and in a file that waits."""
    with world.runtime.db.write() as session:
        session.execute(
            update(Person).where(Person.ext == "cid").values(
                name=NAME, given_name="Quirina", family_name="Zwetschge", email=MAIL, username="quirina", number=NUMBER,
                fields={"shoe": "41"},
            )
        )  # fmt: skip
        session.flush()
        reindex(session, HOST, Person, ("name", "email"), [3])
    world.save("FS", row("organisation", "sales", "below"), name="Food",
               content={"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]})  # fmt: skip
    settle()
    with world.runtime.db.write() as session:
        session.add(Message(host_id=HOST, id=900, key="k", notification=1, when="assigned", certification=1, learner=3,
                            recipient=3, state="sent", subject="Dear Quirina", text=f"Dear {NAME}", created=world.now))  # fmt: skip
        session.add(SourceLoad(host_id=HOST, id=1, source=1, state="waits", at=world.now,
                               content=zlib.compress(f"id;name\nE1;{NAME}\n".encode())))  # fmt: skip
        record(
            session, HOST, world.now, f"{NAME} (cid)", "exempted", certification=1, person=2, reason=f"as {NAME} asked"
        )
    return world


def _delete(world: World, *, seats: bool = False) -> None:
    with world.runtime.db.write() as session:
        session.execute(update(Person).where(Person.ext == "cid").values(state=DELETED, gone_at=world.now))
        if not seats:
            session.execute(update(Seat).where(Seat.person == 3).values(owed=False))


def test_everything_held_about_her_is_given_out_and_nothing_of_others(company: World) -> None:
    with company.runtime.db.read() as session:
        document = everything(session, HOST, person_named(session, HOST, "cid"), at=company.now)
    held = document["held"]
    assert {"person", "enrolment", "job", "message", "seat", "journal"} <= set(held)
    assert held["person"][0]["email"] == MAIL
    assert held["message"][0]["text"] == f"Dear {NAME}"
    text = json.dumps(document, default=str)
    assert all(name not in text for name in ("Ann", "Bea", "Dov"))
    assert "secret" not in text


def test_whoever_is_still_there_is_not_erased(company: World) -> None:
    def attempt() -> Any:
        return company.runtime.db.transact(
            lambda session: erase(session, HOST, "cid", at=company.now, who="t", blank_texts=True)
        )

    with pytest.raises(RefusedByRule, match="still has this person"):
        attempt()
    _delete(company, seats=True)
    with company.runtime.db.write() as session:
        session.execute(update(Seat).where(Seat.person == 3).values(owed=True))
    with pytest.raises(RefusedByRule, match="still to be withdrawn"):
        attempt()
    assert NAME in text_of(company.runtime.db)


def test_nothing_names_her_any_more_anywhere(company: World) -> None:
    _delete(company)
    with company.runtime.db.read() as session:
        texts = texts_naming(session, HOST, person_named(session, HOST, "cid"))
        before = session.scalars(select(Enrolment.state).where(Enrolment.person == 3)).all()
    assert [(one.table, one.column) for one in texts] == [("journal", "reason")]
    company.runtime.db.transact(lambda session: erase(session, HOST, "cid", at=company.now, who="t", blank_texts=True))
    stored = text_of(company.runtime.db)
    for one in (NAME, "Quirina", "Zwetschge", MAIL, NUMBER, "quirina"):
        assert one not in stored, one
    with company.runtime.db.read() as session:
        person = session.get_one(Person, (HOST, 3))
        assert (person.ext, person.fields, person.state) == ("erased:3", {}, DELETED)
        assert session.scalars(select(Enrolment.state).where(Enrolment.person == 3)).all() == before
        entry = session.scalars(select(Journal).where(Journal.what == "exempted")).one()
        assert (entry.who, entry.reason) == ("person 3", "as person 3 asked")
        assert session.scalars(select(Journal.person).where(Journal.what == "person_erased")).all() == [3]
        assert find(session, HOST, "person", "Quirina").total == 0


def test_texts_may_stay_as_they_are(company: World) -> None:
    _delete(company)
    company.runtime.db.transact(lambda session: erase(session, HOST, "cid", at=company.now, who="t", blank_texts=False))
    with company.runtime.db.read() as session:
        entry = session.scalars(select(Journal).where(Journal.what == "exempted")).one()
    assert (entry.who, entry.reason) == ("person 3", f"as {NAME} asked")


def test_pages_show_give_out_and_erase(company: World, visit: Visit) -> None:
    sam = visit("sam")
    assert MAIL in sam.page("/people/cid/personal-data")
    file = sam.get("/people/cid/personal-data.json")
    assert file.json["person"] == "cid"
    with company.runtime.db.read() as session:
        assert session.scalars(select(Journal.person).where(Journal.what == "export_begun")).all() == [3]
    assert sam.post("/people/cid/erase", {"confirm": "cid", "texts": "blank"}).status_code == 409
    _delete(company)
    assert NAME in sam.page("/people/cid/personal-data")
    assert sam.post("/people/cid/erase", {"confirm": "dov", "texts": "blank"}).status_code == 400
    assert sam.post("/people/cid/erase", {"confirm": "cid"}).status_code == 400
    assert sam.post("/people/cid/erase", {"confirm": "cid", "texts": "blank"}).status_code == 303
    assert sam.get("/people/cid/personal-data").status_code == 404
    assert NAME not in sam.page("/people/erased:3/personal-data")


def test_whoever_was_deleted_long_enough_is_erased_by_policy(company: World, visit: Visit) -> None:
    sam, day = visit("sam"), 86_400
    values = {"trace_months": "13", "message_days": "0", "load_days": "30", "hint_days": "15", "erase_days": "30"}
    assert sam.post(f"/hosts/{HOST}/retention", {**values, "trace_months": "0"}).status_code == 400
    assert sam.post(f"/hosts/{HOST}/retention", values).status_code == 303
    _delete(company)
    for after, erased in ((29 * day, 0), (31 * day, 1), (32 * day, 0)):
        with company.runtime.db.write() as session:
            assert retention.erase_due(session, HOST, company.now + after) == erased
    assert NAME not in text_of(company.runtime.db)


def test_texts_of_messages_go_after_so_many_days(company: World) -> None:
    with company.runtime.db.write() as session:
        retention.tidy(session, HOST, company.now + 400 * 86_400)
        assert session.get_one(Message, (HOST, 900)).text == f"Dear {NAME}"
        host = session.get_one(Host, HOST)
        host.settings = {**host.settings, "message_days": 90}
    with company.runtime.db.write() as session:
        retention.tidy(session, HOST, company.now + 89 * 86_400)
        session.expire_all()
        assert session.get_one(Message, (HOST, 900)).text == f"Dear {NAME}"
        retention.tidy(session, HOST, company.now + 91 * 86_400)
        session.expire_all()
        assert session.get_one(Message, (HOST, 900)).text == ""
