"""Hosts › Sources: a file is tried, loaded and taken back on the page, and people are matched by hand."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from sqlalchemy import select, text

from plugin.mirror.lookup.search import reindex
from plugin.mirror.tables import Unit
from tests.web.conftest import Visit
from tests.world import HOST, World, row

FILE = b"id;first_name;Abteilung;Gehalt\r\n1;Ann;Claims;9\r\n2;Bob;Claims;9\r\n0003;Cat;Legal;9\r\n"


def test_a_file_is_tried_loaded_and_taken_back(world: World, visit: Visit) -> None:
    world.people("nora", number="1")
    world.people("olga", number="3")
    visitor, base = visit(), f"/hosts/{HOST}/sources"
    assert "There are none yet." in visitor.page(base)
    assert visitor.post(base, {"name": "HR", "kind": "csv", "join": ""}).status_code == 400
    assert visitor.post(base, {"name": "hr", "kind": "csv", "join": ""}).status_code == 303
    assert visitor.post(f"{base}/hr/files", {}).status_code == 400
    tried = visitor.post(f"{base}/hr/files", {"files": (io.BytesIO(FILE), "people.csv")})
    assert tried.status_code == 200
    assert "3 rows, 3 used, 0 refused" in tried.text
    assert "Abteilung</bdi> → <code>organisation" in tried.text
    assert 'name="keep" value="Gehalt"' in tried.text
    assert visitor.post(f"{base}/hr/keep", {"offered": "Gehalt", "keep": "Gehalt"}).status_code == 303
    assert "Gehalt" in visitor.page(f"{base}/hr")
    assert visitor.post(f"{base}/hr/keep", {"offered": "Gehalt"}).status_code == 303
    assert "Gehalt" not in visitor.page(f"{base}/hr")
    assert visitor.post(f"{base}/hr/test", {}).status_code == 409
    assert "0 matched" in visitor.page(f"{base}/hr")
    loaded = visitor.post(f"{base}/hr/files", {"files": (io.BytesIO(FILE), "people.csv"), "load": "1"})
    assert loaded.status_code == 303
    page = visitor.page(f"{base}/hr")
    assert "1 matched, 2 to be matched" in page
    assert "would match without its leading zeros" in page
    wrong = visitor.post(f"{base}/hr/files", {"files": (io.BytesIO(b"a,b\n1,2\n"), "people.csv")})
    assert wrong.status_code == 400
    assert "line 1" in wrong.text
    matched = visitor.post(f"{base}/hr/match", {"because": "would match without its leading zeros"})
    assert matched.status_code == 303
    assert "2 matched" in visitor.page(f"{base}/hr")
    assert visitor.post(f"{base}/hr/match", {"id": "0003"}).status_code == 303
    assert visitor.post(f"{base}/hr/state", {"paused": "1"}).status_code == 303
    assert "Resume" in visitor.page(f"{base}/hr")
    assert visitor.post(f"{base}/hr/state", {"paused": "0"}).status_code == 303
    assert visitor.post(f"{base}/hr/settings", {"join": "id=shoe"}).status_code == 400
    assert visitor.post(f"{base}/hr/settings", {"join": "id=username", "mapping": "keep: [x]"}).status_code == 303
    bomb = "a0: &a0 [x, x, x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    for mapping in (bomb, "keep: [2026-99-99]", "keep: *x", "[" * 60 + "]" * 60, "- keep"):
        assert visitor.post(f"{base}/hr/settings", {"join": "id=username", "mapping": mapping}).status_code == 400, (
            mapping
        )
    assert visitor.post(f"{base}/hr/undo", {"yes": "1"}).status_code == 303
    assert "undone" in visitor.page(f"{base}/hr")
    assert visitor.post(f"{base}/supply", {"kind": "organisation", "names": ["site", "hr"]}).status_code == 303


def test_a_unit_moves_on_paper_and_nothing_is_saved(world: World, visit: Visit, settle: Callable[[], None]) -> None:
    visitor, base = visit(), f"/hosts/{HOST}/what-if"
    world.units(("home", None), ("care", "home"), ("shop", None))
    for n in range(3):
        world.people(f"w{n}")
        world.job(f"jw{n}", f"w{n}", "care" if n else "shop")
    world.save("fs", row("organisation", "home", "below"))
    settle()
    with world.runtime.db.write() as session:
        reindex(session, HOST, Unit, ["name"], list(session.scalars(select(Unit.id))))
    before = _mirror(world)
    found = visitor.page(f"{base}?kind=organisation&q=care")
    assert "unit=care" in found
    page = visitor.page(f"{base}?kind=organisation&unit=care&place=shop")
    assert "Dissolve into this one" in page
    asked = {"kind": "organisation", "unit": "care", "target": "shop"}
    for how in ("under", "into", "top"):
        answer = visitor.post(base, {**asked, "how": how})
        assert answer.status_code == 200
        assert "Withdrawn: 2" in answer.text
        assert "W1" in answer.text
    joined = visitor.post(base, {"kind": "organisation", "unit": "shop", "target": "home", "how": "under"})
    assert "Newly enrolled: 1" in joined.text
    assert (
        visitor.post(base, {"kind": "organisation", "unit": "home", "target": "care", "how": "under"}).status_code
        == 400
    )
    assert visitor.post(base, {**asked, "unit": "gone", "how": "top"}).status_code == 404
    assert visitor.post(base, {**asked, "how": "away"}).status_code == 400
    assert _mirror(world) == before


def _mirror(world: World) -> list[object]:
    with world.runtime.db.read() as session:
        found: list[object] = []
        for table in ("unit", "job", "enrolment", "change", "journal"):
            found.append(sorted(map(str, session.execute(text(f"SELECT * FROM {table}")).all())))
        return found


def test_a_map_is_offered_tried_and_used_on_the_page_and_a_source_is_taken_away_after_a_look(
    world: World, visit: Visit, settle: Callable[[], None]
) -> None:
    visitor, base = visit(), f"/hosts/{HOST}/sources"
    world.units(("ORG-1", None))
    for n in range(12):
        world.people(f"w{n}", number=f"{n:03}")
        world.job(f"jw{n}", f"w{n}", "ORG-1")
    world.save("fs", row("organisation", "ORG-1"))
    settle()
    assert visitor.post(base, {"name": "hr", "kind": "csv"}).status_code == 303
    lines = "id,organisation\n" + "".join(f"{n:03},Org-1\n" for n in range(12)) + "999,Claims\n"
    given = {"files": (io.BytesIO(lines.encode()), "people.csv"), "load": "1"}
    assert visitor.post(f"{base}/hr/files", given).status_code == 303
    asked = {"kind": "organisation", "names": ["hr"]}
    first = visitor.post(f"{base}/supply", asked)
    assert first.status_code == 409
    assert 'name="old" value="ORG-1"' in first.text
    assert 'value="hr:Org-1"' in first.text
    assert "the same path of names" in first.text
    again = visitor.post(f"{base}/supply", {**asked, "old": ["ORG-1"], "new": ["hr:Org-1"]})
    assert (again.status_code, "1 row names another target" in again.text) == (409, True)
    assert 'value="hr:Org-1"' in again.text
    done = visitor.post(f"{base}/supply", {**asked, "old": ["ORG-1"], "new": ["hr:Org-1"], "yes": "1"})
    assert done.status_code == 303
    settle()
    assert "hr" in visitor.page(base)
    before = _mirror(world)
    look = visitor.post(f"{base}/hr/removal")
    assert (look.status_code, 'name="old" value="hr:Org-1"' in look.text) == (200, True)
    assert _mirror(world) == before
    assert visitor.post(f"{base}/nobody/removal").status_code == 404
    wrong = visitor.post(f"{base}/hr/removal", {"old": ["hr:Org-1"], "new": ["ORG-9"], "yes": "1"})
    assert (wrong.status_code, "there is no such" in wrong.text) == (409, True)
    assert visitor.post(f"{base}/hr/removal", {"yes": "1"}).status_code == 303
    assert visitor.get(f"{base}/hr").status_code == 404
    assert "Nothing has been changed yet" in first.text
    assert "--yes" not in first.text


def test_what_holds_a_load_is_confirmed_on_its_page(world: World, visit: Visit, settle: Callable[[], None]) -> None:
    visitor, base = visit(), f"/hosts/{HOST}/sources"
    for n in range(30):
        world.people(f"w{n}", number=f"{n:03}")
    assert visitor.post(base, {"name": "hr", "kind": "csv"}).status_code == 303

    def upload(units: str, **typed: str) -> tuple[int, str]:
        lines = "id,organisation\n" + "".join(f"{n:03},{unit}\n" for n, unit in enumerate(units))
        answer = visitor.post(f"{base}/hr/files", {"files": (io.BytesIO(lines.encode()), "people.csv"), **typed})
        return answer.status_code, answer.text

    def learners() -> int:
        settle()
        sql = "SELECT count(*) FROM enrolment WHERE state > 0"
        with world.runtime.db.read() as session:
            return int(session.execute(text(sql)).scalar_one())

    assert upload("A" * 30, load="1")[0] == 303
    assert visitor.post(f"{base}/supply", {"kind": "organisation", "names": ["hr"], "yes": "1"}).status_code == 303
    world.save("fs", row("organisation", "hr:A"))
    assert learners() == 30
    moved = "B" * 15 + "A" * 15
    status, page = upload(moved, load="1", withdrawals="14")
    assert (status, "You typed 14, and it would withdraw 15." in page, "--allow" in page) == (409, True, False)
    assert (upload(moved, load="1", withdrawals="many")[0], learners()) == (400, 30)
    assert (upload(moved, load="1", withdrawals="15")[0], learners()) == (303, 15)

    status, page = upload(moved[:20], load="1")
    assert (status, "10 of 30 people would be gone" in page, 'name="force"' in page) == (409, True, True)
    page = visitor.page(f"{base}/hr")
    assert "A load waits for you" in page
    assert "0 new, 10 gone, 0 changed, 20 as before" in page
    look = visitor.post(f"{base}/hr/load", {"look": "1"})
    assert (look.status_code, "Withdrawn: 10" in look.text, learners()) == (200, True, 15)
    wrong = visitor.post(f"{base}/hr/load", {"withdrawals": "9"})
    assert (wrong.status_code, "You typed 9, and it would withdraw 10." in wrong.text) == (409, True)
    assert (visitor.post(f"{base}/hr/load", {"withdrawals": "10"}).status_code, learners()) == (303, 5)
    assert "A load waits for you" not in visitor.page(f"{base}/hr")

    status, page = upload(moved[:9], load="1")
    assert (status, "9 rows, fewer than half of the 20 before" in page) == (409, True)
    assert "A load waits for you" in visitor.page(f"{base}/hr")
    assert visitor.post(f"{base}/hr/load").status_code == 409
    look = visitor.post(f"{base}/hr/load", {"look": "1"})
    assert (look.status_code, "11 of 20 people would be gone" in look.text) == (200, True)
    assert visitor.post(f"{base}/hr/load", {"force": "1", "withdrawals": "5"}).status_code == 303
    assert (learners(), "9 matched" in visitor.page(f"{base}/hr")) == (0, True)
    assert visitor.post(f"{base}/hr/undo").status_code == 409


def test_a_token_for_a_directory_is_shown_once_on_its_page(world: World, visit: Visit) -> None:
    visitor, base = visit(), f"/hosts/{HOST}/sources"
    assert visitor.post(base, {"name": "dir", "kind": "scim", "join": "userName=username"}).status_code == 303
    page = visitor.page(f"{base}/dir")
    assert "/scim/v2/dir" in page
    assert re.search(r'aria-current="(page|true)"[^>]*>\s*System', page)
    made = visitor.post(f"{base}/dir/tokens", {"until": "2099-12-31"})
    assert (made.status_code, "muster_dir_" in made.text) == (200, True)
    assert "muster_dir_" not in visitor.page(f"{base}/dir")
    for until, status in (("2001-01-01", 409), ("soon", 400)):
        assert visitor.post(f"{base}/dir/tokens", {"until": until}).status_code == status
    assert visitor.post(f"{base}/nobody/tokens", {}).status_code == 404


def test_settings_by_which_somebody_would_leave_are_shown_with_what_they_do_and_then_confirmed(
    world: World, visit: Visit, settle: Callable[[], None]
) -> None:
    visitor, base = visit(), f"/hosts/{HOST}/sources"
    for n in range(12):
        world.people(f"w{n}", number=f"{n:03}")
    assert visitor.post(base, {"name": "hr", "kind": "csv"}).status_code == 303
    assert visitor.post(f"{base}/supply", {"kind": "organisation", "names": ["hr"], "yes": "1"}).status_code == 303
    lines = "id,organisation\n" + "".join(f"{n:03},Claims\n" for n in range(12))
    given = {"files": (io.BytesIO(lines.encode()), "people.csv"), "load": "1"}
    assert visitor.post(f"{base}/hr/files", given).status_code == 303
    world.save("fs", row("organisation", "hr:Claims"))
    settle()
    asked = {"kind": "csv", "join": "id=email", "mapping": "", "url": "", "schedule": "hourly", "secret": "s3cret"}
    look = visitor.post(f"{base}/hr/settings", asked)
    assert look.status_code == 409
    assert 'name="join" value="id=email"' in look.text
    assert ("s3cret" in look.text, 'name="secret"' in look.text, "Withdrawn: 12" in look.text) == (False, True, True)
    wrong = visitor.post(f"{base}/hr/settings", {**asked, "yes": "1", "withdrawals": "3"})
    assert (wrong.status_code, "You typed 3, and it would withdraw 12." in wrong.text) == (409, True)
    assert visitor.post(f"{base}/hr/settings", {**asked, "yes": "1", "withdrawals": "12"}).status_code == 303
    sql = "SELECT count(*) FROM enrolment WHERE state > 0"
    with world.runtime.db.read() as session:
        assert session.execute(text(sql)).scalar_one() == 0
    assert visitor.post(f"{base}/hr/settings", {**asked, "kind": "scim", "yes": "1"}).status_code == 303
    assert "Where the directory pushes" in visitor.page(f"{base}/hr")


def test_the_settings_of_a_source_of_any_kind_name_its_own_kind(world: World, visit: Visit) -> None:
    visitor, base = visit(), f"/hosts/{HOST}/sources"
    for kind in ("nrps", "moodle", "csv"):
        assert visitor.post(base, {"name": kind, "kind": kind}).status_code == 303
        assert re.search(f'<option value="{kind}" selected>', visitor.page(f"{base}/{kind}"))
        assert (
            visitor.post(f"{base}/{kind}/settings", {"kind": kind, "join": "id=number", "mapping": ""}).status_code
            == 303
        )
