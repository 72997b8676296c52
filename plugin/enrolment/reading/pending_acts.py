"""What somebody did about learners that settling carries out later: the history tells both as one (rules 6.4)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.journal import Entry

ACTS = (
    "joined", "left", "extended", "exempted", "held_released", "held_refused",
    "exception_assign", "exception_realistic", "exception_dismiss", "exception_reopen",
)  # fmt: skip
"""As the history calls them. Whoever they are about is owed a look at the very instant of the act."""
_INSTANTS = 50
_WORDS = ", ".join(f"'{one}'" for one in ACTS)


def attributed(session: Session, host_id: int, entries: Sequence[Entry], owed: Mapping[int, int]) -> list[Entry]:
    """Entries of a settle, parted by the acts that they follow from; what follows from none stays as it is.

    :param owed: by person the instant of what she is looked at for.
    """
    acts = _acts(session, host_id, entries, owed)
    return [part for entry in entries for part in _parted(entry, acts.get(entry.certification or 0, ()))]


_Act = tuple[tuple[str, str], BitMap]


def _acts(
    session: Session, host_id: int, entries: Sequence[Entry], owed: Mapping[int, int]
) -> dict[int, list[_Act]]:  # fmt: skip
    certifications = sorted({one.certification for one in entries if one.certification and one.people})
    instants = sorted(set(owed.values()))
    if not certifications or not instants or len(instants) > _INSTANTS:  # so many are changes of the site
        return {}
    rows = fetch(
        session,
        "SELECT certification, at, who, correlation, person, people FROM journal WHERE host_id = ?"
        f" AND certification IN ({', '.join(map(str, certifications))}) AND what IN ({_WORDS})"
        f" AND at IN ({', '.join(map(str, instants))}) ORDER BY n DESC",
        host_id,
    )  # fmt: skip
    found: dict[int, list[_Act]] = {}
    for certification, at, who, correlation, person, people in rows:
        about = BitMap.deserialize(bytes(people)) if people is not None else BitMap([person] if person else [])
        about = BitMap(one for one in about if owed.get(one) == at)
        found.setdefault(certification, []).append(((who, correlation), about))
    return found


def _parted(entry: Entry, acts: Sequence[_Act]) -> Iterator[Entry]:
    rest = entry.people
    if rest is None or entry.aloud:
        yield entry
        return
    for act, about in acts:
        if some := rest & about:
            yield replace(entry, people=some, act=act)
            rest = rest - some
    if rest:
        yield entry if rest is entry.people else replace(entry, people=rest)
