"""Sources: a file of everybody, the same again, with 0.4 % changed; a directory's writes; a re-organisation on paper."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from plugin.app import create_app
from plugin.core.runtime import Runtime
from plugin.enrolment.sourcing import changes, loads
from plugin.enrolment.sourcing.reorganising import Reorganisation, what_if
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.tokens import make_token
from tests.bench import floors
from tests.bench.meter import begun

WRITES = 100
HEAD = ("id", "first_name", "last_name", "email", "organisation", "position", "manager", "active", "start")
LITERAL = ("csv.reader over the file's bytes", floors.COUNT_JOBS)


def file_of(people: int, moved: int = 0) -> bytes:
    """About 120 bytes a person; every ``moved``-th works elsewhere."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEAD)
    for n in range(1, people + 1):
        unit = (n + 1) % 900 if moved and n % moved == 0 else n % 900
        writer.writerow(
            (f"u{n}", f"First{n}", f"Last{n}", f"person{n}@corp.example", f"Division {unit % 30} / Department {unit}",
             f"Position {n % 200}", f"u{n // 10 or 1}", "1", "2020-03-01")
        )  # fmt: skip
    return text.getvalue().encode()


def bare(data: bytes) -> float:
    """Milliseconds of Python's own reader over the same bytes."""
    passed = begun()
    for _row in csv.reader(io.TextIOWrapper(io.BytesIO(data), newline="")):
        pass
    return passed()


def measured(runtime: Runtime, host_id: int, people: int) -> Iterator[tuple[str, float, float]]:
    """By operation the milliseconds of the product and of its floor."""
    with runtime.db.write() as session:
        now, mapping = runtime.clock.now(), {"separator": "/"}
        setup.add_source(session, host_id, "hr", "csv", join_by="id=username", mapping=mapping, at=now, who="bench")
        setup.add_source(session, host_id, "dir", "scim", join_by="userName=username", mapping={}, at=now, who="bench")
        token = make_token(session, host_id, "dir", at=runtime.clock.true(), who="bench")
    changes.supply(runtime, host_id, "organisation", ["site", "hr", "dir"], yes=True, who="bench")
    first, second = file_of(people), file_of(people, moved=250)
    for name, data in (("source_first", first), ("source_same", first), ("source_changed", second)):
        floor = bare(data)
        passed = begun()
        loads.load(runtime, host_id, "hr", [("people.csv", data)], who="bench", yes=True)
        yield name, passed(), floor
    yield "scim_100", _pushed(runtime, token), floors.three_commits(runtime) * WRITES / 3
    floor = floors.asked(runtime, floors.COUNT_JOBS)
    passed = begun()
    what_if(runtime, host_id, Reorganisation("organisation", "hr:Division 1", into="hr:Division 2"))
    yield "reorganise", passed(), floor


def _pushed(runtime: Runtime, token: str) -> float:
    """Milliseconds of a hundred new users, one by one."""
    client = create_app(runtime).test_client()
    schema, extension = (
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    )
    passed = begun()
    for n in range(1, WRITES + 1):
        user = {"schemas": [schema, extension], "userName": f"u{n}", "externalId": f"e{n}", "active": True,
                extension: {"department": f"Department {n % 9}"}}  # fmt: skip
        answer = client.post(
            "/scim/v2/dir/Users", data=json.dumps(user), content_type="application/scim+json",
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text[:500]
    return passed()
