"""Units of a source: those it has of its own, and those made of the words in its people's records (SOURCES 4, table)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, fetch_named
from plugin.hosts.port import Record
from plugin.mirror.pulling.rows import KINDS, Kind, Written, drop_rows, write_rows
from plugin.mirror.sources.joining import parts
from plugin.mirror.sources.source import UNIT_KINDS, Source, shortened, word_of
from plugin.mirror.sources.source_data import UnitData
from plugin.mirror.sources.tables import Rename, SourceUnit
from plugin.mirror.tables import Unit

WORDS, FILES = "words", "files"
"""How a source's units come: made of words, or by files (or an API) of their own."""
STROKE = " / "
AUDIENCE = "audience"
_WORDS = "SELECT word, ext FROM source_unit WHERE host_id = ? AND source = ? AND kind = ? AND word IN ({names})"
_THERE = "SELECT ext, gone, name, parent_ext FROM unit WHERE host_id = ? AND kind = ? AND ext IN ({names})"
OF_KIND: Mapping[str, Kind] = {kind: replace(KINDS["units"], only=kind) for kind in UNIT_KINDS}


def mode_of(source: Source, kind: str) -> str:
    """How the units of a kind come; of words unless the first load said otherwise."""
    return str(dict(source.settings.get("units") or {}).get(kind) or WORDS)


def write_units(session: Session, source: Source, units: Sequence[UnitData], zone: str) -> Written:
    """Units that come with ids of their own."""
    written = Written()
    for kind in UNIT_KINDS:
        records = [
            Record(
                source.ext(one.id),
                {
                    "kind": kind, "framework": source.ext(one.framework) if one.framework else source.framework(kind),
                    "framework_name": _framework_name(source, kind, one.framework_name or one.framework),
                    "parent": source.ext(one.parent) if one.parent else "", "name": one.name or one.id, "code": one.code,
                },
            )
            for one in units if one.kind == kind
        ]  # fmt: skip
        if records:
            written.add(
                write_rows(session, source.host_id, OF_KIND[kind], records, zone, 0, connection=source.id)
            )  # fmt: skip
    return written


def _framework_name(source: Source, kind: str, own: str = "") -> str:
    return f"{source.settings.get('title') or source.name}: {own or f'{kind}s'}"


def write_paths(
    session: Session, source: Source, kind: str, paths: Iterable[str], zone: str
) -> tuple[dict[str, str], Written]:
    """Units made of words, with everything above them; by path the id of the unit it means."""
    wanted: dict[str, tuple[str, str, str]] = {}
    for path in sorted(set(paths)):
        levels, above = path.split(STROKE) if _are_levels(source, kind) else [path], ""
        for depth, name in enumerate(levels, 1):
            whole = STROKE.join(levels[:depth])
            wanted.setdefault(word_of(whole), (whole, above, name))
            above = whole
    known = known_words(session, source, kind, wanted)
    fresh = {word: source.ext(shortened(path)) for word, (path, *_rest) in wanted.items() if word not in known}
    if fresh:
        rows = [
            {"host_id": source.host_id, "source": source.id, "kind": kind, "word": word, "ext": ext}
            for word, ext in fresh.items()
        ]
        session.execute(insert(SourceUnit), rows)
    means = {**known, **fresh}
    written = Written()
    records = [_of_path(source, kind, means, word, *wanted[word]) for word in fresh]
    there = {row[0]: row for row in fetch_named(session, _THERE, known.values(), source.host_id, kind)}
    for word in wanted.keys() & known.keys():
        _ext, gone, name, parent = there.get(known[word], ("", True, "", ""))
        if gone or (wanted[word][1] and not parent and word_of(name) == word):  # its words were no levels before
            records.append(_of_path(source, kind, means, word, *wanted[word]))
    if records:
        written = write_rows(session, source.host_id, OF_KIND[kind], records, zone, 0, connection=source.id)
    return {path: means[word_of(path)] for path in set(paths)}, written


def place_levels(session: Session, source: Source, zone: str) -> Written:
    """Units whose words were no levels when they were made get their place where they are now, though nobody's words changed."""
    written = Written()
    for kind in UNIT_KINDS:
        if kind in source.supplies and mode_of(source, kind) == WORDS and _are_levels(source, kind):
            here = (
                Unit.host_id == source.host_id,
                Unit.connection == source.id,
                Unit.kind == kind,
                Unit.gone.is_(False),
            )
            flat = session.scalars(
                select(Unit.name).where(*here, Unit.parent_ext == "", Unit.name.contains(STROKE))
            ).all()
            written.add(write_paths(session, source, kind, flat, zone)[1])
    return written


