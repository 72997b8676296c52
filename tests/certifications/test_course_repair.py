"""Another course in place of one that nobody can complete, or none: what becomes of those who had done something."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.certifications.rules.content import ALL, AND, ANY, OPTIONAL, OR, THEN, Content, CourseSet, progress
from plugin.certifications.rules.course_repair import drop_course, replace_course
from plugin.core.errors import RefusedByRule

COURSES = ("a", "b", "c", "x")
sets = st.builds(
    CourseSet,
    name=st.just("S"),
    courses=st.lists(st.sampled_from(COURSES), min_size=1, max_size=3, unique=True).map(tuple),
    needs=st.sampled_from((ALL, ANY, OPTIONAL)),
    next=st.sampled_from((THEN, OR, AND)),
)
paths = st.lists(sets, min_size=1, max_size=4).map(tuple)


def complete(path: tuple[CourseSet, ...], done: set[str]) -> bool:
    return progress(path, dict.fromkeys(done, 1)).complete


@settings(max_examples=300)
@given(path=paths, done=st.sets(st.sampled_from((*COURSES, "new"))))
def test_either_course_counts_wherever_the_old_one_did(path: tuple[CourseSet, ...], done: set[str]) -> None:
    found = replace_course(Content(path), "x", "new").certification
    before = done | ({"x"} if "new" in done else set())
    assert complete(found, done) == complete(path, before)


@settings(max_examples=300)
@given(path=paths, done=st.sets(st.sampled_from(COURSES)))
def test_without_the_course_the_others_count_as_before(path: tuple[CourseSet, ...], done: set[str]) -> None:
    try:
        found = drop_course(Content(path), "x").certification
    except RefusedByRule:
        return
    assert not any("x" in one.courses for one in found)
    if all(
        one.needs == ALL and one.next != OR for one in path
    ):  # where everything is needed, it is as if she had done it
        assert complete(found, done) == complete(path, done | {"x"})


def test_a_set_that_needs_some_needs_no_more_than_it_has_left() -> None:
    content = Content((CourseSet("S", ("a", "x"), 2),))
    assert drop_course(content, "x").certification == (CourseSet("S", ("a",), 1),)


def test_a_set_that_goes_leaves_the_looser_joint() -> None:
    path = (CourseSet("A", ("a",), next=AND), CourseSet("X", ("x",), next=THEN), CourseSet("B", ("b",)))
    assert [one.next for one in drop_course(Content(path), "x").certification] == [THEN, THEN]


def test_nothing_is_left_to_complete() -> None:
    with pytest.raises(RefusedByRule, match="Nothing would be left"):
        drop_course(Content((CourseSet("S", ("x",)), CourseSet("O", ("a",), OPTIONAL))), "x")
    assert drop_course(Content((CourseSet("S", ("x",)), CourseSet("B", ("b",)))), "x").certification[0].name == "B"


def test_both_paths_are_changed_and_same_stays_the_same() -> None:
    both = Content((CourseSet("S", ("x",)),), (CourseSet("R", ("x", "b")),))
    found = replace_course(both, "x", "new")
    assert found.certification == (CourseSet("S", ("x", "new"), ANY),)
    assert [one.courses for one in found.recertification_path] == [("b",), ("x", "new")]
    assert replace_course(Content((CourseSet("S", ("x",)),), "same"), "x", "new").recertification == "same"
