"""Reports by the API: parts with a total, files by their type, refusals in a sentence."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.tables import Journal
from plugin.reports.sources.overview import NUMBERS
from tests.api.conftest import Program
from tests.world import HOST, World, row


@pytest.fixture
def asked(world: World, program: Callable[..., Program]) -> Program:
    """Four learners of a certification, two of them in one unit."""
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-01"}), row("individual", "bea"), settle=True,
               state="live", exceptions={"time_allowance": "assign"})  # fmt: skip
    return program(scopes=("reports",))


def test_a_list_comes_in_parts_and_says_how_many_there_are(asked: Program) -> None:
    first = asked.ask(
        "GET", "/reports/learners?certification=rep&columns=person,days_overdue&limit=1&sort=-days_overdue"
    )
    assert (first["items"], first["total"]) == ([{"person": "ann", "days_overdue": 17}], 2)
    second = asked.ask(
        "GET", "/reports/learners?certification=rep&columns=person,days_overdue&limit=1&sort=-days_overdue"
        f"&cursor={first['next']}"
    )  # fmt: skip
    assert second == {"items": [{"person": "bea", "days_overdue": 0}], "next": None, "total": 2}
    refused = asked.ask("GET", f"/reports/learners?certification=rep&limit=1&cursor={first['next']}", status=422)
    assert refused["detail"] == "This cursor is of another report: ask from the beginning."
    for wrong in ("x", "e30", "WyJhIl0"):
        assert "cursor" in asked.ask("GET", f"/reports/learners?cursor={wrong}", status=422)["detail"]


def test_every_source_is_described_and_answers(asked: Program) -> None:
    for one in asked.ask("GET", "/reports")["items"]:
        found = asked.ask("GET", f"/reports/{one['source']}")
        assert found["total"] >= len(found["items"])
        every = ",".join(column["name"] for column in one["columns"])
        wide = asked.ask("GET", f"/reports/{one['source']}?columns={every}")
        for item in wide["items"]:
            assert sorted(item) == sorted(every.split(","))
        for column in one["columns"]:
            if column["type"] != "setting":
                asked.ask("GET", f"/reports/{one['source']}?sort=-{column['name']}&limit=2")
            if column["name"] != "certification":
                asked.ask("GET", f"/reports/{one['source']}?{column['name']}.empty=true")


def test_overview_adds_up(asked: Program) -> None:
    [found] = asked.ask("GET", "/reports/overview?certification=rep")["items"]
    assert {name: found[name] for name in NUMBERS} == {
        "enrolled": 2, "certified": 0, "in_progress": 0, "not_started": 2, "expired": 0, "suspended": 0, "held": 0,
        "due_30": 0, "overdue": 1, "expiring_30": 0,
    }  # fmt: skip
    assert (found["certified_percent"], found["not_overdue_percent"]) == (0.0, 50.0)


@pytest.mark.parametrize("media", ["text/csv", "application/x-ndjson"])
def test_a_file_is_written_down_before_and_after(asked: Program, world: World, media: str) -> None:
    answer = asked.client.get(
        "/api/v1/reports/learners?certification=rep&columns=person,due",
        headers={"Authorization": f"Bearer {asked.token}", "Accept": media},
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="learners-rep-2026-11-18.')
    if media == "text/csv":
        rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert [one["person"] for one in rows] == ["ann", "bea"]
    assert answer.get_data()
    answer.close()
    assert told(world) == [("export_begun", 0), ("export_finished", 2)]


def test_who_hangs_up_has_not_got_it(asked: Program, world: World) -> None:
    answer = asked.client.get(
        "/api/v1/reports/learners?certification=rep",
        headers={"Authorization": f"Bearer {asked.token}", "Accept": "text/csv"}, buffered=False,
    )  # fmt: skip
    assert next(iter(answer.response)).startswith(b"\xef\xbb\xbfcertification,")  # type: ignore[arg-type]
    answer.close()
    assert [what for what, _count in told(world)] == ["export_begun", "export_stopped"]


def test_nothing_leaves_that_cannot_be_written_down(asked: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: Any, **_more: Any) -> int:
        raise OSError("No space left on device")

    monkeypatch.setattr("plugin.reports.files.export.record", full)
    answer = asked.client.get(
        "/api/v1/reports/learners", headers={"Authorization": f"Bearer {asked.token}", "Accept": "text/csv"}
    )
    assert answer.status_code == 500
    assert b"certification," not in answer.data


def test_unknown_words_are_refused_with_the_nearest(asked: Program) -> None:
    said = asked.ask("GET", "/reports/learners?columns=duue", status=422)["detail"]
    assert said.startswith("There is no column 'duue'. Nearest: due")
    assert asked.ask("GET", "/reports/learners?limit=0", status=422)["detail"].startswith("limit: ")
    many = "&".join(f"state=assigned&name=n{number}" for number in range(1001))
    assert "more than 1,000 times" in asked.ask("GET", f"/reports/learners?{many}", status=422)["detail"]


def test_reports_are_saved_and_removed(asked: Program) -> None:
    body = {"name": "Late", "source": "learners", "query": [["overdue", "true"], ["columns", "person"]]}
    made = asked.ask("POST", "/saved-reports", body, status=201)
    assert made["mine"]
    [one] = asked.ask("GET", "/saved-reports")["items"]
    assert (one["name"], one["shared"], sorted(one["query"])) == ("Late", False, sorted(body["query"]))
    asked.ask("POST", "/saved-reports", {**body, "query": [["stat", "x"]]}, status=422)
    asked.ask("DELETE", f"/saved-reports/{made['id']}", status=204)
    assert asked.ask("GET", "/saved-reports")["items"] == []


def told(world: World) -> list[tuple[str, int]]:
    with world.runtime.db.read() as session:
        rows = session.scalars(select(Journal).where(Journal.what.like("export%")).order_by(Journal.n))
        return [(one.what, one.count) for one in rows]


def test_a_saved_report_is_sent_by_a_schedule_and_fetched(asked: Program, world: World) -> None:
    from plugin.access.present_rights import reader_of
    from plugin.reports.sending.due_reports import send_reports

    saved = asked.ask("POST", "/saved-reports", {"name": "Late", "source": "learners",
                      "query": [["columns", "person"], ["certification", "rep"]]}, status=201)  # fmt: skip
    place = f"/saved-reports/{saved['id']}/schedules"
    refused = asked.ask("POST", place, {"timing": {"every": "daily"}, "how": "email", "to": ["a@x.test"]}, status=422)
    assert "no domain is allowed" in refused["detail"]
    made = asked.ask("POST", place, {"timing": {"every": "daily", "at": "12:00"}, "format": "csv"}, status=201)
    assert (made["state"], made["next_at"], made["timing"]) == (
        "active", "2026-11-18T12:00:00Z", {"every": "daily", "at": "12:00"},
    )  # fmt: skip
    assert asked.ask("GET", place)["items"] == [made]
    world.at(world.now + 3600)
    send_reports(world.runtime, 1, reader_of)
    [one] = asked.ask("GET", "/sent-reports")["items"]
    assert (one["state"], one["rows"], one["file"]) == ("kept", 2, "learners-rep-2026-11-18.csv")
    fetched = asked.send("GET", f"/sent-reports/{one['id']}/file")
    assert fetched.data.decode("utf-8-sig").split() == ["person", "ann", "bea"]
    assert told(world)[-1] == ("export_fetched", 2)
    other = asked.ask("POST", "/saved-reports", {"name": "Other", "source": "learners", "query": []}, status=201)
    asked.ask("DELETE", f"/saved-reports/{other['id']}/schedules/{made['id']}", status=404)  # it belongs to the first
    asked.ask("DELETE", f"{place}/{made['id']}", status=204)
    assert asked.ask("GET", place)["items"] == []
    asked.ask("GET", "/sent-reports/99/file", status=404)


def test_a_token_made_anew_under_its_name_goes_on_with_its_schedules_by_its_own_rights(
    world: World, program: Callable[..., Program]
) -> None:
    from plugin.access.present_rights import reader_of
    from plugin.access.tokens import take_back
    from plugin.reports.sending.due_reports import send_reports

    def sent(after: int) -> list[str]:
        world.at(world.now + after)
        send_reports(world.runtime, 1, reader_of)
        return [one["state"] for one in asked.ask("GET", "/sent-reports")["items"]]

    def renewed(*scopes: str) -> Program:
        with world.runtime.db.write() as session:
            take_back(session, HOST, "bi", at=world.now, who="sam")
        return program("bi", scopes=scopes)

    asked = program("bi", scopes=("read", "reports"))
    saved = asked.ask("POST", "/saved-reports", {"name": "All", "source": "learners", "query": []}, status=201)
    place = f"/saved-reports/{saved['id']}/schedules"
    asked.ask("POST", place, {"timing": {"every": "daily", "at": "12:00"}, "format": "csv"}, status=201)
    assert sent(3600) == ["kept"]
    asked = renewed("reports")
    assert sent(86_400) == ["kept", "kept"]
    renewed("read")  # sees no reports
    world.at(world.now + 86_400)
    send_reports(world.runtime, 1, reader_of)
    asked = renewed("reports")
    (one,) = asked.ask("GET", place)["items"]
    assert (one["state"], one["reason"]) == ("paused", "Its owner may not see reports any more.")
    other = program("other", scopes=("reports",))
    assert other.ask("GET", "/saved-reports")["items"] == []
    other.ask("GET", place, status=404)
