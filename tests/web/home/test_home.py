"""Home, search and people: every number leads to exactly those it counts, and each reader sees what is hers."""

from __future__ import annotations

import re
from html import unescape

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from plugin.access.grants import RequestedGrant, add
from plugin.access.rights import SHELL
from plugin.core.database.bulk import run
from plugin.core.days import local_day
from plugin.core.db import Database
from plugin.core.journal import record
from plugin.delivery.tables import Message
from plugin.enrolment.checking.daily import FOUND, LAST
from plugin.mirror.lookup.search import reindex
from plugin.mirror.tables import Person, Unit
from tests.web.conftest import Visit, Visitor
from tests.world import HOST, World, row

DAY = 86_400
ASSIGN = {"time_allowance": "assign"}


@pytest.fixture
def company(world: World) -> World:
    """FS: ann long overdue, bea since yesterday, cid due in 3 days, dov in 20; OTHER: eve's date asks a question."""
    day = {name: world_day(world.now + days * DAY) for name, days in
           (("ann", -40), ("bea", -1), ("cid", 3), ("dov", 20))}  # fmt: skip
    world.save("FS", *(row("individual", name, due={"fixed": at}) for name, at in day.items()), exceptions=ASSIGN)
    world.save("OTHER", row("individual", "eve", due={"after": "course_completion", "course": "c1", "add": "1 day"}))
    with world.runtime.db.write() as session:
        reindex(session, HOST, Person, ("name",), list(session.scalars(select(Person.id))))
        reindex(session, HOST, Unit, ("name",), list(session.scalars(select(Unit.id))))
    return world


def world_day(at: int) -> str:
    return local_day(at, "Europe/London").isoformat()


def numbers(page: str) -> dict[str, tuple[int, str]]:
    """The tiles: label, number and where it leads."""
    found = re.findall(r'<dt>([^<]+)</dt><dd class="big[^"]*"><a href="([^"]+)">(\d+)<', page)
    return {unescape(label): (int(size), unescape(address)) for label, address, size in found}


def behind(visitor: Visitor, address: str) -> int:
    """How many rows the list at an address has."""
    page = visitor.page(re.sub(r"^/t/[^/]+", "", address))
    total = re.search(r"(\d+) rows?|of (\d+)", page)
    return int(next(one for one in total.groups() if one)) if total else 0  # type: ignore[union-attr]


def test_each_number_leads_to_those_it_counts(company: World, visit: Visit) -> None:
    sam = visit()
    page = sam.page("/home")
    shown = numbers(page)
    assert {label: size for label, (size, _address) in shown.items()} == {
        "Overdue": 2, "Due within 7 days": 1, "Expiring within 30 days": 0, "Exceptions": 1,
    }  # fmt: skip
    for label in ("Overdue", "Due within 7 days"):
        assert behind(sam, shown[label][1]) == shown[label][0], label
    assert shown["Exceptions"][1].endswith("/certifications/2/exceptions")
    assert "1 since last week" in page
    (newly,) = re.findall(r'href="([^"]+)">1 since last week', page)
    assert behind(sam, unescape(newly)) == 1
    people = sam.page("/people")
    assert re.findall(r"<bdi>(Ann|Bea|Cid|Dov|Eve)</bdi></a>", people) == ["Ann", "Bea", "Cid", "Dov", "Eve"]


def test_an_administrator_of_one_certification_meets_its_numbers_alone(
    company: World, visit: Visit, db: Database
) -> None:
    with db.write() as session:
        wanted = RequestedGrant("certification", subject="kim", certifications=(2,))
        add(session, HOST, wanted, by=SHELL, at=company.now, who="test")
    kim = visit("kim", administrator=False)
    page = kim.page("/home")
    assert {label: size for label, (size, _address) in numbers(page).items()} == {
        "Overdue": 0, "Due within 7 days": 0, "Expiring within 30 days": 0, "Exceptions": 1,
    }  # fmt: skip
    assert "FS" not in page
    assert "System" not in page
    assert "Fs" not in kim.page("/people/ann")
    assert kim.get("/system").status_code == 403


def test_who_has_no_certification_reads_why_and_what_would_change_that(
    world: World, visit: Visit, db: Database
) -> None:
    with db.write() as session:
        legal = session.scalars(select(Unit.id).where(Unit.host_id == HOST, Unit.ext == "legal")).one()
        for wanted in (RequestedGrant("area", subject="kim", units=(legal,)), RequestedGrant("auditor", subject="lou")):
            add(session, HOST, wanted, by=SHELL, at=world.now, who="test")
    kim, lou = visit("kim", administrator=False), visit("lou", administrator=False)
    for path in ("/home", "/certifications", "/reports"):
        assert "No certification is open to your area" in kim.page(path)
        assert "Choose its courses" not in kim.page(path) + lou.page(path)
        assert "No certification is open" not in lou.page(path) + visit().page(path)
    assert "Choose its courses" in visit().page("/home")
    assert "What waits today" in lou.page("/home")


