"""Sources from the command line: how they are changed, who is matched with whom, who supplies what (SOURCES 2.4, 3)."""

from __future__ import annotations

from collections.abc import Sequence

from plugin.cli.context import open_host, traced, who
from plugin.cli.opening import print_json
from plugin.cli.source_plans import behind, name_lines, print_plan, refused
from plugin.cli.sources import read_document, read_mapping
from plugin.core.errors import Invalid, NotFound
from plugin.enrolment.sourcing import changes, fetching, reorganising, settings
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.reorganising import Reorganisation
from plugin.mirror.sources.managing import matching, overview
from plugin.mirror.sources.source import source_of, source_row, word_of


def change(
    host: str | None, name: str, kind: str | None, join: str | None, mapping: str | None, url: str | None,
    secret: str | None, schedule: str | None, after: str | None, map_file: str | None, allow_withdrawals: int | None, *,
    forget_host_key: bool, yes: bool,
) -> int:  # fmt: skip
    """Change a source; where its people lose or gain by it, with a review."""
    runtime, host_id = open_host(host)
    chosen = fetching.chosen(
        url=url, schedule=schedule, after=after, forget_host_key=forget_host_key, plain=runtime.http.allow_private
    )  # fmt: skip
    wanted = None if map_file is None else read_document(map_file)
    asked = settings.SourceChange(kind, join, read_mapping(mapping), chosen, secret, wanted)
    try:
        done = settings.change(runtime, host_id, name, asked, yes=yes, allow=allow_withdrawals, who=who())
    except NotLoaded as refusal:
        return refused(refusal)
    if done is not None:
        print_plan(done, as_json=False)
    print("Changed.")
    return 0


def match(host: str | None, name: str, *, as_json: bool) -> int:
    """Print who is to be matched, and why."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        rows = matching.unmatched(session, source_of(session, source_row(session, host_id, name)))
    traced(runtime, host_id, len(rows))
    if as_json:
        print_json([one.to_json() for one in rows])
        return 0
    for one in rows:
        help_ = f"{one.person}: {one.because}" if one.person else ", ".join(one.accounts)
        print(f"{one.id}\t{one.name}\t{one.why}\t{help_}".rstrip())
    return 0


def pin(host: str | None, name: str, identity: str, person: str) -> int:
    """Match a record with an account by hand."""
    runtime, host_id = open_host(host)
    by, at = who(), runtime.clock.now()
    instead = runtime.db.transact(lambda session: matching.pin(session, host_id, name, identity, person, at=at, who=by))
    print("Matched.")
    if instead:
        print(f"Record '{instead}' has the key of this account, and is matched with it no longer.")
    return 0


def unpin(host: str | None, name: str, identity: str) -> int:
    """Let the rule decide about a record again."""
    runtime, host_id = open_host(host)
    by, at = who(), runtime.clock.now()
    runtime.db.transact(lambda session: matching.unpin(session, host_id, name, identity, at=at, who=by))
    print("Undone.")
    return 0


def supply(
    host: str | None, kind: str, names: Sequence[str], map_file: str | None, allow_withdrawals: int | None, *, yes: bool
) -> int:
    """Change who supplies a kind."""
    runtime, host_id = open_host(host)
    if not names:
        raise Invalid("Name at least one supplier.")
    wanted = None if map_file is None else read_document(map_file)
    try:
        done = changes.supply(
            runtime, host_id, kind, names, targets=wanted, yes=yes, who=who(), allow=allow_withdrawals
        )  # fmt: skip
    except NotLoaded as refusal:
        return refused(refusal)
    print_plan(done, as_json=False)
    return 0


def remove(host: str | None, name: str, map_file: str | None, allow_withdrawals: int | None, *, yes: bool) -> int:
    """Take a source away with everything it supplied."""
    runtime, host_id = open_host(host)
    wanted = None if map_file is None else read_document(map_file)
    try:
        done = changes.remove(runtime, host_id, name, targets=wanted, yes=yes, who=who(), allow=allow_withdrawals)
    except NotLoaded as refusal:
        return refused(refusal)
    print_plan(done, as_json=False)
    return 0


def rename(
    host: str | None, name: str, unit: Sequence[str], allow_withdrawals: int | None, *, other: bool, yes: bool
) -> int:
    """Say whether a unit that vanished goes on under its new name; without one, print what is asked."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        asked = overview.open_questions(session, host_id, source_row(session, host_id, name).id)
    if not unit:
        for one in asked:
            print(f"{one.id}\t{one.kind}\t{one.old}\t{one.new}\t{one.people}")
        return 0
    named = " ".join(unit)
    found = [one.id for one in asked if named in (str(one.id), one.old) or word_of(named) == word_of(one.old)]
    if not found:
        raise NotFound(f"{name} asks nothing about '{named}'.")
    try:
        done = changes.answer_rename(
            runtime, host_id, name, found[0], renamed=not other, yes=yes, who=who(), allow=allow_withdrawals
        )  # fmt: skip
    except NotLoaded as refusal:
        return refused(refusal)
    print_plan(done, as_json=False)
    return 0


def what_if(
    host: str | None, unit: str, under: str | None, into: str | None, *, top: bool, position: bool, names: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Say what a re-organisation on paper would do; nothing is written."""
    runtime, host_id = open_host(host)
    if (under is not None) + (into is not None) + top != 1:
        raise Invalid("Say where it goes: one of --under UNIT, --into UNIT and --top.")
    kind = "position" if position else "organisation"
    done = reorganising.what_if(runtime, host_id, Reorganisation(kind, unit, under or "", into or ""))
    tell = behind(runtime, host_id, names)
    told = tell(done.effects) if tell is not None else [one.to_json() for one in done.effects if one.anything]
    if as_json:
        print_json({"kind": kind, "unit": done.unit, "people": done.people, "certifications": told})
        return 0
    print(f"{done.unit}: {done.people} people work in it or below it.")
    for line in [*changes.effect_lines(done.effects), *(name_lines(told) if names else ())]:
        print(line)
    return 0
