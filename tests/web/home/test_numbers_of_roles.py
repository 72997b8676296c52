"""The numbers that each role sees are those of the naive model, and a number that is a link leads to so many people.

Roles: an administrator, an auditor, an administrator of an area (whose numbers are of its people alone), a manager, a
learner. Numbers of more than one page: Home, Compliance, Certifications, Assignments, Notifications, People, the report
Overview, My team, My certifications.
"""

from __future__ import annotations

import html
import random
import re
from collections import Counter
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import select, update

from plugin.access.tables import AccessGrant
from plugin.certifications.tables import Certification
from plugin.core.runtime import Runtime
from plugin.mirror.tables import Unit
from plugin.web.launch.session import Launch, open_session
from tests.application import application
from tests.histories.naive import Model
from tests.histories.test_histories import CODES, NAMES, Histories
from tests.reports import oracle

AREA = "o2"
STAFF = 3
"""The first so many visitors, who take turns: each sees many pages."""
COLUMNS = {"Enrolled": "enrolled", "Certified": "certified", "In progress": "in_progress", "Not started": "not_started",
           "Expired": "expired", "Overdue": "overdue", "Due in 30 days": "due_30", "Expiring in 30 days": "expiring_30",
           "Held back": "held", "On hold": "held", "Suspended": "suspended"}  # fmt: skip
LINK = re.compile(r'<a (?:class="[^"]*" )?href="(/t/[^"#]+)"[^>]*>\s*(?:<bdi>)?([\d,]+)(?:<|\s)')
TO_A_PERSON = re.compile(r"/people/[^/?]+$")
"""What is counted is in how many certifications somebody is: her page lists them."""


@dataclass(frozen=True)
class Visitor:
    """Somebody with a session: her role, and whom she sees; ``None`` for everybody."""

    role: str
    handle: str
    person: str = ""


def seen(model: Model, who: Visitor) -> set[str] | None:
    """Whose numbers a visitor sees."""
    return oracle.unit(model, "organisation", AREA) if who.role == "area" else None


def told(model: Model, code: str) -> set[str]:
    """Whom a notification to learners would reach now: the matched whom nothing keeps from being told."""
    matched = set().union(*(model.matched(code, row) for row in model.certifications[code].rows.values()))
    dismissed = {
        name for (other, name), one in model.enrolments.items() if other == code and one.live and one.held == "dismissed"
    }  # fmt: skip
    return {
        name for name in matched - dismissed
        if model.people[name].state == "active" and not model.is_exempt(code, name)
    }  # fmt: skip


