"""The page that brings records along: looks at lines, brings them along in one piece, and takes them back."""

from __future__ import annotations

import io
import re

import pytest

from plugin.enrolment.views.show import show_rows
from tests.web.conftest import Visit
from tests.world import HOST, World, row

CONTENT = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]}
YEARLY = {"active": "1 year", "window": "1 month", "expiry_from": "completion"}
FILE = (
    "person,since,until\nann,2026-06-01,2027-06-01\nbea,2024-06-01,2025-06-01\n=HYPERLINK(1),2026-01-01,\n"
    "<script>alert(1)</script>,2026-01-01,\nann,,\n"
)
PATH = "/certifications/1/records"


@pytest.fixture
def saved(world: World) -> World:
    world.save("fs", row("individual", "ann"), content=CONTENT, period=YEARLY)
    return world


def states(world: World) -> dict[str, str]:
    world.settle()
    with world.runtime.db.read() as session:
        return {one["person"]: one["state"] for one in show_rows(session, HOST, 1)}


def test_lines_are_looked_at_and_then_brought_along(saved: World, visit: Visit) -> None:
    sam = visit("sam")
    assert "Import records" in sam.page("/certifications/1/learners")
    looked = sam.post(PATH, {"lines": FILE, "dates": "", "action": "look"})
    assert looked.status_code == 200
    for words in ("Would expire at once", "Not found", "Cannot be read", "2 records can be imported",
                  "3 lines are left out"):  # fmt: skip
        assert words in looked.text
    assert "<script>alert" not in looked.text
    assert states(saved) == {"ann": "assigned"}
    done = sam.post(PATH, {"lines": FILE, "dates": "", "action": "bring", "seen": "2"})
    assert done.headers["Location"].endswith("records?brought=1")
    assert "1 record was imported" in sam.page(f"{PATH}?brought=1")
    assert states(saved) == {"ann": "certified"}
    history = sam.page("/certifications/1/history")
    (entry,) = set(re.findall(r"records/(\d+)/undo", history))
    assert "1 record imported with this file is taken back" in sam.page(f"{PATH}/{entry}/undo")
    assert sam.post(f"{PATH}/{entry}/undo").status_code == 303
    assert states(saved) == {"ann": "assigned"}
    assert "taken back already" in sam.post(f"{PATH}/{entry}/undo").text


def test_a_file_wins_over_what_was_pasted(saved: World, visit: Visit) -> None:
    upload = (io.BytesIO(b"\xef\xbb\xbfperson;since\r\nbea;31/03/2026\r\n"), "records.csv")
    looked = visit("sam").post(PATH, {"lines": "x", "file": upload, "dates": "dmy", "action": "look"})
    assert "1 record can be imported" in looked.text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"lines": ""}, "The file is empty."),
        ({"lines": "ann,2026-01-01"}, "The first line must name the columns"),
        ({"lines": FILE, "dates": "sideways"}, "Choose one of the values offered."),
        ({"file": b"PK\x03\x04"}, "This is not a CSV file."),
        ({"lines": FILE, "action": "bring", "seen": "7"}, "It would be 2 records now, not 7"),
    ],
)
def test_a_wrong_file_gets_a_sentence(saved: World, visit: Visit, data: dict, says: str) -> None:
    sent = {
        name: (io.BytesIO(value), "records.xlsx") if isinstance(value, bytes) else value for name, value in data.items()
    }
    answer = visit("sam").post(PATH, {"dates": "", "action": "look", **sent})
    assert answer.status_code in (400, 409)
    assert says in answer.text
    assert states(saved) == {"ann": "assigned"}


def test_only_administrators_and_only_while_it_is_not_archived(saved: World, visit: Visit) -> None:
    assert visit("ann", administrator=False).get(PATH).status_code == 403
    assert visit("sam").get("/certifications/9/records").status_code == 404
    assert visit("sam").get(f"{PATH}/1/undo").status_code == 404
    saved.save("fs", state="archived")
    assert visit("sam").post(PATH, {"lines": FILE}).status_code == 409
    assert "Check the lines" not in visit("sam").page(PATH)
