"""What an administrator's browser may send and must not get away with: a sentence, the right status, nothing half done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from plugin.certifications.drafts.adding import MOST_TARGETS
from plugin.core.tables import Host, HostClock
from plugin.mirror.tables import Person, Unit
from tests.web.conftest import FRAGMENT, Visit, Visitor
from tests.web.steps import add, make, picked, revision, save
from tests.world import World

SCRIPT = "<script>alert(1)</script>"


def refused(answer: TestResponse, status: int = 400) -> str:
    """The sentence of a refusal, shown as an alert; never a trace."""
    assert answer.status_code == status, answer.text[:2000]
    assert "Traceback" not in answer.text
    assert 'role="alert"' in answer.text
    return answer.text


def untouched(sam: Visitor, path: str) -> None:
    """No draft came of it."""
    assert "data-unsaved" not in sam.page(f"{path}/assignments")


@pytest.fixture
def path(visit: Visit) -> str:
    return make(visit())


def test_targets_of_another_host_are_nobodys(visit: Visit, world: World, path: str) -> None:
    with world.runtime.db.write() as session:
        session.add(Host(id=2, name="other", title="Other", time_zone="UTC", settings={}))
        session.add(HostClock(host_id=2, seq=0, as_of=world.now))
        session.add(Unit(host_id=2, id=901, ext="theirs", kind="organisation", framework="f", parent_ext="", name="X"))
        session.add(Person(host_id=2, id=901, ext="stranger", name="Stranger"))
    sam = visit()
    for kind, target in (("organisation", "theirs"), ("individual", "stranger")):
        assert "no longer has" in refused(sam.post(f"{path}/assignments/add/{kind}", {"target": [target]}))
        assert "Stranger" not in sam.page(f"{path}/f/search/{kind}?q=str")
    untouched(sam, path)
    assert sam.get("/certifications/999/assignments").status_code == 404


def test_units_of_another_framework_type_and_gone_ones_are_refused(visit: Visit, world: World, path: str) -> None:
    world.units(("chief", None), kind="position")
    sam = visit()
    refused(sam.post(f"{path}/assignments/add/organisation", {"target": ["chief"]}))
    refused(sam.post(f"{path}/assignments/add/position", {"target": ["sales"]}))
    refused(sam.post(f"{path}/assignments/add/organisation", {"target": ["sales", "nowhere"]}))
    untouched(sam, path)
    assert 'role="treeitem"' not in sam.page(f"{path}/f/tree/organisation?framework=elsewhere")
    assert 'role="treeitem"' not in sam.page(f"{path}/f/tree/organisation?framework=f&parent=chief")


@pytest.mark.parametrize("count", [0, MOST_TARGETS + 1, 10_000])
def test_nothing_selected_and_ten_thousand_selected_are_said_at_once(visit: Visit, path: str, count: int) -> None:
    sam = visit()
    for where in ("add/individual/confirm", "add/individual"):
        text = refused(sam.post(f"{path}/assignments/{where}", {"target": [f"u{n}" for n in range(count)]}))
        assert ("Nothing is selected" if not count else f"At most {MOST_TARGETS}") in text
    untouched(sam, path)


@pytest.mark.parametrize(
    ("where", "fields", "status"),
    [
        ("include", {"key": "organisation:sales", "include": "sideways"}, 400),
        ("include", {"key": "organisation:sales", "include": "direct"}, 400),
        ("include", {"key": "organisation:nowhere", "include": "below"}, 404),
        ("include", {}, 404),
        ("due", {"key": "nonsense", "kind": "none"}, 404),
        ("remove", {"key": "organisation:"}, 404),
        ("undo", {"key": "x" * 5000}, 404),
        ("add/group", {"name": ""}, 400),
        ("add/group", {"name": "x" * 101}, 400),
        ("add/everybody", {"target": ["sales"]}, 404),
        ("add/group/confirm", {"target": ["sales"]}, 400),
    ],
)
def test_values_the_page_would_not_have_offered(
    visit: Visit, path: str, where: str, fields: dict[str, str], status: int
) -> None:
    sam = visit()
    add(sam, path, "sales")
    refused(sam.post(f"{path}/assignments/{where}", fields), status)
    assert "1 unsaved change" in sam.page(f"{path}/assignments")


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999", "1e3", "²"])
def test_pages_that_are_none_show_one_that_is(visit: Visit, path: str, page: str) -> None:
    sam = visit()
    add(sam, path, "sales")
    for tab in ("assignments", "learners"):
        assert sam.page(f"{path}/{tab}?page={page}&type=nonsense&state=nonsense&sort=nonsense")
    assert "sales" in sam.page(f"{path}/assignments?page={page}")


def test_an_assignment_of_another_certification_lists_nobody(
    visit: Visit, path: str, settle: Callable[[], None]
) -> None:
    sam = visit()
    other = make(sam, name="Other")
    add(sam, path, "sales")
    save(sam, path)
    settle()
    assert "Ann" in sam.page(f"{path}/learners?assignment=1")
    assert "Ann" not in sam.page(f"{other}/learners?assignment=1")
    assert "Ann" not in sam.page(f"{other}/learners.csv?assignment=1")


# --- dates


@pytest.mark.parametrize("day", ["10000-01-01", "2027-02-30", "0000-01-01", "31.01.2027", "-2027-01-01", "9999-12-31x"])
def test_days_no_calendar_has_are_refused(visit: Visit, path: str, day: str) -> None:
    sam = visit()
    add(sam, path, "sales")
    refused(sam.post(f"{path}/assignments/due", {"key": "organisation:sales", "kind": "fixed", "date": day}))
    assert "Set due date" in sam.page(f"{path}/assignments")


def test_a_date_in_the_past_is_taken_and_its_effect_shown_before_the_save(visit: Visit, path: str) -> None:
    sam = visit()
    add(sam, path, "sales")
    answer = sam.post(
        f"{path}/assignments/due", {"key": "organisation:sales", "kind": "fixed", "date": "1999-01-31"}, fragment=True
    )
    assert answer.status_code == 200
    assert "This due date has passed" in answer.text


def test_a_date_in_the_year_9999_is_kept_or_refused_in_a_sentence(
    visit: Visit, path: str, settle: Callable[[], None]
) -> None:
    sam = visit()
    add(sam, path, "sales")
    answer = sam.post(f"{path}/assignments/due", {"key": "organisation:sales", "kind": "fixed", "date": "9999-12-31"})
    if answer.status_code != 303:
        refused(answer)
        return
    assert save(sam, path) == 303
    settle()
    assert "9999" in sam.page(f"{path}/learners")


@pytest.mark.parametrize("amount", ["-1", "1000", "1.5", "", "x", "²"])
def test_lengths_out_of_range_are_refused(visit: Visit, path: str, amount: str) -> None:
    sam = visit()
    add(sam, path, "sales")
    fields = {"key": "organisation:sales", "kind": "after", "event": "enrolment", "amount": amount, "unit": "days"}
    assert "from 0 to 999" in refused(sam.post(f"{path}/assignments/due", fields))


# --- lists


def upload(sam: Visitor, path: str, content: bytes) -> TestResponse:
    """Post a file as a browser does."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="list.csv"\r\n\r\n'
    return sam.client.post(
        f"/t/{sam.handle}{path}/f/paste/individual", data=head + content + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x", headers=FRAGMENT,
    )  # fmt: skip


