"""Every column that may hold text says whether it can hold something about a person, and if so, what erasing does to it.

Whoever adds a column decides here: it goes into one of the lists of ``plugin/access/personal/held_data.py``, or into ``NOBODY``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, LargeBinary, String, Table, Text, insert, select, update
from sqlalchemy.types import TypeDecorator

from plugin.access.personal import held_data
from plugin.access.personal.documents import relabelled
from plugin.access.personal.erase import erase
from plugin.certifications.tables import Assignment, PeopleList
from plugin.core import preferences
from plugin.mirror.tables import DELETED, Person
from plugin.schema import metadata
from tests.digest import text_of
from tests.world import HOST, World, row

NOBODY = {
    "access_grant": "role scope until", "api_token": "name digest scopes certifications until owner", "assignment":
    "type include due group exclusions wave", "audience": "ext name code", "audience_member": "audience_ext", "brought": "kept", "call":
    "id kind state job lease last_error correlation", "certification": "code name kind state settings category", "channel":
    "kind url secret server security username password sender sender_name reason", "connection":
    "name role kind api_url api_token webhook_url webhook_secret hooks_secret mapping settings caps marks state reason",
    "completion": "course_ext", "counter": "name", "course": "ext name code url", "course_reset": "state call why correlation",
    "course_set": "path", "decision": "action", "decision_past": "action", "deployment": "deployment_id state", "endpoint":
    "url name secret old_secret types state reason lease settings", "endpoint_delivery": "type state sent why correlation",
    "enrolment_past": "before", "event": "key type correlation", "extension_request": "state", "held": "cause state", "hint":
    "key kind caused correlation batch", "host": "name title issuer client_id auth_url token_url token_audience jwks_url state "
    "time_zone language settings", "job": "organisation_ext position_ext", "journal": "what correlation", "lease": "name holder", "learner_set":
    "part bits", "message": "key when channel state call why correlation", "nonce": "digest kind data payload", "notification":
    "when to subject body texts", "once_link": "digest purpose who", "preference": "name", "report_count": "day units",
    "report_schedule": "source timing form how state", "report_sending": "how form state file_name media lease",
    "saved_report": "source", "score": "state why correlation", "score_endpoint":
    "context link title line_item line_items scopes certification", "score_line": "context title url why lease", "seat":
    "call parked correlation", "secret": "name value", "settling": "lease state correlation", "source_load": "state",
    "source_member": "audience", "source_rename": "kind old new state", "source_unit": "kind word ext told", "subscription":
    "type", "supplier": "kind", "sync_run": "kind state counts costs reason", "tally": "word", "tool_key":
    "kid private_pem public_jwk state", "trace": "how what correlation", "unit":
    "ext kind framework framework_name parent_ext name code", "waiting_change": "what state", "why_set": "assignments", "worker":
    "id machine", "search_word": "kind",
}  # fmt: skip
"""Columns in which nothing about a person stands: settings of machines, words of Muster's own, ids of what is no person.

