"""The mirror follows the host: whole, by deltas and by hints; nothing is deleted because it was missed once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from plugin.certifications.resolve import matches_of
from plugin.core.clock import Clock
from plugin.core.errors import Unavailable
from plugin.core.network.signing import signed_headers
from plugin.core.runtime import Runtime
from plugin.hosts.port import Locked, Refused
from plugin.mirror.hints import inbox, receiving
from plugin.mirror.lookup.search import find, fold
from plugin.mirror.pulling.pull import pull
from plugin.mirror.pulling.row_guard import held_records, release_records
from plugin.mirror.tables import DELETED, Connection, Job, Person, PersonChange, Unit
from tests.live import Sandbox, connect, serve_sandbox


@pytest.fixture
def mirrored(runtime: Runtime, tmp_path: Path) -> Any:
    made = replace(runtime, clock=Clock())
    with serve_sandbox(tmp_path / "sandbox") as sandbox:
        yield made, sandbox, connect(made, sandbox)


def count(made: Runtime, *conditions: Any) -> int:
    with made.db.read() as session:
        return int(session.scalar(select(func.count()).select_from(Person).where(*conditions)) or 0)


def hint(made: Runtime, sandbox: Sandbox, body: str, key: str = "h1", secret: str | None = None) -> int:
    headers = signed_headers(secret or sandbox.connection["webhook_secret"], key, body, at=made.clock.true())
    return receiving.store(made, "sandbox", headers, body.encode())


def test_a_second_whole_read_changes_nothing(mirrored: Any) -> None:
    made, _sandbox, host_id = mirrored
    with made.db.read() as session:
        before = session.scalar(select(func.max(PersonChange.seq)))
    assert pull(made, host_id, full=True).changed == 0
    with made.db.read() as session:
        assert session.scalar(select(func.max(PersonChange.seq))) == before


def test_a_delta_brings_what_changed_and_what_is_gone(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    hired = sandbox.act("hire", name="Zoë Müller", organisation="ORG-2")["person"]
    sandbox.act("delete", person="U-50")
    pull(made, host_id)
    assert count(made, Person.ext == hired) == 1
    assert count(made, Person.ext == "U-50", Person.state == DELETED) == 1


def test_a_hint_is_stored_once_and_leads_to_a_read_of_those_ids(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    sandbox.act("suspend", person="U-7")
    body = '{"type": "person.changed", "timestamp": "2026-01-01T00:00:00Z", "data": {"ids": ["U-7", "U-nobody"]}}'
    assert hint(made, sandbox, body) == 1
    assert hint(made, sandbox, body) == 0
    assert inbox.work(made, host_id) == 1
    assert count(made, Person.ext == "U-7", Person.state == 1) == 1
    assert inbox.work(made, host_id) == 0


def test_a_hint_with_a_bad_signature_or_without_sense_is_refused(mirrored: Any) -> None:
    made, sandbox, _host_id = mirrored
    with pytest.raises(Locked):
        hint(made, sandbox, "{}", secret="whsec_" + "A" * 32)
    for body in ("{}", "[]", "nonsense", '{"type": "person.changed", "data": {"ids": "U-1"}}', '{"type": "x.y"}'):
        with pytest.raises(Refused):
            hint(made, sandbox, body)
    for headers in ({}, {"webhook-id": "a", "webhook-timestamp": "x", "webhook-signature": "v1"},
                    {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,é,"}):  # fmt: skip
        with pytest.raises(Locked):
            receiving.store(made, "sandbox", headers, b"\xff")


@pytest.mark.parametrize("mood", ["failing", "down", "html", "garbage", "loop", "drop"])
def test_a_host_that_breaks_its_contract_deletes_nothing_and_is_named(mirrored: Any, mood: str) -> None:
    made, sandbox, host_id = mirrored
    before = count(made, Person.state != DELETED)
    sandbox.act("mood", mood=mood)
    with pytest.raises(Unavailable) as trouble:
        pull(made, host_id, full=True)
    assert trouble.value.sentence.endswith(".")
    assert count(made, Person.state != DELETED) == before
    with made.db.read() as session:
        connection = session.scalars(select(Connection)).one()
        assert connection.state == ("down" if mood in ("failing", "down") else "paused")
        assert connection.reason
    sandbox.act("mood", mood="ok")
    pull(made, host_id, full=True)
    with made.db.read() as session:
        assert session.scalars(select(Connection)).one().state == "active"


def test_a_whole_read_that_lost_too_much_is_held_for_a_person(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    before = count(made, Person.state != DELETED)
    lost = [f"U-{number}" for number in range(60, 80)]
    with sandbox.app.config["STORE"].write() as db:
        db.executemany("DELETE FROM record WHERE kind = 'people' AND id = ?", [(one,) for one in lost])
    assert pull(made, host_id, full=True).held == {"people": 20}
    assert count(made, Person.state != DELETED) == before
    with made.db.write() as session:
        assert held_records(session, host_id) == {"people": 20}
        release_records(session, host_id, "people", made.clock.now())
    assert count(made, Person.state != DELETED) == before - 20


def test_a_few_missing_records_are_confirmed_by_id_and_deleted(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    with sandbox.app.config["STORE"].write() as db:
        db.execute("DELETE FROM record WHERE kind = 'people' AND id = 'U-70'")
    pull(made, host_id, full=True)
    assert count(made, Person.ext == "U-70", Person.state == DELETED) == 1


def test_references_resolve_when_what_they_name_arrives(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    store = sandbox.app.config["STORE"]
    with store.write():
        store.put("jobs", [{"id": "J-new", "person": "U-new", "organisation": "ORG-new", "manager_job": "J-1"}])
    pull(made, host_id)
    with store.write():
        store.put(
            "units", [{"id": "ORG-new", "kind": "organisation", "framework": "bu", "parent": "ORG-1", "name": "New"}]
        )
        store.put("people", [{"id": "U-new", "name": "New Person", "state": "active"}])
    pull(made, host_id)
    with made.db.read() as session:
        job = session.scalars(select(Job).where(Job.ext == "J-new")).one()
        assert None not in (job.person, job.organisation, job.manager_job)
        unit = session.scalars(select(Unit).where(Unit.ext == "ORG-new")).one()
        assert unit.parent is not None


def test_a_loop_of_units_and_of_managers_is_cut_and_nothing_hangs(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    store = sandbox.app.config["STORE"]
    with store.write():
        store.put(
            "units",
            [{"id": name, "kind": "organisation", "framework": "bu", "parent": parent, "name": name}
             for name, parent in (("L-1", "L-2"), ("L-2", "L-3"), ("L-3", "L-1"))],
        )  # fmt: skip
        store.put(
            "jobs",
            [
                {"id": f"X-{n}", "person": f"U-{n}", "organisation": "L-1", "manager_job": f"X-{n % 3 + 1}"}
                for n in (1, 2, 3)
            ],
        )
    pull(made, host_id)
    with made.db.read() as session:
        people = list(session.scalars(select(Person.id).where(Person.ext.in_(("U-1", "U-2", "U-3")))))
        assert len(matches_of(session, host_id, people, made.clock.now())) == 3


def test_search_folds_accents_and_finds_by_the_beginnings_of_words(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    sandbox.act("hire", name="Łukasz Müller-Straße", organisation="ORG-2")
    pull(made, host_id)
    assert fold("Łukasz Øre Straße Đorđević") == "lukasz ore strasse dordevic"
    with made.db.read() as session:
        for query in ("lukasz mul", "MÜLLER", "strasse lu", "łuk"):
            assert "Łukasz Müller-Straße" in {
                row.name for row in find(session, host_id, "person", query, limit=100).rows
            }
        assert find(session, host_id, "person", "nobodycalledthis").total == 0


def test_the_sandbox_tells_a_wrong_token_and_an_old_mark(mirrored: Any) -> None:
    _made, sandbox, _host_id = mirrored
    assert requests.get(f"{sandbox.connection['api_url']}/people", timeout=5).status_code == 401
    assert sandbox.api("people", since="999999").status_code == 410
    assert sandbox.api("nothing").status_code == 404