def sam_keeps(sam: Visitor, path: str, lines: str) -> list[str]:
    """What each line found, as a file."""
    answer = sam.post(f"{path}/f/paste/individual", {"lines": lines, "as": "csv"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="results.csv"'
    return answer.text.removeprefix("\ufeff").splitlines()


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfusername;name\r\nann;Ann\r\nbea;Bea\r\n",
        b'"ann","x, y"\n"bea"\n',
        "ann\tü\nbea\t–\n".encode("utf-16"),
        "ann\nbea\nM\xfcller\n".encode("latin-1"),
        b"ann\rbea\r",
        b"'ann\n'bea\n",
        b"ann\nbea\nann\nbea\n\n\n",
        b"ID number\nann\nbea\n",
        b"sep=;\r\nName;User name\r\nAnn;ann\r\nBea;bea\r\n",
        b'"ann\nbea\n"nobody\n',
    ],
    ids=[
        "bom-semicolons",
        "quotes",
        "utf-16",
        "latin-1",
        "old-mac",
        "apostrophes",
        "twice",
        "heading",
        "the column a heading names",
        "quotation marks left open",
    ],
)
def test_lists_are_read_whatever_wrote_them(visit: Visit, path: str, content: bytes) -> None:
    text = upload(visit(), path, content).text
    assert "Found: 2." in text


def test_a_list_of_fifty_thousand_dirty_lines_is_answered_line_by_line(visit: Visit, path: str) -> None:
    dirt = ['=HYPERLINK("http://evil")', "+1+cmd|' /C calc'!A0", "@SUM(A1)", SCRIPT, '"unclosed', "a;b;c", "ÿ", " "]
    lines = ["ann", "bea", *(f"{dirt[n % len(dirt)]}{n}" for n in range(49_000))]
    answer = upload(visit(), path, "\ufeff".encode() + "\n".join(lines).encode())
    assert answer.status_code == 200, answer.text[:500]
    assert SCRIPT not in answer.text
    assert "Not found: 42,876." in answer.text  # each line that holds anything, once
    assert "6,124 repeated lines were left out." in answer.text
    assert "Showing 200 of 42,878" in answer.text
    assert len(answer.text) < 200_000
    kept = sam_keeps(visit(), path, "ann\n=1+1\nAnn\nbea,x")
    assert kept == ["Line,Text,Result,Learner,ID", "1,ann,Found,Ann,ann", "2,'=1+1,Not found,,", "3,Ann,Not found,,",
                    "4,bea,Found,Bea,bea"]  # fmt: skip
    many = "\n".join(f"nobody{n}" for n in range(50_001)).encode()
    assert "more than 50,000 lines" in refused(upload(visit(), path, many))
    assert "The list is empty." in refused(upload(visit(), path, b"\xef\xbb\xbf\r\n\r\n"))
    assert refused(upload(visit(), path, b"x\n" * 4_000_000), 413)


