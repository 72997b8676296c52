"""What is read where a file differs from the last one tells the same as reading it whole."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from plugin.hosts.csv import last_file, mapping
from plugin.hosts.csv.archives import File
from plugin.hosts.csv.file_faults import Unreadable
from plugin.hosts.csv.last_file import LastFile, for_the_next, read_people
from plugin.hosts.csv.reading import FileRow, ReadFile, read

MAPPING = mapping.read({"keep": ["Kst"]})
UNITS = ("Claims", "Müll; Abfuhr", "Zwölf", 'The "Best"', "two\nlines", "")


def written(rows: list[tuple[str, ...]], rng: random.Random, *, ends: str, title: bool, quotes: bool) -> bytes:
    """A file of these rows, with empty lines, a title, and quotes where a cell needs them or somebody likes them."""

    def cell(text: str) -> str:
        needs = any(sign in text for sign in ';"\n')
        return '"' + text.replace('"', '""') + '"' if needs or (quotes and rng.random() < 0.1) else text

    lines = (["Export;;;"] if title else []) + ["id;organisation;start;Kst"]
    for row in rows:
        lines.append(";".join(cell(one) for one in row))
        if rng.random() < 0.05:
            lines.append(rng.choice(["", ";;;", "  "]))
    return (ends.join(lines) + ends).encode(rng.choice(["utf-8", "cp1252"]))


def by_person(rows: list[FileRow]) -> dict[str, list[tuple[object, ...]]]:
    found = defaultdict(list)
    for row in rows:
        found[row.get("id")].append((sorted(row.values.items()), sorted(row.kept.items()), row.active))
    return {one: sorted(rows, key=repr) for one, rows in found.items()}


def ids_by_mark(packed: bytes | None) -> list[tuple[int, str]]:
    assert packed is not None
    kept = LastFile.unpack(packed)
    return sorted(zip(kept.marks.tolist(), kept.ids, strict=True))


def whole(file: File) -> ReadFile | None:
    try:
        return read(file, MAPPING, "id")
    except Unreadable:
        return None


@pytest.mark.parametrize("part", range(4))
def test_reading_what_differs_tells_the_same_as_reading_it_whole(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(last_file, "FEWEST", 1)
    partly = 0
    for seed in range(part * 60, part * 60 + 60):
        rng = random.Random(seed)
        style = {"ends": rng.choice(["\n", "\r\n"]), "title": rng.random() < 0.3, "quotes": rng.random() < 0.5}
        units = UNITS if rng.random() < 0.3 else UNITS[:3]
        days = ["2020-01-02", "2021-05-31"] if rng.random() < 0.5 else ["13/02/2020", "01/02/2020", "02/02/2020"]

        def a_row(
            name: int, rng: random.Random = rng, units: tuple[str, ...] = units, days: list[str] = days
        ) -> tuple[str, ...]:
            return (
                f"{name:03}",
                rng.choice(units),
                "soon" if rng.random() < 0.03 else rng.choice(days),
                rng.choice(["K1", "K2"]),
            )

        rows = [a_row(rng.randrange(30)) for _row in range(rng.randrange(5, 40))]
        state = rng.getstate()
        first = File("people", "people.csv", written(rows, rng, **style))
        last_reading = whole(first)
        if last_reading is None:
            continue
        refused = {one.id for one in last_reading.refused if one.id}
        packed = for_the_next("u", last_reading, None, None, refused)
        if packed is None:
            continue
        changed = [one for one in rows if rng.random() > 0.1] + [
            a_row(rng.randrange(40)) for _row in range(rng.randrange(4))
        ]
        rng.setstate(state)
        second = File("people", "people.csv", written(changed, rng, **style))
        expected = whole(second)
        last = LastFile.unpack(packed)
        if expected is None:
            with pytest.raises(Unreadable):
                read_people(second, MAPPING, "id", "u", last)
            continue
        reading, found = read_people(second, MAPPING, "id", "u", last)
        assert (reading.count, reading.formats, reading.ended) == (expected.count, expected.formats, expected.ended), (
            seed
        )
        now = by_person(reading.rows)
        if found is not None:
            partly += 1
            bad = {one.id for one in expected.refused}
            assert [vars(one) for one in reading.refused] == [vars(one) for one in expected.refused], seed
            here = {row.get("id") for row in expected.rows} | bad
            assert set(found.gone) == (by_person(last_reading.rows).keys() | refused) - here, seed
            kept = {one: told for one, told in by_person(last_reading.rows).items() if one in here - bad - refused}
            now = {one: told for one, told in now.items() if one not in bad}
            assert found.same == len(kept.keys() - now.keys()), seed
            now = {**kept, **now}
            told = {one: rows for one, rows in by_person(expected.rows).items() if one not in bad}
            assert now == told, seed
        else:
            assert now == by_person(expected.rows), seed
        without = {one.id for one in expected.refused if one.id}
        fresh = for_the_next("u", expected, None, None, without)
        if fresh is not None and found is not None:
            assert ids_by_mark(for_the_next("u", reading, last, found, without)) == ids_by_mark(fresh), seed
    assert partly > 15
