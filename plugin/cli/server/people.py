"""One person's data from the command line (ACCESS 7)."""

from __future__ import annotations

import sys

from plugin.access.personal.erase import erase as erase_person
from plugin.access.personal.erase import refuse_if_present, texts_naming
from plugin.access.personal.export import everything, person_named
from plugin.cli.context import open_host, traced, who
from plugin.cli.opening import print_json
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.core.journal import record


def export(host: str | None, ext: str) -> int:
    """Print everything held about a person, as JSON; it stands in the history first."""
    runtime, host_id = open_host(host)
    by, at = who(), runtime.clock.now()
    try:
        with runtime.db.read() as session:
            row = person_named(session, host_id, ext)
            document = everything(session, host_id, row, at=at)
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    runtime.db.transact(
        lambda session: record(session, host_id, at, by, "export_begun", person=row.id, reason="personal data", count=1)
    )
    traced(runtime, host_id, 1, ext)
    print_json(document)
    return 0


def erase(host: str | None, ext: str, confirm: str, *, blank_texts: bool, keep_texts: bool) -> int:
    """Erase a person whom the host has deleted."""
    if confirm != ext:
        raise Invalid("Nothing is erased: --confirm names the same id once more.")
    if blank_texts and keep_texts:
        raise Invalid("Say --blank-texts or --keep-texts, not both.")
    runtime, host_id = open_host(host)
    by, at = who(), runtime.clock.now()
    try:
        with runtime.db.read() as session:
            row = person_named(session, host_id, ext)
            refuse_if_present(session, host_id, row)
            texts = texts_naming(session, host_id, row)
        if texts and not (blank_texts or keep_texts):
            for one in texts:
                print(f"{one.table} {one.key} {one.column}: {one.text}")
            print("These texts name her: say --blank-texts or --keep-texts.", file=sys.stderr)
            return 1
        count = runtime.db.transact(
            lambda session: erase_person(session, host_id, ext, at=at, who=by, blank_texts=blank_texts)
        )
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    print(f"Erased: person {row.id}; her names were replaced in {count} texts.")
    return 0
