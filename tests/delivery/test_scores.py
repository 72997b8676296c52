"""Who is certified is reported to the gradebooks that take it: once, until it stands, whatever the platform answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.delivery.results.score_tables import Score, ScoreLine
from plugin.delivery.results.scores import deliver_scores
from plugin.delivery.tables import Seat
from plugin.enrolment.earlier_results import owe_earlier_results
from plugin.lti import services
from plugin.mirror.connections.launch_contexts import learn_endpoint
from plugin.mirror.tables import DELETED, SUSPENDED, Connection
from tests.gradebook import SCOPE, Gradebook, gradebook
from tests.world import HOST, World, row

CONTENT = {
    "certification": [{"name": "Core", "courses": ["c1"]}], "recertification": [{"name": "Again", "courses": ["c2"]}],
}  # fmt: skip
PERIOD = {"active": "1 year", "window": "1 month", "expiry_from": "completion"}
DAY = 86400


@pytest.fixture
def book() -> Iterator[Gradebook]:
    services._kept.clear()
    with gradebook() as made:
        yield made
    services._kept.clear()


@pytest.fixture
def world(runtime: Runtime, book: Gradebook) -> World:
    """Ann, bea and cid in one audience, two courses, and the platform's registration."""
    made = World(runtime)
    made.people("ann", "bea", "cid")
    made.courses("c1", "c2")
    made.audience("all", "ann", "bea", "cid")
    with runtime.db.write() as session:
        session.execute(update(Host).values(client_id="muster", issuer=book.base, token_url=f"{book.base}/token"))
        session.add(
            Connection(host_id=HOST, id=1, name="acme", kind="webhook", mapping={}, settings={}, marks={}, caps={})
        )
    return made


def claims(book: Gradebook, *, own: int | None = None, scopes: tuple[str, ...] = ("lineitem", "score"), link: str = "l1",
           certification: str = "", every: bool = True, course: str = "c1") -> dict[str, Any]:  # fmt: skip
    service: dict[str, Any] = {"scope": [SCOPE + name for name in scopes]}
    if every:
        service["lineitems"] = f"{book.base}/c1/items"
    if own is not None:
        service["lineitem"] = book.address(own)
    lti = "https://purl.imsglobal.org/spec/lti/claim/"
    return {
        "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": service, lti + "resource_link": {"id": link},
        lti + "context": {"id": course, "title": "Course one"}, lti + "custom": {"certification": certification},
    }  # fmt: skip


def launched(world: World, given: dict[str, Any]) -> bool:
    return world.runtime.db.transact(lambda session: learn_endpoint(session, HOST, given, world.now))


def saved(world: World, code: str = "FOOD", **terms: Any) -> None:
    world.save(code, row("audience", "all"), content=CONTENT, period=PERIOD, **terms)


def certify(world: World, *people: str, course: str = "c1") -> None:
    for person in people:
        world.complete(person, course, world.now - 60)
    world.settle()
    with world.runtime.db.write() as session:
        session.execute(update(Seat).values(confirmed=2, owed=False))  # the seats stand


def report(world: World) -> int:
    return owe_earlier_results(world.runtime, HOST) + deliver_scores(world.runtime, HOST)


def scores(world: World) -> list[Score]:
    with world.runtime.db.read() as session:
        return list(session.scalars(select(Score).order_by(Score.line, Score.person, Score.cycle)))


def states(world: World) -> list[str]:
    return [one.state for one in scores(world)]


def test_a_learner_who_is_certified_is_reported_once_with_full_score(world: World, book: Gradebook) -> None:
    number = book.add()
    saved(world)
    launched(world, claims(book, own=number, scopes=("score",)))
    report(world)
    certify(world, "ann")
    assert report(world)
    world.settle()
    report(world)
    assert book.posted() == ["ann"]
    sent = book.scores[number, "ann"]
    assert (sent["scoreGiven"], sent["scoreMaximum"]) == (1, 1)
    assert (sent["activityProgress"], sent["gradingProgress"]) == ("Completed", "FullyGraded")
    assert sent["timestamp"].endswith(".000Z")
    (call,) = [one for one in book.calls if one.method == "POST"]
    assert call.path == f"/c1/items/{number}/scores"
    assert call.query == {"type_id": ["2"]}
    assert book.tokens == [SCOPE + "score"]
    assert [(one.state, one.cycle) for one in scores(world)] == [("sent", 1)]


def test_a_link_launched_later_reports_those_certified_before(world: World, book: Gradebook) -> None:
    saved(world)
    certify(world, "ann", "cid")
    report(world)
    assert scores(world) == []
    assert launched(world, claims(book, own=book.add()))
    assert not launched(world, claims(book, own=1))
    report(world)
    assert sorted(book.posted()) == ["ann", "cid"]
    report(world)
    assert len(book.posted()) == 2


