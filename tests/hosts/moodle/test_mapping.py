"""A mapping is a pure function: profiles in, places out; what is not understood is said, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from plugin.core.errors import Invalid
from plugin.hosts.moodle.mapping import MoodleMapping, MoodleSample, place, preview, read_date, unit_id
from plugin.hosts.moodle.sampling import MAPPER, sample
from plugin.hosts.port import ConnectionSpec
from tests.hosts.conformance.cases import MAPPING, MoodleCase
from tests.hosts.fake_moodle import serve_moodle


@pytest.fixture
def case() -> Iterator[MoodleCase]:
    with serve_moodle(60) as fake:
        yield MoodleCase(fake)


def user(number: int, **custom: str) -> dict[str, Any]:
    fields = [{"shortname": name, "value": value} for name, value in custom.items()]
    return {
        "id": number,
        "fullname": f"P {number}",
        "username": f"u{number}",
        "department": "Ops",
        "customfields": fields,
    }


def jobs(case: MoodleCase, **mapping: str) -> dict[str, dict[str, Any]]:
    case.spec = ConnectionSpec(**{**vars(case.spec), "mapping": mapping})
    return {row.id: dict(row.fields) for page in case.host().read("jobs") for row in page.rows}


def units(case: MoodleCase, **mapping: str) -> dict[str, dict[str, Any]]:
    case.spec = ConnectionSpec(**{**vars(case.spec), "mapping": mapping})
    return {row.id: dict(row.fields) for page in case.host().read("units") for row in page.rows}


@pytest.mark.parametrize(
    ("written", "separator", "path"),
    [
        ("/Acme/Ops/Team 1", "/", ("Acme", "Ops", "Team 1")), (" Acme /  Ops ", "/", ("Acme", "Ops")), ("Acme", "/", ("Acme",)),
        ("A > B > C", ">", ("A", "B", "C")), ("A/B", "", ("A/B",)), ("///", "/", None), ("", "/", None), ("A :: B", "::", ("A", "B")),
    ],
)  # fmt: skip
def test_a_path_is_split_and_trimmed(written: str, separator: str, path: tuple[str, ...] | None) -> None:
    mapping = MoodleMapping(organisation="profile:org", separator=separator)
    assert place(user(1, org=written), mapping).organisations == ((path,) if path else ())


def test_units_are_the_same_however_they_are_written() -> None:
    assert unit_id("organisation", ["Acme", "Ops"]) == unit_id("organisation", ["ACME", "ops"])
    assert unit_id("organisation", ["A/B"]) != unit_id("organisation", ["A", "B"])
    assert len(unit_id("organisation", ["x" * 250] * 10)) < 100


@pytest.mark.parametrize(
    ("written", "pattern", "day"),
    [
        ("1580428800", "", "2020-01-31T00:00:00Z"), ("2020-01-31", "", "2020-01-31"), ("20200131", "", "2020-01-31"),
        ("2020-01-31T10:00:00+02:00", "", "2020-01-31T10:00:00+02:00"), ("2020-01-31T10:00:00", "", "2020-01-31"), ("31/01/2020", "%d/%m/%Y", "2020-01-31"),
        ("31/01/2020", "", None), ("0", "", None), ("soon", "", None), ("99999999999999999", "", None), ("31.13.2020", "%d.%m.%Y", None),
    ],
)  # fmt: skip
def test_dates_of_each_kind(written: str, pattern: str, day: str | None) -> None:
    assert read_date(written, pattern) == day


@pytest.mark.parametrize(
    "bad",
    [
        {"organisation": "shoe size"}, {"position": "profile:"}, {"manager": "cohort:X"}, {"manager_by": "nickname"},
        {"separator": "------"}, {"start": "cohort:A"}, {"organisation": "profile:" + "x" * 300},
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_is_refused_in_a_sentence(bad: dict[str, str]) -> None:
    with pytest.raises(Invalid) as error:
        MoodleMapping.from_dict(bad)
    assert error.value.sentence.endswith(".")


def test_a_preview_says_who_stays_unresolved_and_of_what() -> None:
    mapping = MoodleMapping.from_dict({**MAPPING, "start": "profile:hired"})
    people = [
        user(1, orgpath="/A", position="Boss", hired="2020-01-31"),
        user(2, orgpath="/A/B", position="Agent", manager="u1"),
        user(3, position="Agent", manager="u1"),
        user(4, orgpath="/A", position="Agent", manager="nobody", hired="soon"),
    ]
    found = preview(people, mapping)
    assert found.unresolved_share == 0.5
    assert [one.unresolved for one in found.samples] == [(), (), ("organisation",), ("start", "manager")]
    assert (found.samples[1].organisation, found.samples[1].manager) == ("A / B", "P 1")
    assert list(found.units) == ["A", "A / B", "Agent", "Boss"]
    assert preview([], mapping).unresolved_share == 0.0


def test_samples_know_managers_and_cohorts_outside_them(case: MoodleCase) -> None:
    found = sample(case.host(), 50)
    assert len(found.users) == 50
    shown = MAPPER.preview(found, MAPPER.clean(MAPPING))
    # The connector's own account has no organisation and no position; everybody else is whole, whoever the manager is.
    assert [one.id for one in shown.samples if one.unresolved] == ["2"]
    by_cohort = MAPPER.preview(found, MAPPER.clean({"organisation": "cohort:CH"}))
    assert {one.organisation for one in by_cohort.samples if one.id == "11"} == {"Cohort 1; Cohort 2"}


def test_a_preview_of_a_site_without_people_is_empty() -> None:
    assert preview(MoodleSample(), MoodleMapping()).samples == []


def test_duplicate_id_numbers_name_no_manager(case: MoodleCase) -> None:
    case.fake.user(5, idnumber="SAME")
    case.fake.user(6, idnumber="same")
    case.fake.user(9, custom={"boss": "SAME"})
    case.fake.user(10, custom={"boss": "EMP00007"})
    found = jobs(case, manager="profile:boss", manager_by="idnumber")
    assert "manager" not in found["p:9"]
    assert found["p:10"]["manager"] == "7"


@pytest.mark.parametrize(
    ("by", "reference"),
    [("username", "USER007"), ("email", "User7@Example.com"), ("idnumber", "EMP00007")],
)
def test_a_manager_named_in_other_letters_is_the_same_read_whole_or_by_id(
    case: MoodleCase, by: str, reference: str
) -> None:
    case.fake.user(9, custom={"boss": reference})
    whole = jobs(case, manager="profile:boss", manager_by=by)["p:9"]
    (page,) = [page for page in case.host().read("jobs", ids=["p:9"]) if page.kind == "jobs"]
    assert whole["manager"] == "7"
    assert [dict(row.fields) for row in page.rows] == [whole]


def test_nobody_is_her_own_manager_and_everybody_has_a_job(case: MoodleCase) -> None:
    case.fake.user(5, custom={"manager": "USER005 "})
    found = jobs(case, **MAPPING)
    assert "manager" not in found["p:5"]
    assert len(found) == 61
    assert found["p:2"] == {"id": "p:2", "person": "2"}


def test_nothing_mapped_makes_no_jobs(case: MoodleCase) -> None:
    assert jobs(case) == {}
    assert units(case) == {}


def test_cohorts_can_be_the_organisation_and_several_of_them_several_jobs(case: MoodleCase) -> None:
    case.fake.cohorts[1].update(name="Acme / Days", idnumber="ORG-1")
    case.fake.cohorts[2].update(name="Acme / Nights", idnumber="org-2")
    found = jobs(case, organisation="cohort:ORG-", position="profile:position")
    assert found["p:3"]["organisation"] == "org:acme/days"
    assert (found["p:10"]["organisation"], found["p:10:2"]["organisation"]) == ("org:acme/days", "org:acme/nights")
    assert found["p:10:2"]["position"] == "pos:agent"
    assert "organisation" not in found["p:30"]
    assert units(case, organisation="cohort:ORG-").keys() == {"org:acme", "org:acme/days", "org:acme/nights"}
    first, second = case.host().read("jobs", ids=["p:10:2", "p:30:2"])
    assert [row.id for row in second.rows] == ["p:10:2"]
    assert first.kind == "units"
    assert "org:acme/nights" in {row.id for row in first.rows}
    assert not first.whole  # those that nobody of these is in are not gone


def test_positions_may_be_a_tree_and_dates_bound_a_job(case: MoodleCase) -> None:
    case.fake.user(5, custom={"role": "Claims > Agent", "from": "2026-01-01", "until": "1798761600"})
    found = jobs(case, position="profile:role", position_separator=">", start="profile:from", end="profile:until")
    assert found["p:5"]["position"] == "pos:claims/agent"
    assert found["p:5"]["title"] == "Agent"
    assert (found["p:5"]["start"], found["p:5"]["end"]) == ("2026-01-01", "2027-01-01T00:00:00Z")
