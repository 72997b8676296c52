"""Reports that are sent: each time once, with the owner's present rights, and everybody can see what became of it."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.access import grants
from plugin.access.present_rights import reader_of
from plugin.access.rights import SHELL
from plugin.access.tables import AccessGrant
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.delivery.endpoints import subscriptions
from plugin.delivery.endpoints.subscriptions import EnteredSubscription as Target
from plugin.mirror.connections.date_settings import move_zone
from plugin.mirror.tables import Person, Unit
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.sending import due_reports, mailing
from plugin.reports.sending.due_reports import send_reports
from plugin.reports.sending.schedules import RequestedSchedule, ScheduleOwner, SendingRules, create, set_leaving, switch
from plugin.reports.sending.stored_files import parts
from plugin.reports.sending.tables import ReportPart, ReportSchedule, ReportSending
from plugin.reports.sending.timing import parse_timing
from tests.delivery.endpoints import receiving
from tests.delivery.mailbox import Mailbox, mail_server
from tests.web.conftest import small_world
from tests.world import HOST, World, row

MONDAY = 1_795_392_000  # 2026-11-23T00:00:00Z
ANN = ScheduleOwner("person", "ann", "Ann (ann)", 1)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def world(runtime: Runtime, box: Mailbox) -> World:
    """Two learners of a certification; ann, an auditor, may send reports to example.org."""
    settings = replace(runtime.settings, smtp_url=f"smtp://127.0.0.1:{box.port}", mail_from="muster@example.org")
    made = small_world(replace(runtime, settings=settings))
    made.save("fs", row("individual", "bea"), row("individual", "cid"), state="live", settle=True)
    set_leaving(made.runtime, HOST, SendingRules(("example.org",)), who="tester")
    with made.runtime.db.write() as session:
        grants.add(session, HOST, grants.RequestedGrant("auditor", person=1), by=SHELL, at=made.now, who="tester")
    return made


def scheduled(world: World, query: str = "", **more: Any) -> int:
    """A schedule of learners for every Monday; goes out on the 23rd."""
    timing = parse_timing(more.pop("timing", {"every": "weekly", "weekday": "monday", "at": "06:00"}))
    pairs = [tuple(one.split("=")) for one in (query or "columns=person,state").split("&")]
    question = parse_question("learners", pairs)  # type: ignore[arg-type]
    more = {"how": "email", "to": ("hr@example.org",), "form": "csv", **more}
    return create(world.runtime, HOST, Reader("ann"), RequestedSchedule("Every Monday", question, timing, **more), ANN)


def sent(world: World) -> list[ReportSending]:
    with world.runtime.db.read() as session:
        return list(session.scalars(select(ReportSending).order_by(ReportSending.id)))


def schedule(world: World) -> ReportSchedule:
    with world.runtime.db.read() as session:
        return session.scalars(select(ReportSchedule)).one()


def later(world: World, seconds: int) -> int:
    world.at(MONDAY + seconds)
    return send_reports(world.runtime, HOST, reader_of)


def people_in(data: bytes) -> list[str]:
    return [one["person"] for one in csv.DictReader(io.StringIO(data.decode("utf-8-sig")))]


def attached(box: Mailbox) -> list[str]:
    [part] = box.letters[-1].iter_attachments()
    return people_in(part.get_payload(decode=True))


def test_a_report_goes_out_each_monday_once(world: World, box: Mailbox) -> None:
    scheduled(world, to=("hr@example.org", "boss@example.org"))
    assert later(world, 3 * 3600) == 0  # 05:59 has not come in London yet
    assert later(world, 6 * 3600) == 2  # written down, and sent
    assert box.to == ["hr@example.org", "boss@example.org"]
    assert attached(box) == ["bea", "cid"]
    letter = box.letters[0]
    assert letter["Subject"].startswith("Every Monday (")
    [part] = letter.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("learners-2026-11-23.csv", "text/csv")
    [one] = sent(world)
    assert (one.state, one.rows, [each["state"] for each in one.recipients]) == ("sent", 2, ["sent", "sent"])
    assert later(world, 7 * 3600) == 0
    assert later(world, 15 * 86_400) == 2  # two Mondays passed while nobody worked: one letter, of today
    assert later(world, 15 * 86_400 + 60) == 0
    assert len(box.letters) == 4
    with world.runtime.db.read() as session:
        told = list(
            session.execute(select(Journal.what, Journal.who, Journal.count).where(Journal.what.like("export_%")))
        )
        assert [tuple(one) for one in told[:2]] == [
            ("export_begun", "Ann (ann) (schedule)", 0), ("export_finished", "Ann (ann) (schedule)", 2),
        ]  # fmt: skip
        assert session.scalar(select(ReportPart)) is None


def test_whoever_lost_her_rights_sends_nothing_and_administrators_are_told(world: World, box: Mailbox) -> None:
    scheduled(world)
    with world.runtime.db.write() as session:
        session.execute(update(AccessGrant).values(role="certification", scope={"certifications": []}))
    later(world, 6 * 3600)
    assert box.letters == []
    assert [(one.state, one.reason) for one in sent(world)] == [("stopped", "Its owner may not see reports any more.")]
    assert (schedule(world).state, schedule(world).reason) == ("paused", "Its owner may not see reports any more.")
    with world.runtime.db.read() as session:
        assert session.scalar(select(Journal.reason).where(Journal.what == "report_schedule_paused")) is not None


def test_a_suspended_owner_sends_nothing_and_a_narrowed_one_her_own(world: World, box: Mailbox) -> None:
    world.save("two", row("individual", "dov"), state="live", settle=True)
    scheduled(world)
    with world.runtime.db.write() as session:  # an administrator of the second certification alone
        session.execute(update(AccessGrant).values(role="certification", scope={"certifications": [2]}))
    later(world, 6 * 3600)
    assert attached(box) == ["dov"]
    with world.runtime.db.write() as session:
        session.execute(update(Person).where(Person.id == 1).values(state=1))
    later(world, 7 * 86_400 + 6 * 3600)
    assert len(box.letters) == 1
    assert schedule(world).state == "paused"


def test_whoever_looks_after_an_area_is_sent_its_people_as_it_is_then(world: World, box: Mailbox) -> None:
    world.save("fs", row("individual", "bea"), row("individual", "cid"), state="live", areas=True, settle=True)
    scheduled(world, "columns=person,certification")
    with world.runtime.db.write() as session:  # she had everything when she made it
        north = session.scalars(select(Unit.id).where(Unit.ext == "north")).one()
        session.execute(update(AccessGrant).values(role="area", scope={"units": [north]}))
    world.job("j-bea", "bea", "sales")
    later(world, 6 * 3600)
    assert attached(box) == ["cid"]
    world.job("j-cid", "cid", "legal")
    later(world, 7 * 86_400 + 6 * 3600)
    assert attached(box) == []
    world.save("fs", row("individual", "bea"), row("individual", "cid"), state="live", areas=False, settle=True)
    world.job("j-cid", "cid", "north")
    later(world, 14 * 86_400 + 6 * 3600)
    assert attached(box) == []  # the certification is closed to areas by now
    with world.runtime.db.write() as session:
        session.execute(update(ReportSchedule).values(source="messages", question=[]))
    later(world, 21 * 86_400 + 6 * 3600)
    assert (len(box.letters), schedule(world).state) == (3, "paused")  # of messages an area has none


def test_a_manager_is_sent_her_team(world: World, box: Mailbox) -> None:
    world.job("j-cid", "cid", "north", boss="j-bea")
    question = parse_question("learners", [("columns", "person")])
    made = RequestedSchedule(
        "My team", question, parse_timing({"every": "daily"}), "csv", "email", ("bea@example.org",), team=True
    )
    create(world.runtime, HOST, Reader("bea"), made, ScheduleOwner("person", "bea", "Bea (bea)", 2))
    later(world, 6 * 3600)
    assert attached(box) == ["cid"]
    world.job("j-cid", "cid", "north")
    later(world, 30 * 3600)
    assert (len(box.letters), schedule(world).state) == (1, "paused")


def test_who_stops_in_the_middle_sends_nothing_twice(
    world: World, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(world, to=("hr@example.org", "boss@example.org"))

    class Killed(BaseException):
        pass

    real = mailing.Mailer.send

    def die(self: Any, to: str, letter: Any) -> Any:
        real(self, to, letter)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(mailing.Mailer, "send", die)
        with pytest.raises(Killed):
            later(world, 6 * 3600)
    assert box.to == ["hr@example.org"]
    assert later(world, 6 * 3600 + 1) == 0  # the other one's lease holds
    with world.runtime.db.write() as session:
        session.execute(update(ReportSending).values(lease_until=0))
    assert later(world, 6 * 3600 + 2) == 1
    assert box.to == ["hr@example.org", "boss@example.org"]
    [one] = sent(world)
    assert (one.state, [each["state"] for each in one.recipients]) == ("partly", ["maybe", "sent"])


def test_a_worker_that_died_over_the_file_leaves_no_half_of_it(world: World, box: Mailbox) -> None:
    scheduled(world)
    with world.runtime.db.write() as session:
        world.at(MONDAY + 6 * 3600)
        assert due_reports.owe(session, HOST, world.now) == 1
        session.add_all(ReportPart(host_id=HOST, sending=1, n=n, data=b"half") for n in range(3))
    later(world, 6 * 3600 + 1)
    assert attached(box) == ["bea", "cid"]


def test_a_server_that_refuses_or_is_away(world: World, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.rcpt["gone@example.org"] = "550 unknown"
    box.rcpt["busy@example.org"] = "450 later"
    box.data["drop@example.org"] = "drop"
    scheduled(world, to=("gone@example.org", "busy@example.org", "drop@example.org", "hr@example.org"))
    later(world, 6 * 3600)
    [one] = sent(world)
    assert [each["state"] for each in one.recipients][:3] == ["bounced", "retry", "maybe"]
    box.rcpt.clear()
    later(world, 6 * 3600 + 61)
    later(world, 6 * 3600 + 1000)
    [one] = sent(world)
    assert (one.state, [each["state"] for each in one.recipients]) == ("partly", ["bounced", "sent", "maybe", "sent"])
    assert box.to.count("hr@example.org") == 1


def test_what_is_tried_in_vain_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(world.runtime.settings, smtp_url="smtp://127.0.0.1:1")
    scheduled(world)
    world.runtime = replace(world.runtime, settings=settings)
    at = 6 * 3600
    for pause in (0, *due_reports.PAUSES):
        at += pause
        later(world, at)
    [one] = sent(world)
    assert (one.state, one.recipients[0]["state"]) == ("failed", "refused")
    assert one.recipients[0]["why"] == "The mail server refuses the connection."


def test_no_domain_means_no_letter_and_another_domain_is_refused(world: World, box: Mailbox) -> None:
    with pytest.raises(
        RefusedReport, match=r"'x@else\.test' is outside the domains that this site allows: example\.org\."
    ):
        scheduled(world, to=("x@else.test",))
    scheduled(world)
    set_leaving(world.runtime, HOST, SendingRules(()), who="tester")
    with pytest.raises(RefusedReport, match="no domain is allowed"):
        scheduled(world)
    later(world, 6 * 3600)
    assert box.letters == []
    assert [each["state"] for each in sent(world)[0].recipients] == ["refused"]


def test_a_large_file_stays_and_the_letter_says_where(
    world: World, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_reports, "LARGEST", 10)
    world.set_person("cid", email="hr@example.org")
    scheduled(world)
    later(world, 6 * 3600)
    assert list(box.letters[0].iter_attachments()) == []
    assert "Sent to me" in box.letters[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    [one] = sent(world)
    assert (one.state, one.people, one.kept_until) == ("sent", [3], world.now + 30 * 86_400)
    assert people_in(b"".join(parts(world.runtime, HOST, one.id))) == ["bea", "cid"]
    later(world, 6 * 3600 + 31 * 86_400)
    assert sent(world)[0].kept_until == 0
    assert b"".join(parts(world.runtime, HOST, one.id)) == b""


def test_nothing_is_sent_that_is_empty_where_so_chosen(world: World, box: Mailbox) -> None:
    scheduled(world, "state=expired", skip_empty=True)
    later(world, 6 * 3600)
    assert (box.letters, [one.state for one in sent(world)]) == ([], ["empty"])


def test_a_report_that_can_no_longer_be_asked_pauses(world: World, box: Mailbox) -> None:
    world.audience("crew", "bea")
    scheduled(world, "audience=crew")
    with world.runtime.db.write() as session:
        session.connection().exec_driver_sql("UPDATE audience SET gone = TRUE")
    later(world, 6 * 3600)
    assert (schedule(world).state, schedule(world).reason) == ("paused", "There is no audience 'crew'.")
    assert [one.state for one in sent(world)] == ["failed"]


def test_a_report_goes_out_once_when_the_site_moves_to_another_zone(world: World, box: Mailbox) -> None:
    """At its time of day in the host's zone of that day; what somebody sends at once goes whatever the zone."""
    number = scheduled(world)
    with world.runtime.db.write() as session:
        move_zone(session, HOST, "America/New_York", at=MONDAY - 3600, who="sam")
    hours = 3600
    assert [later(world, at * hours) for at in (6, 10)] == [0, 0]
    assert later(world, 11 * hours) == 2  # written down, and sent
    assert [later(world, at * hours) for at in (12, 24, 7 * 24 + 6)] == [0, 0, 0]
    later(world, (7 * 24 + 11) * hours)
    assert len(box.letters) == 2
    later(world, (7 * 24 + 11) * hours + 60)
    switch(world.runtime, HOST, number, "now", ANN, every=False)
    later(world, (7 * 24 + 12) * hours)
    assert len(box.letters) == 3


