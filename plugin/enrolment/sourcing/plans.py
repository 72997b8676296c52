"""The plan of a load: what it does to the source's records and to every certification (SOURCES 4.4, 6)."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Assignment
from plugin.core.database.slices import slices
from plugin.core.text.table_files import harmless
from plugin.enrolment.effects import NUMBERS, ON_HOLD, CertificationEffect
from plugin.mirror.lookup.browse import names_of_people
from plugin.mirror.sources.files import LoadFiles
from plugin.mirror.sources.intake import DeliveryResult, unmatched_counts
from plugin.mirror.sources.source import Source

SHOWN = 200
"""Refused rows that a plan lists."""


@dataclass
class LoadPlan:
    """What a load does, or did: the document of ``plan --json``, and who stands behind its numbers.

    :ivar guard: why somebody has to look first; ``stop``: why it cannot be done at all.
    """

    document: dict[str, Any]
    effects: list[CertificationEffect] = field(default_factory=list)
    taken: DeliveryResult = field(default_factory=DeliveryResult)
    guard: str | None = None
    stop: str = ""

    @property
    def withdrawn(self) -> int:
        """Over all certifications: the number that ``--allow-withdrawals`` names."""
        return sum(one.withdrawn for one in self.effects)

    @property
    def anything(self) -> bool:
        """Whether it changes anything of any certification."""
        return any(one.anything for one in self.effects)

    def lines(self, *, done: bool = False) -> list[str]:
        """The plan for a terminal. ``done``: it was carried out, so nothing of it waits for somebody."""
        found = describe(self.document, sum(one.guarded for one in self.effects), done=done)
        found += [
            f"{one.code}: {one.on_hold} learners {'' if done else 'would '}wait on hold because their target is gone"
            for one in self.effects if one.on_hold
        ]  # fmt: skip
        moves = f"of those changed: {len(set(self.taken.moved))} move, {len(set(self.taken.managers))} change manager"
        at = next(number for number, line in enumerate(found) if line.startswith("people: ") and " changed, " in line)
        return [*found[: at + 1], moves, *found[at + 1 :]]


def made(
    session: Session,
    source: Source,
    handed: LoadFiles | None,
    taken: DeliveryResult,
    effects: Sequence[CertificationEffect],
) -> LoadPlan:
    """Put a plan together, in the state after the load."""
    matched, unmatched = unmatched_counts(session, source)
    guard = taken.guard or (handed.stop if handed else "") or None
    document = {
        "source": source.name,
        "files": [] if handed is None else [
            {
                "kind": one.file.kind, "name": one.file.name, "rows": one.count,
                "used": one.count - len(handed.refused[one.file.kind]),
                "refused": [row.to_json() for row in handed.refused[one.file.kind]],
            }
            for one in handed.readings
        ],
        "identities": {
            "new": len(taken.new), "gone": len(taken.gone), "changed": len(taken.changed), "same": taken.same,
        },
        "matched": matched,
        "unmatched": unmatched,
        "units": {name: len(ids) for name, ids in taken.units.items()},
        "guard": guard,
        "certifications": [one.to_json() for one in effects if one.anything],
    }  # fmt: skip
    return LoadPlan(document, list(effects), taken, guard, handed.stop if handed else "")


def named_units(host_id: int) -> Any:
    """Which of some units a live assignment names; for :func:`plugin.mirror.sources.intake.take`."""

    def look(session: Session, kind: str, units: Sequence[int]) -> Collection[int]:
        found: set[int] = set()
        for part in slices(units):
            here = (Assignment.host_id == host_id, Assignment.live, Assignment.type == kind)
            found |= {
                one for one in session.scalars(select(Assignment.target_id).where(*here, Assignment.target_id.in_(part)))
                if one is not None
            }  # fmt: skip
        return found

    return look


NAMED = 1_000
"""People named behind one number, at most."""


def named_effects(session: Session, host_id: int, effects: Sequence[CertificationEffect]) -> list[dict[str, Any]]:
    """What each certification gains and loses, and by number the people behind it: ``[{"id", "name"}]``, by their ids."""
    found = []
    for one in (effect for effect in effects if effect.anything or effect.on_hold):
        names = {}
        for number in (*NUMBERS, ON_HOLD):
            rows = names_of_people(session, host_id, list(one.names.get(number, ()))[:NAMED]).values()
            names[number] = [{"id": row.ext, "name": row.name} for row in sorted(rows, key=lambda row: row.ext)]
        found.append({**one.to_json(), "names": names})
    return found


def describe(document: dict[str, Any], guarded: int = 0, *, done: bool = False) -> list[str]:
    """A plan in lines."""
    lines = []
    for one in document["files"]:
        lines.append(
            f"{one['kind']}: {one['name']}, {one['rows']} rows, {one['used']} used, {len(one['refused'])} refused"
        )
        lines += [f"  line {row['line']}, column {row['column']}: {row['why']}" for row in one["refused"][:20]]
        if len(one["refused"]) > 20:
            lines.append(f"  … and {len(one['refused']) - 20} more")
    people, units, unmatched = document["identities"], document["units"], document["unmatched"]
    lines.append(
        f"people: {people['new']} new, {people['gone']} gone, {people['changed']} changed, {people['same']} the same"
    )
    lines.append(
        f"units: {units['new']} new, {units['gone']} gone, {units['renamed']} renamed, {units['moved']} moved"
    )  # fmt: skip
    why = ", ".join(f"{count} {name}" for name, count in unmatched.items() if count)
    lines.append(
        f"matched: {document['matched']}; to be matched: {sum(unmatched.values())}{f' ({why})' if why else ''}"
    )
    for one in document["certifications"]:
        lines.append(
            f"{one['code']}: {one['newly']} newly enrolled, {one['withdrawn']} withdrawn, {one['redated']} due dates changed,"
            f" {one['held_back']} held back, {one['messages']} messages"
        )
    if not document["certifications"]:
        lines.append("No certification changes.")
    if document["guard"]:
        lines.append(f"{'Done all the same' if done else 'On hold'}: {document['guard']}")
    if guarded and done:
        lines.append(f"The withdrawal guard holds {guarded} withdrawals: see muster held.")
    elif guarded:
        lines.append(f"The withdrawal guard would hold {guarded} withdrawals; confirm them with --allow-withdrawals.")
    return lines


def report_of(handed: LoadFiles, taken: DeliveryResult) -> bytes:
    """The report line by line as CSV, compressed: line, verdict, sentence and file (SOURCES 4.5)."""
    new, changed, gone = set(taken.new), set(taken.changed), set(taken.gone)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["line", "verdict", "sentence", "file"])
    for reading in handed.readings:
        kind, name = reading.file.kind, harmless(reading.file.name)
        notes = "; ".join(reading.table.notes)
        if notes:
            writer.writerow(["", "read", harmless(notes), name])
        if reading.skipped:
            writer.writerow(["", "used", f"{reading.skipped} rows as before", name])
        rows = [(one.line, "refused", harmless(f"{one.column}: {one.why}")) for one in handed.refused[kind]]
        for line, ext in handed.lines.get(kind, {}).items():
            sentence = ""
            if kind == "people":
                sentence = (
                    "new" if ext in new else "changed" if ext in changed else "gone" if ext in gone else "as before"
                )
            rows.append((line, "used", sentence))
        writer.writerows((*row, name) for row in sorted(rows))
    for ext in sorted(gone):
        writer.writerow(["", "gone", harmless(f"{ext} is in none of the rows"), ""])
    return zlib.compress(text.getvalue().encode("utf-8", "replace"))
