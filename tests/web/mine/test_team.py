"""A manager sees her team's certifications, whatever role she came with; nobody sees anybody else's (rules 10)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from plugin.core.tables import Preference
from plugin.delivery.tables import Message
from plugin.enrolment.message_dates import render
from plugin.enrolment.tables import Enrolment, ExtensionRequest
from plugin.mirror.lookup.search import reindex
from plugin.mirror.tables import SUSPENDED, Person
from plugin.reports.team_week import owe_weeks
from tests.conftest import NOW
from tests.web.conftest import Visit
from tests.world import HOST, World, row

ANN, BEA, CID, DOV, EVE = 1, 2, 3, 4, 5
DAY = 86_400
CONTENT = {"certification": [{"name": "Core", "courses": ["c1", "c2"], "needs": "all", "minimum": "1 day"}]}


@pytest.fixture
def led(world: World) -> World:
    """ann leads bea and cid, cid leads dov; bea and dov are in one certification, ann in it too."""
    world.job("j-bea", "bea", "sales", boss="j-ann")
    world.job("j-cid", "cid", "north", boss_person="ann")
    world.job("j-dov", "dov", "north", boss="j-cid")
    world.save("FS2", row("organisation", "legal"), *(row("individual", one) for one in ("ann", "bea", "dov")))
    return world


def shown(page: str) -> list[tuple[str, str]]:
    """Name and certification of each row."""
    rows = re.findall(r'rowheader"><a[^>]*><bdi>(\w+)</bdi></a>.*?<td[^>]*>(.*?)</td>', page, re.S)
    return [(name, re.sub(r"<[^>]*>", "", cell).strip()) for name, cell in rows]


def number(page: str, label: str) -> str:
    """What a counter says."""
    found = re.search(rf"<dt>{label}</dt><dd[^>]*>(.*?)</dd>", page, re.S)
    assert found is not None
    return re.sub(r"<[^>]*>", "", found[1]).strip()


def test_a_manager_sees_her_direct_team_and_on_request_everybody_below(led: World, visit: Visit) -> None:
    ann = visit("ann", administrator=False, person=ANN)
    direct = ann.page("/my/team")
    assert shown(direct) == [("Bea", "Fs2")]
    assert "Without any certification: <bdi>Cid</bdi>." in direct
    below = ann.page("/my/team?include=below")
    assert shown(below) == [("Bea", "Fs2"), ("Dov", "Fs2")]
    with led.runtime.db.write() as session:
        reindex(session, HOST, Person, ["name"], [CID, DOV])
    assert shown(ann.page("/my/team?include=below&q=dov")) == [("Dov", "Fs2")]
    assert "Nobody matches “dov”." in ann.page("/my/team?q=dov")
    assert "/my/team" in ann.page("/my/certifications")
    assert "Dov" in ann.page("/my/team/people/dov")
    assert visit("cid", administrator=False, person=CID).get("/my/team/people/bea").status_code == 404
    assert "bea,Bea" in ann.get("/my/team/file.csv").text
    assert "dov,Dov" not in ann.get("/my/team/file.csv").text


def test_who_leads_nobody_has_no_team_and_reads_so(led: World, visit: Visit) -> None:
    eve = visit("eve", administrator=False, person=EVE)
    assert "Nobody reports to you" in eve.page("/my/team")
    assert "/my/team" not in eve.page("/my/certifications")
    assert visit("nobody", administrator=False).get("/my/team").status_code == 403


def test_a_stand_in_and_a_gone_job_make_no_manager(led: World, visit: Visit) -> None:
    led.job("j-bea", "bea", "sales", boss="j-ann", temporary=True)
    led.drop_job("j-cid")
    assert "Nobody reports to you" in visit("ann", administrator=False, person=ANN).page("/my/team")


def test_a_learner_held_back_is_not_shown_as_enrolled_and_a_late_one_first_and_as_overdue(
    led: World, visit: Visit
) -> None:
    led.save("LATE", row("individual", "bea", due={"fixed": "2020-01-31"}), row("individual", "cid"),
             exceptions={"time_allowance": "assign"})  # fmt: skip
    after = {"after": "course_completion", "course": "c1", "add": "1 day"}
    led.save("HELD", row("individual", "bea", due="none"), row("individual", "cid", due=after))
    led.state("cid", SUSPENDED)
    led.settle()
    ann = visit("ann", administrator=False, person=ANN)
    page = ann.page("/my/team")
    assert shown(page) == [("Bea", "Late"), ("Bea", "Fs2"), ("Bea", "Held"), ("Cid", "Late")]
    assert page.count('removed">Overdue</span>') == 1
    assert (number(page, "People"), number(page, "Overdue")) == ("2", "1")
    assert "Suspended" in page
    assert shown(ann.page("/my/team?show=overdue")) == [("Bea", "Late")]
    # Order and columns are remembered; the address may say otherwise.
    assert shown(ann.page("/my/team?sort=-name&column=state"))[0] == ("Cid", "Late")
    again = ann.page("/my/team")
    assert shown(again)[0] == ("Cid", "Late")
    assert 'data-label="Courses done"' not in again
    assert shown(ann.page("/my/team?sort=&columns=")) == shown(page)


def test_one_reminder_a_day_goes_to_whoever_has_something_to_do(led: World, visit: Visit) -> None:
    ann, cid = visit("ann", administrator=False, person=ANN), visit("cid", administrator=False, person=CID)
    with led.runtime.db.read() as session:
        number = session.scalars(select(Enrolment.certification)).first()
    asked = {"person": "bea", "certification": number}
    assert ann.post("/my/team/remind", asked).status_code == 303
    assert ann.post("/my/team/remind", asked).status_code == 409
    assert cid.post("/my/team/remind", asked).status_code == 404
    assert "Reminded today" in ann.page("/my/team")
    led.at(NOW + DAY)
    with led.runtime.db.read() as session:
        messages = session.scalars(select(Message).where(Message.when == "reminder")).all()
        texts = render(session, messages)
    assert [(one.learner, one.recipient, one.state) for one in messages] == [(BEA, BEA, "owed")]
    assert texts[messages[0].id]["subject"] == "Please complete Fs2"


def test_remind_all_counts_and_reminds_whoever_can_be_reminded_today(
    led: World, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job, person in (("j-eve", "eve"), ("j-dov", "dov")):
        led.job(job, person, "sales", boss="j-ann")
    dates = [row("individual", one, due={"fixed": "2020-01-31"}) for one in ("bea", "cid", "dov", "eve")]
    led.save("LATE", *dates, exceptions={"time_allowance": "assign"})
    led.state("cid", SUSPENDED)
    led.settle()
    ann = visit("ann", administrator=False, person=ANN)
    with led.runtime.db.read() as session:
        late = session.scalars(select(Enrolment.certification).order_by(Enrolment.certification.desc())).first()
    page = ann.page("/my/team?show=overdue")
    assert "Remind all 3" in page
    ann.post("/my/team/remind", {"person": "bea", "certification": late})
    assert "Remind all 2" in ann.page("/my/team?show=overdue")
    monkeypatch.setattr("plugin.web.mine.team._MOST_REMINDED", 1)
    assert "Remind the first 1" in ann.page("/my/team?show=overdue")
    for _one in range(2):
        assert "reminded=1" in ann.post("/my/team/remind", {"show": "overdue"}).headers["Location"]
    assert "Remind the first" not in ann.page("/my/team?show=overdue")
    assert ann.post("/my/team/remind", {"show": "overdue"}).status_code == 409
    assert ann.page("/my/team?show=overdue").count("Reminded today") == 3


def test_more_time_is_asked_for_and_granted_by_her_manager_or_an_administrator(led: World, visit: Visit) -> None:
    led.save("TWO", *(row("individual", one, due={"fixed": "2027-01-31"}) for one in ("bea", "dov")))
    ann, bea = visit("ann", administrator=False, person=ANN), visit("bea", administrator=False, person=BEA)
    with led.runtime.db.read() as session:
        two = session.scalars(select(Enrolment.certification).order_by(Enrolment.certification.desc())).first()
    path = f"/my/certifications/{two}/more-time"
    assert bea.post(path, {"to": "2027-03-31"}).status_code == 409  # no reason
    assert bea.post(path, {"to": "2027-01-01", "reason": "Ill"}).status_code == 409  # not later
    assert bea.post(path, {"to": "2027-03-31", "reason": "I was ill"}).status_code == 303
    assert "Your request waits for an answer" in bea.page("/my/certifications")
    assert "I was ill" in ann.page("/my/team")
    assert (
        visit("cid", administrator=False, person=CID).post("/my/team/requests/1", {"action": "grant"}).status_code
        == 404
    )
    assert ann.post("/my/team/requests/1", {"action": "grant", "to": "2027-02-28"}).status_code == 303
    assert ann.post("/my/team/requests/1", {"action": "grant"}).status_code == 404
    assert "To be completed by 28 Feb 2027, 23:59" in bea.page("/my/certifications")
    dov, sam = visit("dov", administrator=False, person=DOV), visit()
    dov.post(path, {"to": "2027-03-31", "reason": "Leave"})
    assert "1 learner asks for more time." in sam.page(f"/certifications/{two}/exceptions")
    assert "Leave" in sam.page(f"/certifications/{two}/more-time")
    assert sam.post(f"/certifications/{two}/more-time/2", {"action": "refuse"}).status_code == 303
    assert "More time was refused" in dov.page("/my/certifications")
    dov.post(path, {"to": "2027-03-31", "reason": "Again"})
    dov.post(path, {"action": "withdraw"})
    with led.runtime.db.read() as session:
        states = session.scalars(select(ExtensionRequest.state).order_by(ExtensionRequest.id)).all()
        told = session.execute(select(Message.when, Message.recipient).where(Message.notification == 0)).all()
    assert states == ["granted", "refused", "withdrawn"]
    assert {tuple(one) for one in told} == {
        ("extension_asked", ANN), ("extension_granted", BEA), ("extension_asked", CID), ("extension_refused", DOV),
    }  # fmt: skip


def test_a_manager_who_wants_it_gets_a_summary_every_monday(led: World, visit: Visit) -> None:
    led.save("LATE", row("individual", "dov", due={"fixed": "2020-01-31"}), exceptions={"time_allowance": "assign"})
    ann, eve = visit("ann", administrator=False, person=ANN), visit("eve", administrator=False, person=EVE)
    for one in (ann, eve):
        assert one.post("/my/team/weekly", {"weekly": "on"}).status_code == 303
    assert owe_weeks(led.runtime, HOST) == 1
    assert owe_weeks(led.runtime, HOST) == 0
    with led.runtime.db.read() as session:
        message = session.scalars(select(Message).where(Message.when == "team_week")).one()
        said = render(session, [message])[message.id]
    assert (message.recipient, said["subject"]) == (ANN, "Your team: 1 overdue")
    assert "Dov: Late, overdue by" in said["text"]
    assert said["link"].endswith("/team/test")
    assert "Open your team from your learning site" in ann.client.get("/team/test").text
    led.at(NOW + 7 * DAY)
    assert owe_weeks(led.runtime, HOST) == 1
    ann.post("/my/team/weekly", {"weekly": "off"})
    led.at(NOW + 14 * DAY)
    assert owe_weeks(led.runtime, HOST) == 0
    with led.runtime.db.read() as session:
        assert len(session.scalars(select(Preference)).all()) == 2


def test_a_learner_sees_what_is_done_and_what_comes_next_and_takes_the_dates_along(led: World, visit: Visit) -> None:
    led.save("TWO", row("individual", "eve", due={"fixed": "2026-12-01"}), content=CONTENT)
    led.complete("eve", "c1", NOW - DAY)
    led.settle()
    eve = visit("eve", administrator=False, person=EVE)
    page = eve.page("/my/certifications")
    assert "1 of 2 courses done" in page
    assert re.search(r"done-mark.*?c1.*?completed 17 Nov 2026", page, re.S)
    assert "12 days left." not in page
    assert "13 days left." in page
    calendar = eve.get("/my/certifications/dates.ics")
    assert calendar.content_type.startswith("text/calendar")
    assert "DTSTART;VALUE=DATE:20261201\r\n" in calendar.text
    assert "SUMMARY:Two is due\r\n" in calendar.text