def test_the_next_cycle_is_reported_again(world: World, book: Gradebook) -> None:
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann")
    report(world)
    world.at(world.now + 350 * DAY)
    world.settle()
    certify(world, "ann", course="c2")
    report(world)
    assert [(one.state, one.cycle) for one in scores(world)] == [("sent", 1), ("sent", 2)]
    assert book.posted() == ["ann", "ann"]


def test_certifications_of_one_course_each_have_a_column_made_once_and_found_again(
    world: World, book: Gradebook
) -> None:
    for _ in range(4):
        book.add()
    saved(world, exceptions={"duplicate_course": "assign"})
    saved(world, "FIRE", exceptions={"duplicate_course": "assign"})
    launched(world, claims(book, own=1))
    report(world)
    certify(world, "ann")
    report(world)
    made = [one for one in book.items.values() if one.get("tag") == "certified"]
    assert [(one["resourceId"], one["label"], one["scoreMaximum"]) for one in made] == [("muster:FIRE", "Fire", 1)]
    assert sorted(number for number, _person in book.scores) == [1, 5]
    with world.runtime.db.write() as session:
        session.execute(update(ScoreLine).values(url=""))
    certify(world, "bea")
    report(world)
    assert len(book.items) == 5, "found on the third page, by its own letters"
    assert sorted(number for number, _person in book.scores) == [1, 1, 5, 5]


def test_a_link_that_names_a_certification_reports_that_one_alone(world: World, book: Gradebook) -> None:
    saved(world, exceptions={"duplicate_course": "assign"})
    saved(world, "FIRE", exceptions={"duplicate_course": "assign"})
    launched(world, claims(book, own=book.add(), certification="FIRE", course="c9"))
    launched(world, claims(book, own=book.add(), certification="NOBODY", course="c1", link="l2"))
    report(world)
    certify(world, "ann")
    report(world)
    assert list(book.scores) == [(1, "ann")]


@pytest.mark.parametrize(
    ("scopes", "granted", "words"),
    [
        (("lineitem",), ("lineitem",), "does not let Muster report results from this course"),
        (("score",), (), "invalid_scope"),
        (("score", "lineitem"), ("lineitem",), "invalid_scope"),
    ],
)
def test_a_scope_that_is_refused_parks_the_results_with_the_reason(
    world: World, book: Gradebook, scopes: tuple[str, ...], granted: tuple[str, ...], words: str
) -> None:
    book.grants = {SCOPE + name for name in granted}
    saved(world)
    launched(world, claims(book, own=book.add(), scopes=scopes))
    report(world)
    certify(world, "ann", "bea")
    report(world)
    assert states(world) == ["parked", "parked"]
    assert all(words in one.why for one in scores(world))
    asked = len(book.tokens)
    assert report(world) == 0
    assert (book.posted(), len(book.tokens)) == ([], asked)
    assert asked <= 1


def test_a_course_without_a_column_of_ours_that_lets_none_be_made_is_said_so(world: World, book: Gradebook) -> None:
    saved(world)
    launched(world, claims(book, scopes=("score", "lineitem.readonly")))
    report(world)
    certify(world, "ann")
    report(world)
    assert [(one.state, "does not let Muster add one" in one.why) for one in scores(world)] == [("parked", True)]


def test_a_line_item_that_is_gone_is_looked_for_and_made_anew(world: World, book: Gradebook) -> None:
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann")
    report(world)
    book.items.clear()
    certify(world, "bea")
    report(world)
    assert states(world) == ["sent", "sent"]
    assert [one["resourceId"] for one in book.items.values()] == ["muster:FOOD"]
    assert "bea" in {person for _number, person in book.scores}


def test_a_line_item_that_is_gone_without_another_parks_what_is_owed(world: World, book: Gradebook) -> None:
    saved(world)
    launched(world, claims(book, own=book.add(), scopes=("score", "lineitem.readonly")))
    book.items.clear()
    report(world)
    certify(world, "ann", "bea")
    report(world)
    assert states(world) == ["parked", "parked"]
    assert book.posted() == ["ann"]


def test_a_learner_the_platform_does_not_know_spoils_no_other(world: World, book: Gradebook) -> None:
    book.members = {"ann", "cid"}
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann", "bea", "cid")
    book.say = [("POST /c1/items/1/scores", 404, {}, b'{"message": "No such user."}')]
    report(world)
    assert states(world) == ["parked", "parked", "sent"]
    first, second, _third = scores(world)
    assert first.why == "No such user."
    assert "answered 400" in second.why


