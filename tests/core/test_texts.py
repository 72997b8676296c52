"""Text and times from elsewhere: cleaned, read to the letter, or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.core.clock import parse_instant
from plugin.core.days import DAY, EARLIEST, LATEST
from plugin.core.errors import Invalid
from plugin.core.stamps import instant, timestamp
from plugin.core.text.texts import clean, clean_lines, clean_tree, fold, read_json, shown, storable, usable
from tests.hostile import STRINGS

NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00:00Z
ANY = st.text(st.characters(codec=None), max_size=50)


@given(ANY)
def test_cleaned_text_can_be_stored_and_is_cleaned_already(text: str) -> None:
    for found in (clean(text), clean_lines(text), shown(text)):
        assert storable(found)
        found.encode()
    assert clean(clean(text)) == clean(text)
    assert "\n" not in clean(text)
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("text", STRINGS)
def test_every_hostile_string_is_cleaned_to_what_a_database_holds(text: str) -> None:
    assert storable(clean(text))
    assert len(clean(text)) <= 255
    json.dumps(clean_tree({text: [text, {text: text}], "n": float("nan"), "big": 10**400})).encode()
    if usable(text):
        assert clean(text).strip("\ufeff") or not text.strip("\ufeff")


def test_honest_text_stays_as_it_is() -> None:
    for text in ("Zoë Müller", "株式会社", "שלום", "O'Brien", "a\u0308", "👩‍👩‍👧", "=1+1", "x  y", "Ærø", "\u200eleft"):
        assert clean(text) == text
    assert clean("a\tb\r\nc\x07\u202ed\ud800") == "a b  cd\ufffd"
    assert clean_lines("a\tb\r\nc\x07\u2028d") == "a\tb\nc\nd"


def test_json_of_a_stranger_costs_no_more_than_one_value() -> None:
    found = read_json(
        b'{"a": "\\ud800", "b": NaN, "c": 1e999, "d": "\xff\xfe", "e": "\x00\n", "f": ' + b"9" * 5000 + b"}"
    )
    assert (found["a"], found["b"], found["e"]) == ("\ud800", None, "\x00\n")
    assert found["f"] == "9" * 5000
    assert storable(clean(found["d"]))
    for body in (b"[" * 200 + b"]" * 200, b"[" * 10**6, b'{"a":' * 10**5, b"", b"{", b"nul"):
        with pytest.raises(ValueError):
            read_json(body)
    assert read_json('["' + "[" * 500 + '"]') == ["[" * 500]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01T00:00:00Z", 0), ("2026-01-01t00:00:00z", 0), ("2026-01-01T00:00:00.999Z", 0), ("2026-01-01T00:00Z", 0),
        ("2025-12-31T23:59:60Z", 0), ("2026-01-01T01:30:00+01:30", 0), ("2025-12-31T19:00:00-05:00", 0),
    ],
)  # fmt: skip
def test_times_are_read_to_the_second(text: str, seconds: int) -> None:
    assert timestamp(text) == NEW_YEAR + seconds
    assert parse_instant(text) == NEW_YEAR + seconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01x00:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01_00:00:00Z", "2026-01-01T00:00:00", "20260101T000000Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-02-29T00:00:00Z", "2026-W01-1",
        "2026-1-1", "٢٠٢٦-01-01T00:00:00Z", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+24:00", "soon", "", "1767225600",
        "0000-01-01T00:00:00Z", "2026-01-01T00:00:00Z ", "31/12/2026",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        instant(text, "UTC")
    if text.strip() == text:
        with pytest.raises(Invalid):
            parse_instant(text)


def test_days_are_the_hosts_and_with_an_offset_those_of_there() -> None:
    assert instant("2026-01-01", "UTC") == NEW_YEAR
    assert instant("2026-01-01", "Asia/Tokyo") == NEW_YEAR - 9 * 3600
    assert instant("2026-01-01", "UTC", day_after=True) == NEW_YEAR + DAY
    assert instant("2026-01-01+02:00", "Asia/Tokyo") == NEW_YEAR - 2 * 3600
    assert instant("2026-01-01Z", "Asia/Tokyo", day_after=True) == NEW_YEAR + DAY
    assert instant("9999-12-31", "UTC", day_after=True) == LATEST
    assert instant("0001-01-01T00:00:00+14:00", "UTC") == EARLIEST
