"""Content: course sets, minimum time, progress along a path, what is open."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.certifications.rules.content import (
    EMPTY,
    Content,
    CourseSet,
    check_same,
    courses_of,
    minimum_time,
    progress,
)
from plugin.certifications.rules.written_content import dump_content, parse_content
from plugin.core.days import DAY, Period

FAST = settings(max_examples=80, deadline=None, derandomize=True)


def one(course: str, join: str = "then", needs: str | int = "all", minimum: Period | None = None) -> CourseSet:
    """A set of one course, or of several when the text has several letters."""
    return CourseSet(course, tuple(course), needs, minimum, join)


def test_the_file_form_is_read_and_written_back() -> None:
    value = {
        "certification": [
            {"name": "Core", "courses": ["c1", "c2"], "needs": "all", "minimum": "14 days", "next": "then"},
            {"name": "Choice", "courses": ["c3", "c4", "c5"], "needs": 2, "next": "then"},
        ],
        "recertification": "same",
    }
    content = parse_content(value)
    assert content.certification[0].minimum == Period(14, "days")
    assert content.recertification_path == content.certification
    assert dump_content(content) == value
    assert parse_content(dump_content(content)) == content


def test_a_path_left_out_stays_as_it_is() -> None:
    before = parse_content({"certification": [{"name": "A", "courses": ["a"]}], "recertification": "same"})
    after = parse_content({"recertification": [{"name": "B", "courses": [7]}]}, before)
    assert after.certification == before.certification
    assert after.recertification == (CourseSet("B", ("7",)),)
    assert parse_content({}) == EMPTY


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        ("c1", "list of course sets"),
        ([{"name": "A", "courses": ["a"]}] * 201, "more than 200"),
        (["c1"], "name and courses"),
        ([{"courses": ["a"]}], "name"),
        ([{"name": "A"}], "courses"),
        ([{"name": "A", "courses": []}], "courses"),
        ([{"name": "A", "courses": "abc"}], "courses"),
        ([{"name": "A", "courses": [None]}], "id it has"),
        ([{"name": "A", "courses": [""]}], "id it has"),
        ([{"name": "A", "courses": ["a", "a"]}], "twice"),
        ([{"name": "A", "courses": ["a"], "needs": 2}], "needs 2 courses but has 1"),
        ([{"name": "A", "courses": ["a"], "needs": 0}], "needs 0"),
        ([{"name": "A", "courses": ["a"], "needs": True}], "'needs' is"),
        ([{"name": "A", "courses": ["a"], "needs": "some"}], "'needs' is"),
        ([{"name": "A", "courses": ["a"], "minimum": "1 month"}], "unit"),
        ([{"name": "A", "courses": ["a"], "minimum": "-1 days"}], "minimum time"),
        ([{"name": "A", "courses": ["a"], "next": "xor"}], "'next' is"),
        ([{"name": "A", "courses": ["a"], "nxt": "or"}], "'nxt' is not known"),
    ],
)
def test_wrong_content_is_refused_with_a_sentence_that_names_the_set(sets: object, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        parse_content({"certification": sets})
    assert "certification path" in str(refused.value) or "Course set 1" in str(refused.value)


def test_unknown_parts_of_content_are_refused() -> None:
    with pytest.raises(ValueError, match="'recert'"):
        parse_content({"recert": []})
    with pytest.raises(ValueError, match="Content has"):
        parse_content([])


def test_the_same_path_is_refused_where_the_host_cannot_reset() -> None:
    content = Content((one("a"),), "same")
    check_same(content, host_can_reset=True)
    check_same(Content((one("a"),), (one("b"),)), host_can_reset=False)
    with pytest.raises(ValueError, match="does not reset completions"):
        check_same(content, host_can_reset=False)


def test_minimum_times_add_up_over_then_and_the_largest_counts_inside_a_group() -> None:
    path = (
        one("a", "or", minimum=Period(1, "weeks")),
        one("b", "and", minimum=Period(10, "days")),
        one("c", "then"),
        one("d", "then"),
        one("e", "then", minimum=Period(12, "hours")),
    )
    assert minimum_time(path) == 10 * DAY + 43_200
    assert minimum_time(()) == 0


@pytest.mark.parametrize(
    ("needs", "done", "expected"),
    [
        ("all", {"a": 1, "b": 5}, None),
        ("all", {"a": 1, "b": 5, "c": 3}, 5),
        ("any", {"b": 5, "c": 3}, 3),
        (2, {"b": 5}, None),
        (2, {"a": 9, "b": 5, "c": 3}, 5),
        ("optional", {"a": 9, "b": 5, "c": 3}, None),
        ("any", {"x": 1}, None),
    ],
)
def test_a_set_is_done_when_as_many_courses_as_it_needs_are(
    needs: str | int, done: dict[str, int], expected: int | None
) -> None:
    result = progress((one("abc", needs=needs),), done)
    assert result.completed_at == expected
    assert result.complete == (expected is not None)


def test_empty_and_all_optional_content_is_never_complete() -> None:
    assert not progress((), {"a": 1}).complete
    optional = progress((one("a", needs="optional"), one("b", needs="optional")), {"a": 1, "b": 2})
    assert not optional.complete
    assert optional.done_sets == {0, 1}
    assert optional.open_courses == {"a", "b"}


def test_when_a_set_is_done_the_next_one_opens() -> None:
    path = (one("ab"), one("c", needs="optional"), one("d"), one("e"))
    assert progress(path, {}).open_courses == {"a", "b"}
    assert progress(path, {"a": 1}).open_courses == {"a", "b"}
    assert progress(path, {"a": 1, "b": 2}).open_courses == {"a", "b", "c", "d"}
    finished = progress(path, {"a": 1, "b": 9, "d": 3, "e": 4})
    assert finished.open_courses == courses_of(path)
    assert finished.completed_at == 9
    assert finished.done_sets == {0, 2, 3}


def test_and_binds_tighter_than_or() -> None:
    path = (one("a", "or"), one("b", "and"), one("c"))
    assert progress(path, {"a": 4}).completed_at == 4
    assert progress(path, {"b": 1}).completed_at is None
    assert progress(path, {"b": 1, "c": 3}).completed_at == 3
    assert progress(path, {"a": 2, "b": 1, "c": 3}).completed_at == 2
    assert progress(path, {}).open_courses == {"a", "b", "c"}


def test_an_optional_set_neither_holds_up_nor_completes_a_group() -> None:
    path = (one("a", "or"), one("b", "then", "optional"))
    assert not progress(path, {"b": 1}).complete
    assert progress((one("a", "and"), one("b", "then", "optional")), {"a": 1}).completed_at == 1


def test_only_completions_after_the_window_opened_count() -> None:
    path = (one("ab"),)
    assert progress(path, {"a": 10, "b": 11}, since=10).done_sets == frozenset()
    assert not progress(path, {"a": 10, "b": 11}, since=10).complete
    assert progress(path, {"a": (3, 20), "b": [11, 5]}, since=10).completed_at == 20
    assert not progress(path, {"a": 11, "b": 30}, since=10, until=29).complete


def test_behaviour_85_beginning_a_course_starts_only_the_paths_that_have_it() -> None:
    assert progress((one("ab"),), {}, begun=frozenset("b")).started
    assert not progress((one("cd"),), {}, begun=frozenset("b")).started
    assert progress((one("ab"),), {"a": 1}).started
    assert not progress((one("ab"),), {"a": 1}, since=1).started


def paths() -> st.SearchStrategy[tuple[CourseSet, ...]]:
    sets = st.builds(
        lambda courses, needs, join: CourseSet(
            "s", tuple(courses), min(needs, len(courses)) if isinstance(needs, int) else needs, None, join
        ),
        st.lists(st.sampled_from("abcde"), min_size=1, max_size=3, unique=True),
        st.sampled_from(["all", "any", "optional", 1, 2]),
        st.sampled_from(["then", "or", "and"]),
    )
    return st.lists(sets, max_size=5).map(tuple)


DONE = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 9), max_size=5)


def naive_complete(path: tuple[CourseSet, ...], done: set[str]) -> bool:
    """The rule once more, as words: every group has an OR part whose needed sets are all done."""

    def set_done(entry: CourseSet) -> bool:
        hits = len(done & set(entry.courses))
        return hits >= {"all": len(entry.courses), "any": 1}.get(str(entry.needs), 0) and (
            not isinstance(entry.needs, int) or hits >= entry.needs
        )

    asked = False
    rest = list(path)
    while rest:
        parts: list[list[CourseSet]] = [[]]
        while rest:
            entry = rest.pop(0)
            parts[-1].append(entry)
            if entry.next == "then":
                break
            if entry.next == "or":
                parts.append([])
        needed = [[entry for entry in part if entry.needs != "optional"] for part in parts]
        needed = [part for part in needed if part]
        if needed:
            asked = True
            if not any(all(map(set_done, part)) for part in needed):
                return False
    return asked


@FAST
@given(paths(), DONE)
def test_completed_at_is_the_first_instant_at_which_the_path_is_complete(
    path: tuple[CourseSet, ...], done: dict[str, int]
) -> None:
    firsts = [t for t in range(11) if naive_complete(path, {c for c, at in done.items() if at <= t})]
    assert progress(path, done).completed_at == min(firsts, default=None)


@FAST
@given(paths(), DONE, st.sampled_from("abcde"), st.integers(1, 9))
def test_completing_more_never_closes_a_course_or_delays_the_end(
    path: tuple[CourseSet, ...], done: dict[str, int], course: str, at: int
) -> None:
    before = progress(path, done)
    after = progress(path, {course: at} | done)
    assert before.open_courses <= after.open_courses
    assert before.done_sets <= after.done_sets
    if before.completed_at is not None:
        assert after.completed_at is not None
        assert after.completed_at <= before.completed_at


@FAST
@given(paths(), st.none() | st.just("same") | paths())
def test_every_content_survives_the_file(
    path: tuple[CourseSet, ...], again: tuple[CourseSet, ...] | str | None
) -> None:
    raw = {"certification": dump_content(Content(path))["certification"]}
    again_raw = again if isinstance(again, str) else dump_content(Content(again or ()))["certification"]
    content = parse_content(raw | {"recertification": again_raw})
    assert parse_content(dump_content(content)) == content


def test_all_of_a_set_is_done_for_every_order_of_completion() -> None:
    for times in product((1, 2, 3), repeat=3):
        done = dict(zip("abc", times, strict=True))
        assert progress((one("abc"),), done).completed_at == max(times)