@pytest.mark.parametrize("retry", ["40", "Sun, 06 Nov 2094 08:49:37 GMT", "soon", None])
def test_too_many_requests_rest_the_line_as_long_as_is_asked(world: World, book: Gradebook, retry: str | None) -> None:
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann", "bea")
    book.say = [("/scores", 429, {"Retry-After": retry} if retry else {}, b"")]
    report(world)
    assert book.posted() == ["ann"]
    with world.runtime.db.read() as session:
        line = session.scalars(select(ScoreLine)).one()
    assert line.why == "The learning site's service answered 429."
    wait = line.next_at - world.now
    assert wait == 40 if retry == "40" else 0 < wait <= DAY
    report(world)
    assert len(book.posted()) == 1
    world.at(line.next_at)
    report(world)
    assert states(world) == ["sent", "sent"]


def test_one_that_fails_is_tried_again_and_three_in_a_row_rest_the_line(world: World, book: Gradebook) -> None:
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann", "bea", "cid")
    book.say = [("/scores", 500, {}, b"<html>")]
    report(world)
    assert sorted(states(world)) == ["owed", "sent", "sent"]
    world.at(world.now + 60)
    report(world)
    assert states(world) == ["sent"] * 3


def test_what_stands_already_counts_as_sent_and_a_newer_result_is_left_alone(world: World, book: Gradebook) -> None:
    number = book.add()
    saved(world)
    launched(world, claims(book, own=number))
    report(world)
    certify(world, "ann", "bea")
    book.scores[number, "bea"] = {"timestamp": "2099-01-01T00:00:00.000Z"}
    original = book._scored

    def lost(item: int, call: Any) -> tuple[int, dict[str, str], bytes]:
        answer = original(item, call)
        if call.body["userId"] == "ann" and book.posted().count("ann") == 1:
            return 502, {}, b""  # taken, but the answer is lost
        return answer

    book._scored = lost  # type: ignore[method-assign]
    report(world)
    world.at(world.now + 60)
    report(world)
    assert states(world) == ["sent", "parked"]
    assert "newer result" in scores(world)[1].why


def test_nobody_suspended_deleted_or_still_on_her_way_into_the_course_is_reported(
    world: World, book: Gradebook
) -> None:
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann", "bea", "cid")
    with world.runtime.db.write() as session:
        session.execute(update(Seat).where(Seat.person == 1).values(owed=True, confirmed=0))
    world.set_person("bea", state=SUSPENDED)
    world.set_person("cid", state=DELETED)
    report(world)
    assert states(world) == ["owed", "owed", "dropped"]
    assert book.posted() == []
    with world.runtime.db.write() as session:
        session.execute(update(Seat).values(owed=False, confirmed=2))
    world.set_person("bea", state=0)
    report(world)
    assert book.posted() == ["ann", "bea"]


def test_the_user_is_named_as_launches_name_her(world: World, book: Gradebook) -> None:
    world.set_person("ann", email="ann@lms.test")
    with world.runtime.db.write() as session:
        session.execute(update(Connection).values(mapping={"join": "email"}))
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann")
    report(world)
    assert book.posted() == ["ann@lms.test"]


def test_a_line_that_another_worker_holds_is_left_to_it(world: World, book: Gradebook) -> None:
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann")
    with world.runtime.db.write() as session:
        session.execute(update(ScoreLine).values(lease="elsewhere:1:1:x", lease_until=Clock().true() + 100))
    assert report(world) == 0
    with world.runtime.db.write() as session:
        session.execute(update(ScoreLine).values(lease_until=1))
    assert report(world) == 1


def test_a_platform_that_is_away_costs_nothing_but_delay(world: World, book: Gradebook) -> None:
    saved(world)
    launched(world, claims(book, own=book.add()))
    report(world)
    certify(world, "ann")
    with world.runtime.db.write() as session:
        session.execute(update(Host).values(token_url="http://127.0.0.1:1/token"))
    report(world)
    assert states(world) == ["owed"]
    with world.runtime.db.write() as session:
        session.execute(update(Host).values(token_url=f"{book.base}/token"))
    world.runtime = replace(world.runtime, clock=Clock(world.now + 60))
    report(world)
    assert states(world) == ["sent"]


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "score"}, {"scope": None}, {"lineitem": "ftp://x", "lineitems": None}, {"lineitem": 7, "lineitems": {}},
        {"lineitem": "https://" + "x" * 3000, "lineitems": ""},
    ],
)  # fmt: skip
def test_an_endpoint_that_cannot_be_is_not_kept(world: World, book: Gradebook, changes: dict[str, Any]) -> None:
    given = claims(book, own=1)
    given["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"].update(changes)
    assert not launched(world, given)
    for name in ("context", "resource_link", "custom"):
        assert not launched(world, {**given, f"https://purl.imsglobal.org/spec/lti/claim/{name}": "x"})


def test_a_made_line_item_at_another_address_gets_no_token(world: World, book: Gradebook) -> None:
    saved(world)
    launched(world, claims(book))
    report(world)
    certify(world, "ann")
    book.say = [("POST /c1/items", 201, {}, b'{"id": "http://127.0.0.2:9/steal"}')]
    report(world)
    assert [(one.state, "no address" in one.why) for one in scores(world)] == [("parked", True)]