def test_a_file_is_posted_signed_and_under_one_id(world: World) -> None:
    with receiving() as there:
        wanted = Target(there.url, "lake", ("learner.overdue",))
        number, secret = subscriptions.create(world.runtime, HOST, wanted, form="f", who="tester")
        with pytest.raises(RefusedReport, match="Names and addresses may not go to this endpoint"):
            scheduled(world, "columns=name", how="endpoint", endpoint=number)
        scheduled(world, how="endpoint", endpoint=number)
        there.judge = lambda _got: 503
        later(world, 6 * 3600)
        there.judge = lambda _got: 204
        later(world, 6 * 3600 + 61)
        first, second = there.got
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert people_in(second.body) == ["bea", "cid"]
        begun = f"{second.headers['webhook-id']}.{second.headers['webhook-timestamp']}.".encode()
        key = base64.b64decode(str(secret).removeprefix("whsec_"))
        made = base64.b64encode(hmac.new(key, begun + second.body, hashlib.sha256).digest()).decode()
        assert second.headers["webhook-signature"] == f"v1,{made}"
    assert [one.state for one in sent(world)] == ["sent"]


@pytest.mark.parametrize(
    ("timing", "at"),
    [
        ({"every": "daily"}, "2026-11-19T06:00:00+00:00"),
        ({"every": "daily", "at": "23:30"}, "2026-11-18T23:30:00+00:00"),
        ({"every": "weekly", "weekday": "wednesday"}, "2026-11-25T06:00:00+00:00"),
        ({"every": "monthly", "day": 31}, "2026-11-30T06:00:00+00:00"),
        ({"every": "monthly", "day": 1}, "2026-12-01T06:00:00+00:00"),
        ({"every": "before", "date": "2027-03-31", "days_before": 7}, "2027-03-24T06:00:00+00:00"),
    ],
)
def test_when_it_is_due(timing: dict[str, Any], at: str) -> None:
    from datetime import datetime

    found = parse_timing(timing).following(1_795_000_000, "Europe/London")
    assert found == int(datetime.fromisoformat(at).timestamp())


@pytest.mark.parametrize(
    "timing",
    [{"every": "hourly"}, {"every": "daily", "at": "25:00"}, {"every": "monthly", "day": 32},
     {"every": "before", "date": "soon"}, {"every": "before", "date": "20270331"}, {"every": "before", "date": "2027-W13-3"},
     {"every": "weekly", "weekday": "mon"}],
)  # fmt: skip
def test_what_is_no_time_is_refused(timing: dict[str, Any]) -> None:
    with pytest.raises(RefusedReport):
        parse_timing(timing)
