"""Files as HR systems write them, of the people of this learning site, and what goes wrong with them."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import Any

from plugin.sandbox.store import Store

FORMATS = {
    "windows-1252": "German headings, semicolons, Windows-1252, a title line above",
    "xlsx": "A spreadsheet with dates as numbers",
    "utf-16": "UTF-16, separated by tabs",
    "utf-8": "UTF-8 with commas, in English",
}
STORIES = {
    "today": "Everybody, as today",
    "moved": "The next night: 40 people work elsewhere",
    "half": "Half of the rows are missing",
    "zeros": "Personnel numbers lost their leading zeros",
}
_GERMAN = (
    "Personal-Nr.",
    "Vorname",
    "Nachname",
    "E-Mail",
    "Abteilung",
    "Funktion",
    "Führungskraft",
    "Eintritt",
    "Status",
    "Gehalt",
)
_ENGLISH = (
    "Employee ID",
    "First name",
    "Last name",
    "E-mail",
    "Department",
    "Job title",
    "Manager ID",
    "Start date",
    "Status",
    "Salary",
)
_MOVED = 40
_STRANGERS = (("EMP900001", "Zoë", "Žižková"), ("EMP900002", "Jörg", "Weiß"))
"""Employees without an account."""


def staff(store: Store) -> list[dict[str, Any]]:
    """Everybody with a job, as HR knows them: number, names, a department made of words, job title, manager, first day."""
    units = {row["id"]: row for row in store.all("units")}
    people = {row["id"]: row for row in store.all("people")}
    jobs: dict[str, dict[str, Any]] = {}
    for row in store.all("jobs"):
        if row["person"] in people:
            jobs.setdefault(row["person"], row)
    of_job = {row["id"]: row["person"] for row in store.all("jobs")}
    found = []
    for number, person in sorted(people.items(), key=lambda one: one[1]["number"]):
        job = jobs.get(number)
        if job is None:
            continue
        boss = people.get(of_job.get(str(job.get("manager_job") or ""), str(job.get("manager") or "")))
        found.append(
            {
                "number": person["number"], "username": person["username"], "given": person["given_name"],
                "family": person["family_name"], "email": person["email"],
                "unit": _path(units, job.get("organisation")), "title": units.get(job.get("position"), {}).get("name", ""),
                "manager": boss["number"] if boss is not None else "", "start": str(job.get("start") or "2020-01-01")[:10],
                "active": person["state"] == "active",
            }
        )  # fmt: skip
    unit = found[0]["unit"] if found else "Head office"
    found += [
        {"number": number, "username": f"new{n}", "given": given, "family": family, "email": f"new{n}@acme.example",
         "unit": unit, "title": "Apprentice", "manager": "", "start": "2026-11-02", "active": True}
        for n, (number, given, family) in enumerate(_STRANGERS)
    ]  # fmt: skip
    return found


def _path(units: dict[str, Any], ident: Any) -> str:
    """The unit with the two above it, as HR writes departments."""
    names: list[str] = []
    while ident in units and len(names) < 3:
        names.append(str(units[ident]["name"]).replace("/", "-"))
        ident = units[ident].get("parent")
    return " / ".join(reversed(names))


def written(store: Store, form: str, story: str) -> tuple[bytes, str, str]:
    """A file of people: its bytes, its name and its media type.

    :param form: one of :data:`FORMATS`. :param story: one of :data:`STORIES`.
    """
    rows = _told(staff(store), story)
    headings = _GERMAN if form == "windows-1252" else _ENGLISH
    cells = [_cells(row, n, form) for n, row in enumerate(rows)]
    if form == "xlsx":
        return _sheet([list(headings), *cells]), "People.xlsx", (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        )  # fmt: skip
    sign = {"windows-1252": ";", "utf-16": "\t"}.get(form, ",")
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sign, lineterminator="\r\n")
    if form == "windows-1252":
        text.write("Personalliste;;;;;;;;;\r\n")
    writer.writerow(headings)
    writer.writerows(cells)
    codec = {"windows-1252": "cp1252", "utf-16": "utf-16"}.get(form, "utf-8")
    return text.getvalue().encode(codec, "replace"), "People.csv", "text/csv"


def _told(rows: list[dict[str, Any]], story: str) -> list[dict[str, Any]]:
    if story == "half":
        return rows[: (len(rows) + 1) // 2]  # not fewer than half: such a file would be refused as half written
    if story == "moved":
        units = sorted({row["unit"] for row in rows})
        return [
            {**row, "unit": units[(units.index(row["unit"]) + 1) % len(units)]} if n < _MOVED else row
            for n, row in enumerate(rows)
        ]
    if story == "zeros":
        return [{**row, "number": _bare(row["number"]), "manager": _bare(row["manager"])} for row in rows]
    return rows


def _bare(number: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", number)


def _cells(row: dict[str, Any], n: int, form: str) -> list[Any]:
    german = form == "windows-1252"
    day = date.fromisoformat(row["start"])
    start: Any = day if form == "xlsx" else day.strftime("%d.%m.%Y") if german else day.isoformat()
    status = ("aktiv" if row["active"] else "inaktiv") if german else ("Active" if row["active"] else "Inactive")
    return [row["number"], row["given"], row["family"], row["email"], row["unit"], row["title"], row["manager"], start,
            status, 30_000 + 137 * (n % 200)]  # fmt: skip


def _sheet(rows: list[list[Any]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("People")
    for row in rows:
        sheet.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()