``nonce`` lives for ten minutes, ``once_link`` for as long as its address; ``brought`` and ``settling`` name people by number.
"""

BY_HAND = {
    "person": "ext name given_name family_name email username number time_zone language fields",
    "job": "ext person_ext title manager_ext manager_job_ext", "audience_member": "ext person_ext",
    "completion": "ext person_ext", "saved_report": "owner", "search_word": "word", "source_member": "identity",
    "directory_resource": "id kind name external manager document", "report_sending": "people",
    "waiting_change": "request shown", "event": "subject data", "wave": "people",
}  # fmt: skip
"""Columns that erasing sees to in code of their own; sets of our numbers stay."""

WITH_KEEPING = (
    "host",
    "host_clock",
    "counter",
    "person",
    "assignment",
    "version",
    "settling",
    "job",
    "wave",
    "group_member",
)
"""Tables whose rows the engine reads: what stands there comes from saving."""
HERS = 6
"""Our id of the person who is erased."""


def _holds_text(column: Any) -> bool:
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    return isinstance(kind, String | Text | JSON | LargeBinary)


def _seen_to(table: Table) -> set[str]:
    """The columns of a table that the lists of erasing speak of; of rows that go, all."""
    name = table.name
    if name in held_data.DROPPED or name in held_data.DROPPED_BY_ID or name in held_data.DROPPED_BY_READER:
        return {column.name for column in table.columns}
    found = {"people"} & set(table.c.keys()) if name in held_data.BY_SET else set()
    for listed in (
        held_data.FREE_TEXT,
        held_data.WHO,
        held_data.FILES,
        held_data.IDS,
        held_data.ADDRESSES,
        held_data.BODIES,
    ):
        found |= set(listed.get(name, ()))
    return found | (set(held_data.BLANKED[name][1]) if name in held_data.BLANKED else set())


def test_every_column_is_somebodys_or_nobodys() -> None:
    undecided, gone = [], []
    for table in metadata.sorted_tables:
        nobody = set(NOBODY.get(table.name, "").split())
        known = nobody | _seen_to(table) | set(BY_HAND.get(table.name, "").split())
        undecided += [f"{table.name}.{one.name}" for one in table.columns if _holds_text(one) and one.name not in known]
        gone += [f"{table.name}.{one}" for one in known - {column.name for column in table.columns}]
    assert undecided == []
    assert gone == []


def test_ids_are_replaced_where_they_name_her_and_nowhere_else() -> None:
    ids = {("individual", "17"): "erased:3", ("manager", "17"): "erased:3:9"}
    document = {
        "code": "17", "assignments": [
            {"type": "individual", "target": "17"}, {"type": "organisation", "target": "17"}, {"type": "manager", "target": "17"},
            {"type": "group", "target": "g", "members": ["17", "18"], "exclusions": [["individual", "17", ""], ["audience", "17", ""]]},
        ],
        "rows": {"individual:17": {"op": "add"}, "organisation:17": {"op": "add"}},
    }  # fmt: skip
    assert relabelled(document, ids) == {
        "code": "17", "assignments": [
            {"type": "individual", "target": "erased:3"}, {"type": "organisation", "target": "17"},
            {"type": "manager", "target": "erased:3:9"},
            {"type": "group", "target": "g", "members": ["erased:3", "18"],
             "exclusions": [["individual", "erased:3", ""], ["audience", "17", ""]]},
        ],
        "rows": {"individual:erased:3": {"op": "add"}, "organisation:17": {"op": "add"}},
    }  # fmt: skip


EXT, NAME, MAIL = "cid-9173", "Quirina Zwetschge", "quirina@example.test"
KINDS = {("hint", "kind"): "people", ("search_word", "kind"): "person", ("directory_resource", "kind"): "User"}
AS_ID = {
    "directory_resource": ("name",),
    "saved_report": ("owner",),
    "event": ("subject",),
    "endpoint_delivery": ("subject",),
}


def _words(table: str, column: str) -> str:
    """What stands in a column that may speak of her, as Muster writes it there."""
    if column in held_data.WHO.get(table, ()):
        return f"{NAME} ({EXT})"
    if held_data.DROPPED_BY_ID.get(table) == column or held_data.DROPPED_BY_READER.get(table) == column:
        return EXT
    if column in AS_ID.get(table, ()):
        return EXT
    return f"about {NAME}, " + json.dumps(EXT)


OVER: dict[str, str] = {}
WAITS = {
    "waiting_change": "waits",
    "message": "owed",
    "endpoint_delivery": "owed",
    "report_sending": "owed",
    "source_load": "waits",
}


def _filled(table: Table, states: dict[str, str]) -> dict[str, Any]:
    """A row in which every column that she may stand in holds words of her.

    :param states: by table; what is not named is done.
    """
    hers = (
        (_seen_to(table) | set(BY_HAND.get(table.name, "").split()))
        - {"people"}
        - set(held_data.ADDRESSES.get(table.name, ()))
    )
    found: dict[str, Any] = {}
    for column in table.columns:
        kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
        words = _words(table.name, column.name) if column.name in hers else ""
        if (table.name, column.name) in KINDS:
            found[column.name] = KINDS[table.name, column.name]
        elif column.name in ("person", "learner", "recipient", "owner_person", "target") and not _holds_text(column):
            found[column.name] = HERS
        elif isinstance(kind, JSON):
            lists = {"ids": [EXT], "recipients": [MAIL], "tries": [words], "targets": ["ann", EXT]}
            found[column.name] = lists.get(column.name, {"x": words} if words else {})
        elif isinstance(kind, LargeBinary):
            found[column.name] = zlib.compress(words.encode()) if words else b""
        elif isinstance(kind, Boolean):
            found[column.name] = False
        elif isinstance(kind, String):
            state = states.get(table.name, "done")
            found[column.name] = state if column.name == "state" else words[: kind.length or 200]
        elif column.name == "host_id":
            found[column.name] = HOST
        elif column.primary_key or not column.nullable:
            found[column.name] = 4711
    return found


@pytest.mark.parametrize("states", [OVER, WAITS], ids=["done", "waiting"])
def test_nothing_of_her_is_left_in_any_table(world: World, settle: Callable[[], None], states: dict[str, str]) -> None:
    """A row of each table that may speak of her, every text of it hers."""
    world.people(EXT)
    world.set_person(EXT, name=NAME, email=MAIL)
    world.job(f"job of {EXT}", EXT, "north")
    world.job("j-cid", "cid", "north", boss=f"job of {EXT}")
    world.save("FS", row("individual", EXT), row("manager", f"job of {EXT}", "direct"), name="Food")
    world.save("FS", row("individual", EXT), row("organisation", "sales", "below"), name="Food")
    settle()
    with world.runtime.db.write() as session:
        preferences.prefer(session, HOST, f"p:{HERS}", "people", {"q": NAME})
        for table in metadata.sorted_tables:
            if table.name not in WITH_KEEPING and (_seen_to(table) or table.name in BY_HAND):
                session.execute(insert(table).values(_filled(table, states)))
        session.execute(update(Person).where(Person.id == HERS).values(state=DELETED, gone_at=world.now))
        session.execute(update(metadata.tables["seat"]).values(owed=False))
        session.execute(update(metadata.tables["identity"]).values(gone=1))
    world.runtime.db.transact(lambda session: erase(session, HOST, EXT, at=world.now, who="t", blank_texts=True))
    hers = (NAME, EXT, MAIL, "Quirina")
    assert [line for line in text_of(world.runtime.db).splitlines() if any(one in line for one in hers)] == []
    with world.runtime.db.read() as session:
        targets = set(session.scalars(select(Assignment.target)))
        assert targets == {f"erased:{HERS}", f"erased:{HERS}:5", "sales"}
        waits = [
            session.execute(select(metadata.tables[one].c.state)).scalars().all()
            for one in ("waiting_change", "endpoint_delivery")
        ]
        assert not {"waits", "owed"} & {state for found in waits for state in found}
        assert session.scalars(select(PeopleList.targets)).one() == ["ann", f"erased:{HERS}"]