def test_search_finds_people_certifications_and_units_and_exact_names_first(company: World, visit: Visit) -> None:
    sam = visit()
    assert "/people/ann" in sam.page("/search?q=ann")
    assert "/certifications/2/" in sam.page("/search?q=other")
    assert "organisation=legal" in sam.page("/search?q=leg")
    assert "Nothing matches “nobody here”." in sam.page("/search?q=nobody+here")
    company.units(("Big sales", None), ("A sales team", None))
    with company.runtime.db.write() as session:
        reindex(session, HOST, Unit, ("name",), list(session.scalars(select(Unit.id))))
    found = re.findall(r"organisation=[^\"]+\"><bdi>([^<]+)", sam.page("/search?q=Sales"))
    assert found == ["sales", "A sales team", "Big sales"]


def test_a_person_stands_with_her_jobs_managers_and_certifications(company: World, visit: Visit) -> None:
    company.job("j-bea", "bea", "north", boss="j-ann", starts=company.now - 90 * DAY)
    page = visit().page("/people/bea")
    assert "organisation=north" in page
    assert 'people/ann"><bdi>Ann</bdi>' in page
    assert "1 day overdue" in page
    assert "Individual: <bdi>Bea</bdi>" in page
    assert visit().get("/people/nobody").status_code == 404
    assert visit("ann", administrator=False, person=1).get("/people/bea").status_code == 403
    people = visit().page("/people?organisation=sales")
    assert re.findall(r"<bdi>(Ann|Bea|Cid|Dov|Eve)</bdi></a>", people) == ["Ann", "Bea", "Cid", "Dov"]


def test_what_a_learner_needs_is_done_on_her_own_page(company: World, visit: Visit) -> None:
    sam = visit()
    later = world_day(company.now + 60 * DAY)
    moved = sam.post("/certifications/1/learners/ann/extend", {"to": later, "back": "person"})
    assert moved.location.endswith("/people/ann")
    assert "day overdue" not in sam.page("/people/ann")
    answered = sam.post("/certifications/2/exceptions", {"person": "eve", "action": "dismiss", "back": "person"})
    assert answered.location.endswith("/people/eve")
    assert numbers(sam.page("/home"))["Exceptions"][0] == 0  # answered is answered, settled or not
    company.settle()
    on = sam.post("/people/cid/assign", {"certification": "2", "target": "cid"})
    assert on.status_code == 307
    assert on.location.endswith("/certifications/2/assignments/add/individual/confirm")
    assert sam.post("/people/cid/assign", {"certification": "2", "target": "dov"}).status_code == 400
    happened = sam.page("/people/ann")
    assert "Date moved later" in happened
    assert "Enrolled" in happened


def test_the_learners_tab_finds_those_who_are_late_or_done(company: World, visit: Visit) -> None:
    sam = visit()

    def listed(query: str) -> list[str]:
        return re.findall(
            r"rowheader\">(?:<input[^>]*>)?\s*<a [^>]*><bdi>(\w+)", sam.page(f"/certifications/1/learners?{query}")
        )

    assert listed("standing=overdue") == ["Ann", "Bea"]
    assert listed("standing=newly_overdue") == ["Bea"]
    assert listed("standing=due_30") == ["Cid", "Dov"]
    assert listed("sort=-due") == ["Dov", "Cid", "Bea", "Ann"]
    assert listed("standing=certified") == []
    page = sam.page("/certifications/1/learners")
    assert "40 days overdue" in page
    assert "Due in 3 days" in page
    overview = sam.page("/certifications/1/overview")
    for name, size in (("overdue", 2), ("due_30", 2), ("enrolled", 4)):
        assert re.search(rf"standing={name}\">{size}<", overview), name


def test_a_message_is_sent_again_once_a_day(company: World, visit: Visit, db: Database) -> None:
    notify = ({"when": "assigned", "to": ["learner"]},)
    company.save("TOLD", row("individual", "ann"), notifications=notify)
    with db.write() as session:
        (message,) = session.scalars(select(Message)).all()
        message.state, message.sent_at, message.created = "sent", company.now - 2 * DAY, company.now - 2 * DAY
        number = message.id
    sam = visit()
    assert "Send again" in sam.page("/people/ann")
    path = "/certifications/3/learners/ann/message"
    assert sam.post(path, {"message": str(number), "back": "person"}).status_code == 303
    again = sam.post(path, {"message": str(number)})
    assert again.status_code == 409
    assert "It can be sent again tomorrow." in again.text
    assert sam.post("/certifications/1/learners/ann/message", {"message": str(number)}).status_code == 404
    with db.read() as session:
        assert sorted(one.state for one in session.scalars(select(Message))) == ["owed", "sent"]


@pytest.mark.plants_drift
def test_what_the_daily_check_found_stands_on_system(company: World, visit: Visit, db: Database) -> None:
    none, some = "The daily check has found no difference", "2 differences were found and mended by the daily check"
    assert none in visit().page("/system")
    with db.write() as session:
        for name, value in ((FOUND, 2), (LAST, company.now)):
            run(session, "INSERT INTO counter (host_id, name, value) VALUES (?, ?, ?)", HOST, name, value)
        theirs = BitMap(session.scalars(select(Person.id).where(Person.ext.in_(["ann", "bea"]))))
        record(session, HOST, company.now, "rule", "drift_repaired", certification=1, people=theirs)
    sam = visit()
    page = sam.page("/system")
    assert some in page
    address = re.search(r'<a href="/t/handle([^"]+drift_repaired[^"]+)">', page)
    assert address is not None
    people = sam.page(unescape(address[1]))
    assert "Showing 2 of 2" in people
    assert "Ann" in people
    assert "Bea" in people
