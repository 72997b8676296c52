"""Messages: what went and what waits, a storm released, doubtful ones answered; and how they go out."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.database.bulk import insert_rows
from plugin.core.tables import Host
from plugin.delivery.messages.channels import channel_of
from plugin.delivery.tables import Message
from tests.delivery.mailbox import mail_server
from tests.web.conftest import Visit
from tests.world import HOST, World, row

STATES = ["sent", "maybe", "maybe", "bounced", "parked", "held", "held", "cancelled", "joined"]


@pytest.fixture
def told(world: World) -> World:
    """Messages in every state; the first is a digest of two."""
    world.save("fs", row("individual", "ann"), notifications=())
    whys = {"maybe": "No <b>answer</b>.", "bounced": "550 no such mailbox", "parked": "554 spam"}
    with world.runtime.db.write() as session:
        n = len(STATES)
        insert_rows(session, Message, {
            "host_id": HOST, "id": list(range(1, n + 1)), "key": [f"k{one}" for one in range(n)], "notification": 1,
            "when": "assigned", "certification": 1, "learner": 2, "recipient": [1 + one % 4 for one in range(n)],
            "state": STATES, "why": [whys.get(one, "") for one in STATES], "channel": "mail", "created": world.now,
            "leader": [1] + [0] * (n - 2) + [1],
        })  # fmt: skip
    return world


def states(world: World) -> list[str]:
    with world.runtime.db.read() as session:
        return list(session.scalars(select(Message.state).order_by(Message.id)))


def test_messages_are_listed_with_what_became_of_them(told: World, visit: Visit) -> None:
    page = visit().page("/messages")
    for words in ("2 messages are held.", "550 no such mailbox", "No &lt;b&gt;answer&lt;/b&gt;.", "and 1 other", "Maybe sent",
                  "Bounced", "Refused", "Showing 8 of 8", "E-mail"):  # fmt: skip
        assert words in page, words
    assert "Showing 2 of 2" in visit().page("/messages?state=maybe")
    assert "Showing 8 of 8" in visit().page("/messages?certification=1")
    assert "None matches." in visit().page("/messages?certification=7")
    assert "None matches." in visit().page("/messages?q=nobody")
    assert visit().get("/messages?state=%27&certification=x&page=0").status_code == 200


def test_a_storm_is_released_or_discarded_and_the_cap_is_set(told: World, visit: Visit) -> None:
    one = visit()
    assert one.post("/messages", {"action": "release"}).headers["Location"].endswith("done=release:2")
    assert states(told)[5:7] == ["waiting", "waiting"]
    assert "2 messages are released." in one.page("/messages?done=release:2")
    assert one.post("/messages", {"action": "discard"}).headers["Location"].endswith("done=discard:0")
    assert one.post("/messages/cap", {"cap": "1,000"}).status_code == 303
    with told.runtime.db.read() as session:
        assert session.get_one(Host, HOST).settings["message_cap"] == 1000
    for bad in ("", "0", "-5", "many"):
        assert one.post("/messages/cap", {"cap": bad}).status_code == 400


def test_doubtful_messages_are_sent_again_or_dismissed_singly_ticked_and_all(told: World, visit: Visit) -> None:
    one = visit()
    assert one.post("/messages", {"action": "again:2"}).headers["Location"].endswith("done=again:1")
    assert states(told)[1] == "owed"
    assert one.post("/messages", {"action": "dismiss", "message": ["4", "5", "1"]}).status_code == 303
    assert states(told)[:5] == ["sent", "owed", "maybe", "cancelled", "cancelled"]
    with told.runtime.db.read() as session:
        assert session.get_one(Message, (HOST, 4)).why == "Dismissed. 550 no such mailbox"
    assert one.post("/messages", {"action": "dismiss", "all": "1", "state": "maybe"}).status_code == 303
    assert states(told)[2] == "cancelled"
    for bad in ({"action": "again"}, {"action": "again", "message": "x"}, {"action": "explode", "message": "1"}, {}):
        assert one.post("/messages", bad).status_code == 400


def test_the_channel_is_set_tried_and_never_shows_its_secrets(told: World, visit: Visit) -> None:
    one, path = visit(), f"/hosts/{HOST}/messages"
    with mail_server() as box:
        form: dict[str, Any] = {"kind": "mail", "server": "127.0.0.1", "port": str(box.port), "security": "none",
                                "username": "", "password": "sesame-open", "sender": "muster@example.com"}  # fmt: skip
        assert one.post(path, form).status_code == 303
        page = one.page(f"{path}?saved=1")
        assert "One is stored and is never shown." in page
        assert "sesame-open" not in page
        assert "The mail server took it." in one.post(f"{path}/test", {"to": "sam@example.org"}).text
        assert box.to == ["sam@example.org"]
        assert "This is no e-mail address." in one.post(f"{path}/test", {"to": "sam"}).text
    assert "refuses the connection" in one.post(f"{path}/test", {"to": "sam@example.org"}).text
    refused = one.post(path, {**form, "sender": "<script>"})
    assert refused.status_code == 400
    assert "is no e-mail address" in refused.text
    assert "sesame-open" not in refused.text
    made = one.post(f"{path}/secret", {}).text
    assert "whsec_" in made
    with told.runtime.db.read() as session:
        row = channel_of(session, HOST)
        assert (row.kind, row.password, str(row.secret) in made) == ("mail", "sesame-open", True)
    assert str(row.secret) not in one.page(path)


def test_only_administrators_see_messages_and_nobody_another_hosts(told: World, visit: Visit) -> None:
    learner = visit("ann", administrator=False, person=1)
    assert learner.get("/messages").status_code == 403
    assert learner.post("/messages", {"action": "release"}).status_code == 403
    assert learner.get(f"/hosts/{HOST}/messages").status_code == 403
    assert visit().get("/hosts/77/messages").status_code == 404
    assert visit().post("/hosts/77/messages", {"kind": "host"}).status_code == 404