def _are_levels(source: Source, kind: str) -> bool:
    """Whether words with strokes between them are levels: of a declared separator, or of several attributes of a directory."""
    columns = dict(source.mapping.get("columns") or {})
    return bool(source.mapping.get("separator")) or (source.kind == "scim" and "," in str(columns.get(kind) or ""))


def _of_path(
    source: Source, kind: str, means: Mapping[str, str], word: str, _path: str, above: str, name: str
) -> Record:
    return Record(
        means[word],
        {
            "kind": kind, "framework": source.framework(kind), "framework_name": _framework_name(source, kind),
            "parent": means[word_of(above)] if above else "", "name": name,
        },
    )  # fmt: skip


def known_words(session: Session, source: Source, kind: str, words: Iterable[str]) -> dict[str, str]:
    """By word the unit it means, of those the source made before."""
    return dict(fetch_named(session, _WORDS, words, source.host_id, source.id, kind))


def drop_units(session: Session, source: Source, kind: str, exts: Sequence[str]) -> Written:
    """Units the source no longer has; rows that name them stay, marked."""
    return drop_rows(session, source.host_id, OF_KIND[kind], exts)


def emptied(session: Session, source: Source, kind: str, units: Collection[int], now: int) -> list[int]:
    """Which of these units, and of those above them, no job of somebody still there names any longer.

    Parents are looked up by their ids at the source: what a delivery has just made is not numbered yet.
    """
    found: dict[int, str] = {}
    pending = set(units)
    while pending:
        level, pending = sorted(pending), set()
        for part in parts(level):
            here = (Unit.host_id == source.host_id, Unit.connection == source.id, Unit.kind == kind)
            rows = session.execute(select(Unit.id, Unit.ext, Unit.parent_ext).where(*here, Unit.id.in_(part))).all()
            for number, ext, parent in rows:
                if number in found or not _is_empty(session, source, kind, number, ext, now, set(found)):
                    continue
                found[number] = ext
                above = session.scalar(select(Unit.id).where(*here, Unit.ext == parent)) if parent else None
                if above is not None:
                    pending.add(above)
    return list(found)


def _is_empty(
    session: Session, source: Source, kind: str, unit: int, ext: str, now: int, empty: Collection[int]
) -> bool:
    sql = f"SELECT 1 FROM job WHERE host_id = ? AND {kind} = ? AND NOT gone AND (ends IS NULL OR ends > ?) LIMIT 1"
    if fetch(session, sql, source.host_id, unit, now):
        return False
    here = (Unit.host_id == source.host_id, Unit.connection == source.id, Unit.kind == kind, Unit.gone.is_(False))
    return not set(session.scalars(select(Unit.id).where(*here, Unit.parent_ext == ext))) - set(empty)


def open_renames(session: Session, source: Source, kind: str) -> dict[tuple[str, str], Rename]:
    """Renames nobody has answered, by the ids of the old unit and the new."""
    rows = session.scalars(
        select(Rename).where(
            Rename.host_id == source.host_id, Rename.source == source.id, Rename.kind == kind, Rename.state == "open"
        )
    )
    return {(row.old, row.new): row for row in rows}


# --- what was told, kept also while the source does not supply it (SOURCES 2.4)


def stored_data(session: Session, source: Source, kind: str) -> dict[str, dict[str, Any]]:
    """By id what was told of each of a kind."""
    here = (SourceUnit.host_id == source.host_id, SourceUnit.source == source.id, SourceUnit.kind == kind)
    rows = session.execute(select(SourceUnit.word, SourceUnit.told).where(*here, SourceUnit.told.is_not(None)))
    return {row[0]: dict(row[1]) for row in rows}


def keep(
    session: Session, source: Source, kind: str, fresh: Mapping[str, Mapping[str, Any]], gone: Iterable[str] = ()
) -> None:
    """Keep what was told of these, and forget those that are gone."""
    known = stored_data(session, source, kind)
    changed = {one: said for one, said in fresh.items() if known.get(one) != dict(said)}
    stale = (set(gone) - fresh.keys() | changed.keys()) & known.keys()
    for part in parts(stale):
        here = (SourceUnit.host_id == source.host_id, SourceUnit.source == source.id, SourceUnit.kind == kind)
        session.execute(
            delete(SourceUnit).where(*here, SourceUnit.word.in_(part), SourceUnit.told.is_not(None)),
            execution_options={"synchronize_session": False},
        )
    rows = [
        {"host_id": source.host_id, "source": source.id, "kind": kind, "word": one, "ext": source.ext(one),
         "told": dict(said)}
        for one, said in changed.items()
    ]  # fmt: skip
    if rows:
        session.execute(insert(SourceUnit), rows)


def stored_units(session: Session, source: Source, kind: str) -> list[UnitData]:
    """The units of a kind as they were told."""
    return [UnitData(one, kind, **said) for one, said in stored_data(session, source, kind).items()]
