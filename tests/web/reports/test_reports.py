"""Pages of reports: each number leads to its people; a manager sees her team alone."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import pytest

from plugin.core.journal import record
from plugin.delivery.tables import Message
from tests.web.conftest import Visit
from tests.world import HOST, World, row


@pytest.fixture
def reported(world: World) -> World:
    """Four learners, one overdue; bea leads cid."""
    world.job("j-cid", "cid", "north", boss="j-bea")
    world.save(
        "fs", row("organisation", "sales", "below"), row("individual", "ann", due={"fixed": "2026-11-01"}), state="live",
        exceptions={"time_allowance": "assign"},
    )  # fmt: skip
    return world


def links(text: str) -> dict[str, str]:
    """The addresses of numbers in the first table, by the label of their cell."""
    found = re.findall(r'data-label="([^"]+)"><a href="/t/handle([^"]+)">([^<]*)</a>', text)
    return {label: (html.unescape(address), number) for label, address, number in found[::-1]}


def test_every_number_of_compliance_leads_to_its_people(reported: World, visit: Visit) -> None:
    sam = visit()
    numbers = links(sam.page("/reports"))
    assert {label: number for label, (_address, number) in numbers.items()} == {
        "Enrolled": "4",
        "Not started": "4",
        "Overdue": "1",
    }
    for address, number in numbers.values():
        text = sam.page(address)
        shown = re.search(r"Showing (\d+) of (\d+)", text)
        assert (shown[2] if shown else "0") == number


def test_organisations_are_drilled_down_a_level_at_a_time(reported: World, visit: Visit) -> None:
    sam = visit()
    text = sam.page("/reports?certification=fs")
    assert "under=sales" in text
    assert "north" not in text.split("by organisation")[1]
    text = sam.page("/reports?certification=fs&under=sales")
    assert "north" in text.split("by organisation")[1]
    assert "One level up" in text


@pytest.mark.one_database
def test_certifications_and_units_stand_in_the_order_of_their_names(reported: World, visit: Visit) -> None:
    reported.save("aa", row("individual", "ann"), name="Órder last", state="live")
    reported.save("zz", row("individual", "ann"), name="another first", state="live")
    table = visit().page("/reports").split("<tbody>")[1].split("</tbody>")[0]
    names = re.findall(r'rowheader"?>.*?<bdi>([^<]+)</bdi>|<th scope="row"[^>]*>(?:<a[^>]*>)?(?:<bdi>)?([^<]+)<', table)
    assert [one or other for one, other in names] == ["another first", "Fs", "Órder last"]


def test_filters_live_in_the_address(reported: World, visit: Visit) -> None:
    sam = visit()
    answer = sam.get("/reports/learners?certification=fs&add=due&how=before&value=2027-01-01")
    assert answer.status_code == 303
    text = sam.page(answer.location.split(sam.handle)[1])
    assert "Showing 1 of 1" in text
    assert "Due date before 1 January 2027" in text
    assert 'aria-sort="descending"' in sam.page("/reports/learners?sort=-due")
    answer = sam.get("/reports/learners?column=person&column=due")
    up = re.findall(
        r'href="/t/handle([^"]+)">Move up<span class="vh"> Due date',
        sam.page("/reports/learners?columns=person,state,due"),
    )
    assert "columns=person,due,state" in html.unescape(up[0]).replace("%2C", ",")
    assert answer.location.endswith("columns=person,due") or "columns=person%2Cdue" in answer.location
    assert "There is no filter" in sam.page("/reports/learners?nothing=1", 422)


def test_a_page_and_its_file_say_the_same(reported: World, visit: Visit) -> None:
    sam = visit()
    answer = sam.get("/reports/learners/file.csv?columns=person,state&sort=-person")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    answer.close()
    assert rows == [["person", "state"], *[[name, "assigned"] for name in ("dov", "cid", "bea", "ann")]]
    assert "File finished" in sam.page("/reports/history")


def test_a_day_to_come_is_refused_and_today_is_not_over(reported: World, visit: Visit) -> None:
    sam = visit()
    assert "still to come" in sam.page("/reports/learners?as_of=2027-01-01", 422)
    assert "This day is not over yet." in sam.page("/reports/learners?as_of=2026-11-18")
    assert "Nothing matches" in sam.page("/reports/learners?as_of=2026-11-17")


def test_a_manager_sees_her_team_alone(reported: World, visit: Visit) -> None:
    bea = visit("bea", administrator=False, person=2)
    text = bea.page("/my/team/reports/learners?columns=person,state")
    assert "Showing 1 of 1" in text
    assert ("cid" in text, "dov" in text) == (True, False)
    assert links(bea.page("/my/team/reports"))["Enrolled"][1] == "1"
    bea.page("/my/team/reports/history", 422)
    bea.page("/reports", 403)
    dov = visit("dov", administrator=False, person=4)
    assert "Nobody is enrolled yet" in dov.page("/my/team/reports")
    assert "Nothing matches" in dov.page("/my/team/reports/learners")


def test_a_saved_report_is_found_again_and_opens_with_ones_own_rights(reported: World, visit: Visit) -> None:
    sam = visit()
    sam.post("/reports/saved/learners?overdue=true&columns=person,due", {"name": "Late ones"})
    sam.post("/reports/saved/learners?state=assigned", {"name": "For all", "shared": "yes"})
    text = sam.page("/reports")
    [address] = re.findall(r'href="/t/handle([^"]+)"><bdi>Late ones', text)
    assert "Showing 1 of 1" in sam.page(html.unescape(address))
    other = visit("kim").page("/reports")
    assert ("Late ones" in other, "For all" in other) == (False, True)
    assert sam.post("/reports/saved/learners?nothing=1", {"name": "x"}).status_code == 422
    assert visit("kim").post("/reports/saved/1/remove").status_code == 404
    sam.post("/reports/saved/1/remove")
    assert "Late ones" not in sam.page("/reports")


def test_a_print_is_an_export_with_every_row(reported: World, visit: Visit) -> None:
    sam = visit()
    answer = sam.get("/reports/learners/file.print?columns=name,state,days_overdue&overdue=true")
    text = answer.text
    answer.close()
    assert '<th scope="col">Name</th>' in text
    assert '<tr><td>Ann</td><td>Assigned</td><td class="number">17</td></tr>' in text
    assert ("Overdue" in text, "Europe/London" in text, "Bea" in text) == (True, True, False)
    found = sam.page("/reports/history?what=export_finished&columns=what,count,reason")
    assert "Showing 1 of 1" in found


def test_the_value_of_a_filter_is_asked_for_as_it_is_written(reported: World, visit: Visit) -> None:
    sam = visit()
    text = sam.page("/reports/learners?certification=fs&add=state&how=&value=")
    assert '<option value="in_progress">In progress</option>' in text
    assert "Showing 4 of 4" in text
    assert re.search(
        r'<input id="value" name="value"\s+type="date"', sam.page("/reports/learners?add=due&how=before&value=")
    )
    assert '<option value="north">north</option>' in sam.page("/reports/learners?add=organisation&how=&value=")
    assert '<option value="fs">Fs (fs)</option>' in sam.page("/reports/membership?add=certification")
    for query, added in (("add=overdue&value=", "overdue=true"), ("add=due&how=empty", "due.empty=true"),
                         ("add=organisation&value=north", "organisation=north")):  # fmt: skip
        answer = sam.get(f"/reports/learners?{query}")
        assert (answer.status_code, answer.location.split("?")[1]) == (303, added)
    text = sam.page("/reports/learners?organisation=north&state=assigned&overdue=false&due.empty=true")
    for words in ("Organisation is north and all below", "State is Assigned", "Overdue is No", "Due date is empty"):
        assert f"<bdi>{words}</bdi>" in text


def test_weeks_ahead_and_ends_of_months_lead_to_their_people(reported: World, request: pytest.FixtureRequest) -> None:
    reported.save("two", row("individual", "bea", due={"fixed": "2026-12-20"}), row("individual", "cid", due={"fixed": "2027-01-20"}),
                  row("individual", "ann", due={"fixed": "2027-01-20"}), state="live", settle=True)  # fmt: skip
    reported.at(reported.now + 20 * 86_400)
    reported.settle()
    sam = request.getfixturevalue("visit")()
    found = re.findall(
        r'<td class="number"><a href="/t/handle([^"]+)">([^<]+)</a>', sam.page("/reports?certification=two")
    )
    assert sorted(number for _address, number in found) == sorted(["0"] * 11 + ["1", "2"] + ["0", "0", "3"])
    for address, number in found:
        shown = re.search(r"Showing (\d+) of (\d+)", sam.page(html.unescape(address)))
        assert (shown[2] if shown else "0") == number
    assert "as_of" not in sam.page("/reports?certification=two&under=sales")


def test_a_page_says_in_words_what_something_was_before(reported: World, visit: Visit) -> None:
    """Files and programs keep what is stored."""
    data = {
        "before": {"join": {"id": "number"}, "leavers": None, "days": ["mo", "tu"], "on": False},
        "after": {"join": {"id": "username"}, "until": "2027-01-05T12:00:00Z", "maps": [{"city": "Ulm"}]},
    }
    with reported.runtime.db.write() as session:
        record(session, HOST, reported.now, "sam", "source_changed", data=data)
    sam = visit()
    text = sam.page("/reports/history?what=source_changed&columns=what,before,after")
    assert "Days: mo, tu; Join, Id: number; Leavers: –; On: No" in text
    assert "Join, Id: username; Maps, City: Ulm; Until: " in text
    assert "2027-01-05T12:00:00Z" not in text
    assert "Version 1" in sam.page("/reports/history?what=saved&columns=what,before,after")
    answer = sam.get("/reports/history/file.jsonl?what=source_changed&columns=before")
    assert json.loads(json.loads(answer.text)["before"])["join"] == {"id": "number"}
    answer.close()


def test_a_page_says_in_words_what_a_file_says_by_codes(reported: World, visit: Visit) -> None:
    with reported.runtime.db.write() as session:
        session.add(Message(host_id=HOST, id=9_001, key="k", notification=0, when="due", certification=1, learner=1,
                            recipient=2, created=reported.now))  # fmt: skip
    reported.save("fa", row("individual", "ann"), state="live", settle=True,
                  content={"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]})  # fmt: skip
    sam = visit()
    for address, said in (
        ("courses?certification=fa&columns=name,want,confirmed", ("Enrolled", "Not enrolled")),
        ("membership?columns=name,include", ("Include all below",)),
        ("learners?columns=name,due_from,account_state", ('data-label="Due date from"><bdi>Ann', "Active")),
        ("messages", ("Due date", "To be sent", "Learning site", 'people/ann"', 'people/bea"')),
    ):
        text = sam.page(f"/reports/{address}")
        body = text[text.index("<tbody>") :] if "<tbody>" in text else ""
        for words in said:
            assert words in body, (address, words)
        for code in ("<bdi>in<", "<bdi>out<", "<bdi>below<", "<bdi>active<", "individual:", "<bdi>owed<", "<bdi>host<"):
            assert code not in body, (address, code)


def test_lists_that_numbers_lead_to_say_first_what_the_number_is_about(reported: World, visit: Visit) -> None:
    sam = visit()
    for page in ("/home", "/reports", "/reports/overview"):
        asked = ("overdue=true&amp;sort=-days_overdue", "certification=fs")
        [address, *_more] = [
            one for one in re.findall(r'href="/t/handle([^"]+)"', sam.page(page)) if all(part in one for part in asked)
        ]
        text = sam.page(html.unescape(address))
        heads = re.findall(r'<th scope="col"[^>]*><a[^>]*>([^<]+)', text)
        assert heads[:4] == ["Name", "Certification", "Days overdue", "Due date"], page
        assert re.search(r'<td role="cell" class="said number minus"', text), page
