"""Ids as somebody wrote them: ``HR:claims/nights`` means the unit ``hr:Claims / Nights`` (SOURCES 2.3)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices
from plugin.mirror.sources.source import UNIT_KINDS, sources_of, word_of
from plugin.mirror.sources.tables import SourceUnit
from plugin.mirror.tables import Unit

Target = tuple[str, str]


def meant(session: Session, host_id: int, wanted: Iterable[Target]) -> dict[Target, str]:
    """By kind and id as written the id that is meant, where they differ.

    Units made of words are found without regard to case and blanks; whatever is an id to the letter means itself.
    """
    asked = {one for one in wanted if one[0] in UNIT_KINDS and ":" in one[1]}
    if not asked:
        return {}
    sources = {row.name: row.id for row in sources_of(session, host_id)}
    found: dict[Target, str] = {}
    for kind in UNIT_KINDS:
        texts = sorted({text for one, text in asked if one == kind})
        known: set[str] = set()
        for part in slices(texts):
            here = (Unit.host_id == host_id, Unit.kind == kind, Unit.gone.is_(False), Unit.ext.in_(part))
            known |= set(session.scalars(select(Unit.ext).where(*here)))
        for text in texts:
            name, _colon, words = text.partition(":")
            source = sources.get(name.strip().casefold())
            if text in known or source is None:
                continue
            mine = (SourceUnit.host_id == host_id, SourceUnit.source == source, SourceUnit.kind == kind)
            ext = session.scalar(
                select(SourceUnit.ext).where(*mine, SourceUnit.told.is_(None), SourceUnit.word == word_of(words))
            )
            if ext is not None and ext != text:
                found[kind, text] = ext
    return found