# --- names


def test_scripts_in_names_stay_text_wherever_they_stand(
    visit: Visit, world: World, path: str, settle: Callable[[], None]
) -> None:
    world.people(SCRIPT)
    world.audience(SCRIPT, SCRIPT)
    world.units((SCRIPT, None), kind="position")
    world.job("j-x", SCRIPT, "sales")
    sam = visit()
    for kind in ("audience", "position", "individual"):
        assert sam.post(f"{path}/assignments/add/{kind}", {"target": [SCRIPT]}).status_code == 303
    assert sam.post(f"{path}/assignments/add/manager", {"target": ["j-x"]}).status_code == 303
    sam.post(f"{path}/assignments/add/group", {"name": SCRIPT, "description": SCRIPT, "self_enrol": "on"})
    pages = ["assignments", "assignments/review", f"assignments/remove?key=audience:{SCRIPT}",
             f"assignments/due?key=audience:{SCRIPT}", "assignments/review/names/newly", "f/search/individual?q=script",
             "f/search/audience?q=script", "f/search/position?q=script", "f/tree/position?framework=f",
             "assignments/add/manager"]  # fmt: skip
    shown = [sam.page(f"{path}/{page}") for page in pages]
    assert save(sam, path, reason=SCRIPT) == 303
    settle()
    pages = ["assignments", "learners", f"learners/{SCRIPT.replace('/', '%2F')}", "history", "check?q=script",
             "exceptions", f"assignments?q={SCRIPT}"]  # fmt: skip
    shown += [sam.get(f"{path}/{page}").text for page in pages]
    with world.runtime.db.read() as session:
        ann = session.query(Person.id).filter(Person.ext == "ann").scalar()
    shown.append(visit("ann", administrator=False, person=ann).page("/my/certifications"))
    for page in shown:
        assert SCRIPT not in page


def test_a_file_of_learners_holds_no_formulas(
    visit: Visit, world: World, path: str, settle: Callable[[], None]
) -> None:
    world.people("=1+1")
    sam = visit()
    picked(sam, path, "individual", "=1+1")
    save(sam, path)
    settle()
    lines = sam.page(f"{path}/learners.csv").splitlines()
    assert any(line.startswith("'=1+1,'=1+1,") for line in lines), lines


# --- two tabs, and a save seen elsewhere


def test_two_tabs_of_one_administrator_save_what_was_reviewed_and_nothing_else(
    visit: Visit, path: str, settle: Callable[[], None]
) -> None:
    sam, tab = visit(), visit()
    add(sam, path, "sales")
    seen = revision(sam.page(f"{path}/assignments/review"))
    add(tab, path, "north")
    answer = sam.post(f"{path}/assignments/save", {"revision": seen})
    assert "went on in another window" in refused(answer, 409)
    settle()
    assert "No learners yet" in sam.page(f"{path}/learners")
    assert "2 unsaved changes" in sam.page(f"{path}/assignments")
    assert save(tab, path) == 303
    again = sam.post(f"{path}/assignments/save", {"revision": seen})
    assert again.location.endswith("/progress")  # pressed twice, saved once
    untouched(sam, path)


@pytest.mark.parametrize("typed", ["", "abc", "1e3", "-4", "3", "²", "9" * 30])
def test_a_wrong_number_opens_no_guard(
    visit: Visit, world: World, path: str, settle: Callable[[], None], typed: str
) -> None:
    crowd = [f"p{n}" for n in range(12)]
    world.people(*crowd)
    for name in crowd:
        world.job(f"j-{name}", name, "legal")
    sam = visit()
    add(sam, path, "legal")
    save(sam, path)
    settle()
    sam.post(f"{path}/assignments/remove", {"key": "organisation:legal"})
    shown = sam.page(f"{path}/assignments/review")
    assert "Type the number to confirm" in shown
    answer = sam.post(f"{path}/assignments/save", {"revision": revision(shown), "withdrawals": typed})
    refused(answer, 409)
    settle()
    assert "12 learners are enrolled." in sam.page(f"{path}/progress")
