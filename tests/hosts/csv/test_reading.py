"""Files as HR really writes them are read, and what cannot be read is named by line and column."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest

from plugin.core.errors import Invalid
from plugin.hosts.csv import mapping as mappings
from plugin.hosts.csv.archives import unpack
from plugin.hosts.csv.file_faults import Unreadable
from plugin.hosts.csv.reading import ReadFile, read

GERMAN = "Personal-Nr.;Vorname;Nachname;Abteilung;Führungskraft;Eintritt;Austritt;Status\r\n001;Jörg;Müß;Bau;002;1.2.2020;31.12.9999;Aktiv\r\n"


def one(data: bytes | str, name: str = "people.csv", kind: str = "", **mapping: Any) -> ReadFile:
    raw = data.encode() if isinstance(data, str) else data
    [file] = unpack(name, raw, kind)
    return read(file, mappings.read(mapping), "id")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
def test_every_encoding_of_hr_is_recognised(codec: str) -> None:
    reading = one(GERMAN.encode(codec))
    assert reading.refused == []
    [row] = reading.rows
    assert (row.get("id"), row.get("first_name"), row.get("last_name"), row.get("manager")) == (
        "001",
        "Jörg",
        "Müß",
        "002",
    )
    assert (row.get("start"), row.get("end"), row.active) == ("2020-02-01", "", True)


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_every_separator_a_title_and_empty_ends_are_read(sign: str) -> None:
    text = f'All people{sign}{sign}\n\n id {sign}First name{sign}{sign}\n1{sign}"Ann\nLee"{sign}{sign}{sign}\n{sign}{sign}\n2{sign}Bob\n\n'
    reading = one(text)
    assert [(row.line, row.get("id"), row.get("first_name")) for row in reading.rows] == [
        (4, "1", "Ann\nLee"),
        (7, "2", "Bob"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id;ID\n1;2\n", "line 1, column 2: the heading 'ID' stands twice"),
        ("a,b\n1,2\n", "line 1: there is no column 'id'"),
        ("id,start\n1,02/03/2026\n", "column 'start': the dates can be read in two ways"),
        ("id,start\n1,13/03/2026\n2,03/13/2026\n", "column 'start'"),
        ('id,name\n1,"x\n2,y\n', "line 2: a quote is opened and never closed"),
        ("", "empty"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(text: str, words: str) -> None:
    with pytest.raises(Unreadable) as error:
        one(text)
    assert words in error.value.sentence


def test_rows_that_cannot_be_used_name_line_and_column_and_the_others_are_read() -> None:
    reading = one(
        "id,start,active,end\n1,2020-01-01,yes,\n,2020-01-01,,\n3,20.20.2020,,\n4,,Elternzeit,\n5,,,,x\n6,\x00,,\n7,2021-01-01,no,2020-01-01\n"
    )
    assert [row.get("id") for row in reading.rows] == ["1"]
    assert [(bad.line, bad.column, bad.id) for bad in reading.refused] == [
        (3, "id", ""), (4, "start", "3"), (5, "active", "4"), (6, "5", "5"), (7, "start", "6"), (8, "end", "7"),
    ]  # fmt: skip
    assert one("id,active\n4,Elternzeit\n", words={"active": {"Elternzeit": True}}).rows[0].active


@pytest.mark.parametrize(
    ("values", "days"),
    [
        (["31.12.2025", "1.2.2026"], ["2025-12-31", "2026-02-01"]),
        (["15-Mar-24", "3-Dez-2024", "1 août 2024"], ["2024-03-15", "2024-12-03", "2024-08-01"]),
        (["45292", "45293.0"], ["2024-01-01", "2024-01-02"]),
        (["2024-02-29T00:00:00", "2024/03/01"], ["2024-02-29", "2024-03-01"]),
        (["02/02/2026", "03/03/2026"], ["2026-02-02", "2026-03-03"]),
        (["12/31/2026", "01/02/2026"], ["2026-12-31", "2026-01-02"]),
        (["1/25/2020 12:00:00 AM", "3/4/2020 5:30 pm"], ["2020-01-25", "2020-03-04"]),
        (["00.00.0000", "01.02.2020"], ["", "2020-02-01"]),
        (["0000-00-00 00:00:00", "0", "13/02/2020"], ["", "", "2020-02-13"]),
    ],
)
def test_one_format_of_dates_is_decided_over_the_whole_column(values: list[str], days: list[str]) -> None:
    reading = one("id,start\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values)))
    assert [row.get("start") for row in reading.rows] == days


def test_of_two_files_of_a_day_the_later_hour_is_the_later_one() -> None:
    times = [one(f"id,generated\n1,2/13/2026 {hour}\n").generated for hour in ("12:30 AM", "11:00 AM", "1:15:30 PM")]
    assert times == ["2026-02-13 00:30:00", "2026-02-13 11:00:00", "2026-02-13 13:15:30"]


def test_a_declared_format_decides_and_far_ends_are_none() -> None:
    text = "id,start,end\n1,02/03/2026,12/31/99\n2,02/04/2026,12/31/9999\n"
    rows = one(text, dates="mm/dd/yyyy").rows
    assert [(row.get("start"), row.get("end")) for row in rows] == [("2026-02-03", ""), ("2026-02-04", "")]


def test_the_year_99_means_never_as_an_end_and_1999_elsewhere() -> None:
    rows = one("id,start,position_since,end\n1,01.03.99,02.03.99,31.12.99\n2,1.1.98,,30.11.98\n").rows
    assert [row.values.get("position_since", "") for row in rows] == ["1999-03-02", ""]
    assert [(row.get("start"), row.get("end")) for row in rows] == [("1999-03-01", ""), ("1998-01-01", "1998-11-30")]


def test_further_columns_are_kept_only_where_ticked_and_the_mapping_names_ours() -> None:
    reading = one("Nr,Gehalt,Kst\n1,9000,K7\n", columns={"id": "nr"}, keep=["Kst"])
    assert reading.rows[0].kept == {"Kst": "K7"}
    assert set(reading.table.others) == {"Gehalt", "Kst"}


def book(rows: list[list[Any]], title: str = "people") -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def test_spreadsheets_zips_and_gzip_are_read_as_they_are() -> None:
    data = book([["id", "start", "active"], [7, date(2024, 5, 1), True], [8, None, False]])
    rows = one(data, "export.xlsx").rows
    assert [(row.get("id"), row.get("start"), row.active) for row in rows] == [
        ("7", "2024-05-01", True),
        ("8", "", False),
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/People_2026-11-30.CSV", "id\n1\n")
        archive.writestr("Organisations.csv", "id,name\nA,Claims\n")
        archive.writestr("readme.txt", "hello")
    files = unpack("all.zip", packed.getvalue())
    assert [(file.kind, file.day) for file in files] == [("people", "2026-11-30"), ("organisations", "")]
    assert one(gzip.compress(b"id\n1\n"), "people.csv.gz").rows[0].get("id") == "1"


@pytest.mark.parametrize("declared", [{}, {"dates": "dd.mm.yyyy"}])
def test_dates_that_a_spreadsheet_keeps_as_such_are_read_beside_those_that_were_typed(declared: dict[str, str]) -> None:
    data = book([["id", "start", "end"], [1, date(2020, 3, 4), date(9999, 12, 31)], [2, "05.03.2020", None]])
    reading = one(data, "people.xlsx", **declared)
    assert reading.refused == []
    assert [(row.get("start"), row.get("end")) for row in reading.rows] == [("2020-03-04", ""), ("2020-03-05", "")]


def test_a_spreadsheet_tells_numbers_as_it_shows_them_and_where_a_formula_failed() -> None:
    made = openpyxl.Workbook()
    for row in (["id", "manager", "position"], [42, 7, "Cook"], [43, "#N/A", ""], [44, "", "#NV"]):
        made.active.append(row)
    for place in ("A2", "B2", "A3"):
        made.active[place].number_format = "00000"
    stream = io.BytesIO()
    made.save(stream)
    reading = one(stream.getvalue(), "people.xlsx")
    assert [(row.get("id"), row.get("manager")) for row in reading.rows] == [("00042", "00007")]
    assert [(bad.line, bad.column, bad.id, bad.why) for bad in reading.refused] == [
        (3, "manager", "00043", "the cell holds an error of the spreadsheet, #N/A"),
        (4, "position", "44", "the cell holds an error of the spreadsheet, #NV"),
    ]


def test_utf_16_that_is_declared_and_has_no_mark_is_read_by_its_letters() -> None:
    for codec in ("utf-16-le", "utf-16-be"):
        assert one(GERMAN.encode(codec), encoding="utf-16").rows[0].get("last_name") == "Müß"


def test_a_bomb_is_refused_by_its_size_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    from plugin.hosts.csv import archives

    monkeypatch.setattr(archives, "MOST", 100_000)
    monkeypatch.setattr(archives, "MOST_SHEET", 1_000)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", "id\n" + "1\n" * 100_000)
    for name, data in (
        ("people.zip", stream.getvalue()), ("people.csv.gz", gzip.compress(b"1\n" * 100_000)), ("people.xlsx", book([["id"], [1]])),
    ):  # fmt: skip
        with pytest.raises(Unreadable, match="too large"):
            unpack(name, data)


def sheet(rows: str) -> bytes:
    """A spreadsheet whose only sheet says these rows, as XML."""
    source, stream = zipfile.ZipFile(io.BytesIO(book([["id"]]))), io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for one_ in source.infolist():
            space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
            new = f'<worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'
            packed.writestr(one_, new if one_.filename.endswith("sheet1.xml") else source.read(one_))
    return stream.getvalue()


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="900000000"><c r="A900000000"><v>1</v></c></row>',
        "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 9)),
    ],
)
def test_a_sheet_that_says_many_cells_in_few_letters_is_refused(monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    from plugin.hosts.csv import archives

    monkeypatch.setattr(archives, "MOST_CELLS", 100_000)
    monkeypatch.setattr(archives, "MOST_ROWS", 1_000)
    with pytest.raises(Unreadable, match="too many cells"):
        unpack("people.xlsx", sheet(rows))


def test_archives_in_archives_lead_nowhere_and_grow_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from plugin.hosts.csv import archives

    deep = b"id\n1\n"
    for _layer in range(1_100):
        deep = gzip.compress(deep, 1)
    with pytest.raises(Unreadable, match="archive in an archive"):
        unpack("people.csv.gz", deep)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("people.csv.gz", "organisations.csv.gz", "people_2026-11-30.csv.gz"):
            packed.writestr(name, gzip.compress(b"id\n" + b"1\n" * 300))
    assert [(file.kind, file.day) for file in unpack("all.zip", stream.getvalue())] == [
        ("people", "2026-11-30"), ("organisations", ""),
    ]  # fmt: skip
    assert one(gzip.compress(book([["id"], [1]])), "people.xlsx.gz").rows[0].get("id") == "1"
    monkeypatch.setattr(archives, "MOST", 1_000)
    with pytest.raises(Unreadable, match="too large"):
        unpack("all.zip", stream.getvalue())


@pytest.mark.parametrize(
    "document",
    [
        {"shoes": 1},
        {"mode": "half"},
        {"dates": "yy"},
        {"words": {"active": {"x": "y"}}},
        {"keep": "x"},
        {"leavers": {"freeze": "soon"}},
        {"columns": {"organization": "OE"}},
        {"columns": {"id": "Nr", "manager": "nr."}},
        {"words": {"status": {"Elternzeit": True}}},
        {"encoding": "windows-9999"},
        {"scim_users": True},
        [],
    ],
)
def test_a_mapping_that_says_what_it_may_not_is_refused(document: Any) -> None:
    with pytest.raises(Invalid):
        mappings.check(document)


def test_a_mapping_may_name_the_field_that_joins_and_one_heading_in_files_of_two_kinds() -> None:
    document = {"columns": {"id": "Nummer", "person": "Nummer", "login": "Benutzer"}, "encoding": "Windows-1252"}
    assert mappings.check(document, "login") == document
    people = read(unpack("people.csv", b"Nummer,Benutzer\n1,ann\n")[0], mappings.read(document), "login")
    assert [(row.get("id"), row.get("login")) for row in people.rows] == [("1", "ann")]
    audiences = read(unpack("audiences.csv", b"audience,Nummer\nA,1\n")[0], mappings.read(document), "login")
    assert [row.get("person") for row in audiences.rows] == ["1"]


def test_what_the_mapping_names_for_people_may_be_called_otherwise_in_files_of_units() -> None:
    reading = one("id,name,parent\nA,Claims,\n", "organisations.csv", columns={"id": "Personalnummer", "name": "Wer"})
    assert [(row.get("id"), row.get("name")) for row in reading.rows] == [("A", "Claims")]


@pytest.mark.parametrize("ours", ["id", "organisation", "active", "end", "manager"])
def test_a_column_of_people_that_the_mapping_names_and_the_file_has_not_stops_it(ours: str) -> None:
    with pytest.raises(Unreadable, match=f"line 1: there is no column 'Wie', which the mapping names as '{ours}'"):
        one("id,organisation,active,end,manager\n1,A,yes,,\n", columns={ours: "Wie"})
