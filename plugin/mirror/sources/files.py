"""From files that were read to what a source hands over: rows of one person together, jobs by their periods."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

from plugin.core.errors import RefusedByRule
from plugin.hosts.csv import mapping as mappings
from plugin.hosts.csv.actions import LastWord, actions_of, last_word
from plugin.hosts.csv.archives import newest, unpack
from plugin.hosts.csv.file_faults import RowRefused, Unreadable
from plugin.hosts.csv.last_file import FileDifference, LastFile, for_the_next, read_people
from plugin.hosts.csv.mapping import FileMapping
from plugin.hosts.csv.reading import FileRow, ReadFile, read
from plugin.mirror.pulling.row_guard import loses_too_much
from plugin.mirror.sources.source import Source, path_of
from plugin.mirror.sources.source_data import AudienceData, Delivery, PersonData, Spell, UnitData
from plugin.mirror.sources.units import FILES, WORDS

KIND_OF = {"organisations": "organisation", "positions": "position"}
_WHOLE = {"people": "people", "organisations": "organisation", "positions": "position", "audiences": "audiences"}


@dataclass
class LoadFiles:
    """Files of one load, read and put together; nothing is written yet.

    :ivar refused: by file the rows that cannot be used. :ivar stop: why the whole load stops (SOURCES 4.2), or ``""``.
    :ivar units: how units come, as this load fixes it where it is the first.
    """

    delivery: Delivery
    readings: list[ReadFile]
    refused: dict[str, list[RowRefused]] = field(default_factory=dict)
    stop: str = ""
    units: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    """Whether who or what a file does not name is gone, also where only the rows that differ were read."""
    lines: dict[str, dict[int, str]] = field(default_factory=dict)
    """By kind of file and line, whose row it is."""
    next: Callable[[], bytes | None] = lambda: None
    """What to keep of the file of people for the next load."""
    stands: tuple[Any, ...] = ()
    """How the source stood when they were read."""


def read_files(
    source: Source, named: Sequence[tuple[str, bytes]], kind: str = "", last: LastFile | None = None
) -> LoadFiles:
    """Read the files of one load.

    :param named: names and contents. :param kind: what they are, where the names need not say.
    :param last: the file of people that was loaded last, where the source's records are as it left them.
    :raises Unreadable: for a file that cannot be read. :raises RefusedByRule: where units come otherwise than fixed.
    """
    mapping = mappings.read(source.mapping)
    files = newest(one for name, data in named for one in unpack(name, data, kind))
    readings: list[ReadFile] = []
    found: FileDifference | None = None
    for one in files:
        if one.kind == "people" and mapping.mode == "whole":
            reading, found = read_people(one, mapping, source.key_field, _under(source), last)
            readings.append(reading)
        else:
            readings.append(read(one, mapping, source.key_field))
    handed = LoadFiles(
        Delivery(),
        readings,
        units=_units_fixed(source, {one.file.kind for one in readings}),
        whole=mapping.mode == "whole",
    )
    parts: dict[str, Any] = {"whole": frozenset(), "partial": frozenset()}
    for reading in readings:
        changes = actions_of(reading) if mapping.mode == "changes" else None
        handed.refused[reading.file.kind] = list(reading.refused)
        partly = found is not None and reading.file.kind == "people"
        if changes is None and not partly:
            parts["whole"] |= {_WHOLE[reading.file.kind]}
        _ADD[reading.file.kind](source, mapping, handed, reading, parts, changes)
        if reading.file.kind == "people":
            _check_key(source, reading)
            if mapping.mode == "whole":
                kept = frozenset(parts["kept"])
                handed.next = partial(for_the_next, _under(source), reading, last, found, kept)
        if partly and found is not None:
            parts.update(gone=list(found.gone), unchanged=found.same)
    handed.delivery = Delivery(**parts)
    for reading in readings:
        _judge_refused(handed, reading)
    return handed


def _under(source: Source) -> str:
    """What rows are read by; where that changes, every row is read anew."""
    said = [dict(source.mapping), source.key_field, source.account_field]
    return json.dumps(said, sort_keys=True)


def _units_fixed(source: Source, kinds: set[str]) -> dict[str, str]:
    """Whether units have files of their own is fixed at the first load (SOURCES 4)."""
    before = dict(source.settings.get("units") or {})
    fixed = dict(before)
    for name, kind in KIND_OF.items():
        if name in kinds and before.get(kind) == WORDS:
            raise RefusedByRule(
                f"The {name} of {source.name} are made of its people file; that was fixed at the first load. Remove the source"
                f" and add it again to give them a file of their own."
            )
        fixed.setdefault(kind, FILES if name in kinds else WORDS)
    return fixed


def _check_key(source: Source, reading: ReadFile) -> None:
    if source.key_field not in reading.table.columns and source.key_field not in reading.table.others:
        raise Unreadable(
            f"{reading.file.name}, line {reading.table.first}: there is no column '{source.key_field}', by which the source"
            " joins; name it in the mapping, or change the join."
        )


def _judge_refused(handed: LoadFiles, reading: ReadFile) -> None:
    refused = len(handed.refused[reading.file.kind])
    if not handed.stop and refused and loses_too_much(refused, reading.count, reading.count - refused):
        first = min(handed.refused[reading.file.kind], key=lambda one: one.line)
        handed.stop = (
            f"{refused} of {reading.count} rows of {reading.file.name} cannot be used, the first in line {first.line},"
            f" column '{first.column}': {first.why}. That is too many: nothing of it is taken."
        )


# --- people


def _add_people(
    source: Source, mapping: FileMapping, handed: LoadFiles, reading: ReadFile, parts: dict[str, Any],
    changes: dict[int, str] | None,
) -> None:  # fmt: skip
    refused = handed.refused["people"]
    by_id: dict[str, list[FileRow]] = {}
    counts = LastWord(reading.rows) if changes is None else last_word(reading.rows, changes, "id", "job")
    for row in counts.rows:
        by_id.setdefault(row.get("id"), []).append(row)
    handed.lines["people"] = {row.line: row.get("id") for row in reading.rows}
    kept = {one.id for one in refused if one.id}
    people: list[PersonData] = []
    gone: list[str] = []
    jobs_gone: list[tuple[str, str]] = []
    partial: set[str] = set()
    absent, unsaid = reading.table.absent(mapping.keep), dict[str, frozenset[str]]()
    for ext, rows in by_id.items():
        if changes is not None:
            jobs_gone += [(ext, row.get("job")) for row in rows if changes[row.line] == "remove" and row.get("job")]
            if any(changes[row.line] == "remove" and not row.get("job") for row in rows):
                gone.append(ext)
            rows = [row for row in rows if changes[row.line] != "remove"]
            if not rows:
                continue
            if any(row.get("job") for row in rows) and ext not in counts.anew:
                partial.add(ext)
            if all(changes[row.line] == "update" for row in rows) and ext not in counts.anew:
                unsaid[ext] = absent
        if clash := _clash(rows):
            refused += [
                RowRefused(row.line, reading.table.headings[reading.table.columns["id"]].strip(), clash, ext)
                for row in rows
            ]
            kept.add(ext)
        elif ext not in kept:
            people.append(_said(source, mapping, handed, rows))
    parts.update(
        people=people, kept=frozenset(kept), gone=gone, jobs_gone=jobs_gone, partial=frozenset(partial), unsaid=unsaid
    )
    used = {one.id for one in people} | set(gone)
    refused.sort(key=lambda one: one.line)
    handed.lines["people"] = {line: ext for line, ext in handed.lines["people"].items() if ext in used}


def _clash(rows: Sequence[FileRow]) -> str:
    """Why rows of one person cannot stand together: one job twice at the same time (SOURCES 4.2)."""
    by_job: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        by_job.setdefault(row.get("job"), []).append((row.get("start") or "", row.get("end") or "9999"))
    for job, periods in by_job.items():
        periods.sort()
        for (_start, end), (start, _end) in pairwise(periods):
            if start <= end:
                named = f"job '{job}'" if job else "her job"
                return f"{named} stands in several rows, whose periods overlap"
    return ""


def _said(source: Source, mapping: FileMapping, handed: LoadFiles, rows: Sequence[FileRow]) -> PersonData:
    first = rows[0]
    jobs: dict[str, list[Spell]] = {}
    for row in sorted(rows, key=lambda one: one.get("start")):
        jobs.setdefault(row.get("job"), []).append(
            Spell(
                organisation=_unit(source, mapping, handed, "organisation", row),
                position=_unit(source, mapping, handed, "position", row), manager=row.get("manager"),
                start=row.get("start"), end=row.get("end"), position_since=row.get("position_since"),
            )
        )  # fmt: skip
    name = " ".join(part for part in (first.get("first_name"), first.get("last_name")) if part) or first.get("name")
    key = first.get(source.key_field) or first.kept.get(source.key_field, "")
    fields = {one: value for row in rows for one, value in row.kept.items()}
    return PersonData(
        first.get("id"), key, name[:255], first.get("email"), any(row.active for row in rows), jobs, fields
    )  # fmt: skip


def _unit(source: Source, mapping: FileMapping, handed: LoadFiles, kind: str, row: FileRow) -> str:
    value = row.get(kind)
    if not value or handed.units.get(kind) == FILES:
        return value
    return path_of(value, mapping.separator)


# --- the others


def _add_units(
    _source: Source, _mapping: FileMapping, handed: LoadFiles, reading: ReadFile, parts: dict[str, Any],
    changes: dict[int, str] | None,
) -> None:  # fmt: skip
    kind = KIND_OF[reading.file.kind]
    seen: dict[str, int] = {}
    units: list[UnitData] = list(parts.get("units") or ())
    gone: list[tuple[str, str]] = list(parts.get("units_gone") or ())
    for row in reading.rows if changes is None else last_word(reading.rows, changes, "id", "").rows:
        ext = row.get("id")
        if ext in seen and changes is None:
            why = f"the unit stands in line {seen[ext]} already"
            heading = reading.table.headings[reading.table.columns["id"]]
            handed.refused[reading.file.kind].append(RowRefused(row.line, heading.strip(), why, ext))
            continue
        seen[ext] = row.line
        if changes is not None and changes[row.line] == "remove":
            gone.append((kind, ext))
        else:
            units.append(UnitData(ext, kind, row.get("name"), row.get("parent"), row.get("code")))
    kept = frozenset((kind, one.id) for one in reading.refused) | frozenset(parts.get("units_kept") or ())
    parts.update(units=units, units_gone=gone, units_kept=kept)
    parts["units_unsaid"] = {**parts.get("units_unsaid", {}), kind: reading.table.absent() if changes else frozenset()}
    handed.lines[reading.file.kind] = {row.line: row.get("id") for row in reading.rows}


def _add_audiences(
    _source: Source, _mapping: FileMapping, handed: LoadFiles, reading: ReadFile, parts: dict[str, Any],
    changes: dict[int, str] | None,
) -> None:  # fmt: skip
    names: dict[str, str] = {}
    members: dict[str, dict[str, None]] = {}
    added: list[tuple[str, str]] = []
    removed: list[tuple[str, str]] = []
    gone: list[str] = []
    counts = LastWord(reading.rows) if changes is None else last_word(reading.rows, changes, "audience", "person")
    for row in counts.rows:
        audience, person = row.get("audience"), row.get("person")
        if changes is not None and changes[row.line] == "remove":
            if person:
                removed.append((audience, person))
            else:
                gone.append(audience)
            continue
        names[audience] = row.get("name") or names.get(audience, "")
        members.setdefault(audience, {})
        if person:
            members[audience][person] = None
            added.append((audience, person))
    handed.lines["audiences"] = {row.line: row.get("audience") for row in reading.rows}
    if changes is None:
        parts["audiences"] = [AudienceData(one, names[one], list(members[one])) for one in members]
    else:
        parts.update(
            audiences=[AudienceData(one, names[one], list(members[one])) for one in members if one in counts.anew] or None,
            audiences_named=[AudienceData(one, names[one]) for one in members if one not in counts.anew],
            members_added=[one for one in added if one[0] not in counts.anew],
            members_removed=removed, audiences_gone=gone,
        )  # fmt: skip


_ADD: Mapping[str, Any] = {
    "people": _add_people, "organisations": _add_units, "positions": _add_units, "audiences": _add_audiences,
}  # fmt: skip