class OfRoles(Histories):
    """Random histories; after each step every role's pages are opened and compared."""

    visitors: tuple[Visitor, ...] = ()
    turn = -1
    dice = random.Random(5)
    followed: Counter[str] = Counter()

    def _follow(self, now: bool) -> None:
        super()._follow(now)
        if now:
            self.open()
            self.turn += 1
            for place, who in enumerate(self.visitors):
                if place >= STAFF or place == self.turn % STAFF:
                    self.compare(who)

    def open(self) -> None:
        """Sessions of all roles, once; the certifications are open to areas."""
        self.client = application(self.lab.runtime).test_client()
        host, names = self.lab.host, {name: self.lab.id_of(name) for name in NAMES}
        with self.lab.runtime.db.write() as session:
            session.execute(update(Certification).where(Certification.host_id == host).values(areas=True))
            if self.visitors:
                return
            unit = session.scalars(select(Unit.id).where(Unit.host_id == host, Unit.ext == AREA)).one()
            for number, (role, scope) in enumerate([("auditor", {}), ("area", {"units": [unit]})], start=1):
                session.add(
                    AccessGrant(host_id=host, id=number, subject=role, role=role, scope=scope, who="test", created=0)
                )

            def visit(role: str, person: str = "") -> Visitor:
                launch = Launch(host, names.get(person), person or role, role, is_administrator=role == "administrator",
                                purpose="launch", locale="en-GB")  # fmt: skip
                return Visitor(role, open_session(session, self.lab.runtime, launch)[0], person)

            staff = [visit(role) for role in ("administrator", "auditor", "area")]
            self.visitors = (*staff, *(visit("manager", name) for name in NAMES[:2]), visit("learner", NAMES[2]))

    def page(self, who: Visitor, path: str) -> str:
        """A page, without the handle in its addresses; empty where her account has ended."""
        answer = self.client.get(f"/t/{who.handle}{path}")
        if who.person and self.model.people[who.person].state != "active":
            assert answer.status_code == 403
            return ""
        assert answer.status_code == 200, (who, path, answer.text[:500])
        return answer.text

    def compare(self, who: Visitor) -> None:
        """Everything that this role sees."""
        if who.role == "manager":
            self.of_team(who)
        elif who.role == "learner":
            self.of_learner(who)
        elif who.role != "area" or AREA in self.model.units:
            for code in CODES:
                self.of_certification(who, code)
            self.of_people(who)

    def follow(self, who: Visitor, text: str, most: int = 3) -> None:
        """A number that is a link leads to a list of so many: some of those of a page."""
        found = list(dict.fromkeys(LINK.findall(text)))
        for address, number in self.dice.sample(found, min(most, len(found))):
            path = html.unescape(address).removeprefix(f"/t/{who.handle}")
            if TO_A_PERSON.search(path.partition("?")[0]):
                continue
            shown = re.search(r"Showing [\d,]+ of ([\d,]+)", self.page(who, path))
            assert (shown[1] if shown else "0") == number, (who.role, path, number)
            self.followed[who.role] += 1

    # --- staff

    def of_certification(self, who: Visitor, code: str) -> None:
        """Its numbers on Home, Compliance, Overview, and in the report."""
        model, number = self.model, self.lab.number(code)
        people = seen(model, who)
        wanted = oracle.counts(model, code, people)
        home = self.page(who, "/home")
        for name in ("enrolled", "certified", "overdue"):
            shown = re.findall(rf'certification={code}[^"]*">([\d,]+)</a>', home) if wanted[name] else ["0"]
            assert str(wanted[name]) in shown, (who.role, code, name)
        compliance = self.page(who, "/reports")
        report = self.page(
            who,
            f"/reports/overview?certification={code}&columns=certification_name,{','.join(dict.fromkeys(COLUMNS.values()))}",
        )
        overview = self.page(who, f"/certifications/{number}/overview")
        if wanted["enrolled"] or wanted["held"]:
            row = next(one for one in compliance.split("<tr ") if f"certification={code}" in one and "rowheader" in one)
            self.says(
                row,
                {name: wanted[name] for name in COLUMNS.values() if name != "suspended"},
                (who.role, code, "compliance"),
            )
            self.says(report, {name: wanted[name] for name in COLUMNS.values()}, (who.role, code, "report"))
        listed = self.page(who, f"/certifications/{number}/assignments")
        for row in model.certifications[code].rows.values():
            matched = model.matched(code, row) if people is None else model.matched(code, row) & people
            found = re.search(rf'data-key="{row.name}".*?data-label="Learners"[^>]*>(.*?)</td>', listed, re.DOTALL)
            assert found or who.role == "area", (
                who.role,
                row.name,
            )  # rows of people outside her area are not hers to see
            if found:
                assert re.findall(r"\d+", re.sub(r"<[^>]*>", " ", found[1]))[:1] == [str(len(matched))], (
                    who.role,
                    row.name,
                )
        if who.role != "area":
            of_learners = re.findall(
                r'data-label="Would reach now"[^>]*>(?:<a\s[^>]*>)?\s*([\d,]+)',
                self.page(who, f"/certifications/{number}/notifications"),
                re.DOTALL,
            )
            assert of_learners[0] == str(len(told(model, code))), (code, self.lab.log)
        for text in (home, compliance, report, overview):
            self.follow(who, text)

    def says(self, text: str, wanted: dict[str, int], where: object) -> None:
        """A row of a table says these numbers."""
        found = {
            COLUMNS[label]: int(re.sub(r"<[^>]*>|,", "", cell)) for label, cell in
            re.findall(r'data-label="([^"]+)"[^>]*>\s*(.*?)</td>', text, re.DOTALL) if label in COLUMNS
        }  # fmt: skip
        assert found == wanted, where

    def of_people(self, who: Visitor) -> None:
        """In how many certifications each person is, and overdue in how many."""
        text = self.page(who, "/people")
        for name, one in self.model.people.items():
            row = next((part for part in text.split("<tr ") if f'/people/{name}"' in part), "")
            inside = seen(self.model, who)
            assert bool(row) == (one.state != "deleted" and (inside is None or name in inside)), (who.role, name)
            if row:
                hers = [
                    found for (_code, other), found in self.model.enrolments.items() if other == name and found.active
                ]
                self.says(row.replace("Enrolled in", "Enrolled"), {
                    "enrolled": len(hers), "overdue": sum(oracle.is_overdue(found, self.model.now) for found in hers),
                }, (who.role, name))  # fmt: skip

    # --- managers and learners

    def of_team(self, who: Visitor) -> None:
        """My team: how many people, and how they stand."""
        for include in ("direct", "below"):
            text = self.page(who, f"/my/team?include={include}")
            if not text or "Nobody reports to you" in text:
                continue
            team = oracle.team(self.model, who.person, include)
            numbers = [oracle.counts(self.model, code, team) for code in CODES]
            sums = {
                name: sum(one[name] for one in numbers)
                for name in ("overdue", "due_30", "expiring_30", "certified", "enrolled")
            }
            tiles = [re.sub(r"<[^>]*>", "", one) for one in re.findall(r'<dd class="big[^"]*">(.*?)</dd>', text)]
            assert tiles == [str(len(team)), *(str(sums[name]) for name in ("overdue", "due_30", "expiring_30")),
                             f"{sums['certified']} of {sums['enrolled']}"], (who.person, include)  # fmt: skip
            self.follow(who, text.replace(tiles[0], "", 1))
            self.follow(who, self.page(who, "/my/team/reports"))

    def of_learner(self, who: Visitor) -> None:
        """My certifications: how late she is, and how many of her courses are done."""
        text = self.page(who, "/my/certifications")
        if not text:
            return
        hers = {code: one for (code, name), one in self.model.enrolments.items() if name == who.person and one.active}
        late = sorted(
            oracle.days_overdue(one, self.model.now) for one in hers.values() if oracle.is_overdue(one, self.model.now)
        )
        assert sorted(map(int, re.findall(r"(\d+) days? overdue", text))) == late
        self.followed["learner"] += len(hers)


def test_each_role_sees_the_numbers_of_the_rules(runtime: Runtime) -> None:
    machine = type("OfRoles", (OfRoles,), {"runtime": runtime, "followed": Counter()})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=1, stateful_step_count=5, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck), print_blob=False, phases=(Phase.generate,),
        ),
    )  # fmt: skip
    assert {role for role, count in machine.followed.items() if count} >= {"administrator", "auditor", "area"}
