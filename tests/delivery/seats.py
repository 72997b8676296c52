"""A host with some people, courses and owed seats, written straight into the tables."""

from __future__ import annotations

import numpy as np

from plugin.core.database.bulk import insert_rows
from plugin.core.runtime import Runtime
from plugin.delivery.tables import IN, Seat
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.tables import Connection, Course, Person

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1kZWxpdmVyeS10ZXN0cw=="


def a_host_with_seats(runtime: Runtime, seats: int, *, name: str = "acme", writes: int = 500) -> int:
    """A host whose course c1 owes a seat to so many people; ``U-<n>`` and ``c<n>`` are the host's ids."""
    now = runtime.clock.now()
    new = NewHost(name=name, issuer=f"https://{name}.example", client_id=name, deployment="1",
                  auth_url="https://a.example", token_url="https://a.example", jwks_url="https://a.example",
                  api_url="http://127.0.0.1:9/api", api_token="token", webhook_url="http://127.0.0.1:9/hook",
                  webhook_secret=SECRET)  # fmt: skip
    with runtime.db.write() as session:
        host_id = add_host(session, new, now).id
        row = session.query(Connection).filter_by(host_id=host_id).one()
        row.caps = {"writes": {"seats": writes, "messages": 100}}
        for number in range(1, 6):
            session.add(Course(host_id=host_id, id=number, ext=f"c{number}", name=f"Course {number}"))
        session.flush()
        people = np.arange(1, seats + 1)
        insert_rows(session, Person, {"host_id": host_id, "id": people, "ext": [f"U-{n}" for n in people.tolist()],
                                      "name": [f"Person {n}" for n in people.tolist()]})  # fmt: skip
    owe(runtime, host_id, 1, range(1, seats + 1), now)
    return int(host_id)


def owe(runtime: Runtime, host_id: int, course: int, people: range, at: int, correlation: str = "") -> None:
    """Want seats that the host does not know of yet."""
    with runtime.db.write() as session:
        insert_rows(session, Seat, {"host_id": host_id, "course": course, "person": np.array(people), "wanted": IN,
                                    "owed": 1, "changed": at, "correlation": correlation})  # fmt: skip
