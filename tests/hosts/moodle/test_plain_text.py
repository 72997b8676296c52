"""Names as their readers see them: in one language, decoded once, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugin.hosts.moodle.plain_text import plain
from tests.hosts.conformance.cases import MoodleCase
from tests.hosts.fake_moodle import serve_moodle

BOTH = '<span lang="en" class="multilang">Fire & water</span><span lang="de" class="multilang">Feuer & Wasser</span>'


@pytest.fixture(params=["4.5", "5.1"])
def case(request: pytest.FixtureRequest) -> Iterator[MoodleCase]:
    with serve_moodle(10, request.param) as fake:
        yield MoodleCase(fake)


@pytest.mark.parametrize(
    ("written", "language", "shown"),
    [
        ("Plain", "en", "Plain"), ("R&amp;D", "en", "R&D"), ("R&D", "en", "R&D"), ("a &amp;amp; b", "en", "a &amp; b"),
        ("5 &lt; 6", "en", "5 < 6"), ("5 < 6", "en", "5 < 6"), ("<b>Bold</b>", "en", "Bold"),
        ("1 &lt;b&gt; 2", "en", "1 <b> 2"), (f"{BOTH}!", "de", "Feuer & Wasser!"), (BOTH, "en", "Fire & water"),
        (BOTH, "de_kids", "Feuer & Wasser"), (BOTH, "fr", "Fire & water"),
        ('<span class="multilang" lang="fr">Un</span> <span class="multilang" lang="it">Uno</span>', "de", "Un"),
        ('<span lang="fr">alone</span>', "de", "alone"), ("{mlang en}One{mlang}{mlang de}Eins{mlang}", "de", "Eins"),
        ("{mlang en}One{mlang}{mlang other}Autre{mlang}", "pl", "Autre"), ("{mlang en,de}Both{mlang} x", "de", "Both x"),
        ("{mlang} is no language", "en", "{mlang} is no language"), ("O&#039;Neil", "en", "O'Neil"), ("", "en", ""),
    ],
)  # fmt: skip
def test_a_text_is_what_its_readers_see(written: str, language: str, shown: str) -> None:
    assert plain(written, language) == shown


@pytest.mark.parametrize(("language", "shown"), [("en", "Fire & water"), ("de", "Feuer & Wasser")])
def test_every_kind_of_record_is_named_so(case: MoodleCase, language: str, shown: str) -> None:
    fake = case.fake
    fake.language = language
    fake.course(11, fullname=BOTH, shortname="S&T")
    fake.cohort(1, 3, name=BOTH)
    fake.user(3, lastname="Tom & Jerry", custom={"orgpath": f"/R&amp;D/{BOTH}", "position": "P&amp;L"})
    host = case.host()
    found = {kind: {row.id: row.fields for page in host.read(kind) for row in page.rows} for kind in case.kinds}
    assert found["courses"]["11"]["name"] == shown
    assert found["courses"]["11"]["code"] == "S&T"
    assert found["audiences"]["1"]["name"] == shown
    assert found["people"]["3"]["name"] == "First3 Tom & Jerry"
    assert {"R&D", shown, "P&L"} <= {one["name"] for one in found["units"].values()}
    assert found["jobs"]["p:3"]["title"] == "P&L"
    own = {"Organisations", "Positions"} if language == "en" else {"Organisationseinheiten", "Positionen"}
    assert {one["framework_name"] for one in found["units"].values()} == own


def test_a_manager_is_found_by_a_name_that_was_escaped(case: MoodleCase) -> None:
    case.fake.user(4, username="o&m")
    case.fake.user(5, custom={"manager": "o&m"})
    host = case.host()
    for _kind in ("people", "units"):
        list(host.read(_kind))
    jobs = {row.id: row.fields for page in host.read("jobs") for row in page.rows}
    assert jobs["p:5"]["manager"] == "4"


def test_what_moodle_says_when_it_refuses_is_decoded_too(case: MoodleCase) -> None:
    from plugin.hosts.moodle.rest import Fault
    from tests.hosts.fake_moodle import MoodleError

    def refuse(_name: str) -> None:
        raise MoodleError("nopermissions", "You &amp; I may not")

    case.fake.before = refuse
    with pytest.raises(Fault, match="You & I may not"):
        case.host().rest.call("core_user_get_users_by_field")
