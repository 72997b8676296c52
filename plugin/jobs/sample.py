"""The sandbox as a learning site of Muster's, with six certifications to look at as if that had been so for a year.

``python -m plugin.jobs.sample CONNECTION.json [--began]``: registers the sandbox where that is not done yet, with ``--began``
builds the certifications where there are none, and pulls what is new. One process for all of it: each that starts costs a
newcomer a second.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

import plugin.schema  # noqa: F401 - so that the host's time moves on
from config.settings import read_settings
from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.file.certification_file import DEFAULT_PERIOD
from plugin.certifications.rules.written_content import dump_content, parse_content
from plugin.certifications.store import by_code, definition_of
from plugin.certifications.tables import Certification
from plugin.core.clock import Clock
from plugin.core.database.tenant import across, inside
from plugin.core.host_time import move_on
from plugin.core.logs import configure_logs, new_correlation
from plugin.core.runtime import Runtime, build_runtime
from plugin.core.tables import Host
from plugin.delivery.completion_polling import watch
from plugin.enrolment.answers.groups import join
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.lookup.find_people import identities_named
from plugin.mirror.pulling.pull import pull

DAY, BEGAN = 86_400, 345
"""``BEGAN``: how many days ago the sandbox was connected."""
MANAGER, LEARNER = "U-6", "U-900"
"""Whom the sandbox's front page offers."""
SAM, KIM = "Sam Rivera (U-1)", "Kim Haddad (U-2)"


class SampleSite:
    """The host and its clock, which the sample moves from a year ago until now."""

    def __init__(self, made: Runtime, host_id: int, sandbox: str) -> None:
        self.made, self.host_id, self.sandbox, self.now = made, host_id, sandbox, made.clock.now()

    def ago(self, days: float) -> None:
        """Go on to so many days before now."""
        self.made = replace(self.made, clock=Clock(int(self.now - days * DAY)))
        new_correlation()
        move_on(self.made, self.host_id)
        self.settle()

    def day(self, days: int) -> str:
        """The day so many days from now."""
        return (datetime.fromtimestamp(self.now, UTC) + timedelta(days=days)).date().isoformat()

    def settle(self) -> None:
        """Everything that is owed."""
        while settle_people(self.made, self.host_id) + settle_certifications(self.made, self.host_id):
            pass

    def save(self, code: str, who: str, change: Callable[[Definition], Definition], reason: str = "") -> None:
        """A save, without messages: what it tells of is long past."""
        with self.made.db.read() as session:
            row = by_code(session, self.host_id, code)
            current = definition_of(session, self.host_id, row.id) if row is not None else None
            base = row.version if row is not None else 0
        after = change(current or Definition(code=code, name=code, state="live"))
        new_correlation()
        save(self.made, self.host_id, [Proposal(after, base, current)], who=who,
             choices=Choices(no_messages=True, reason=reason))  # fmt: skip
        self.settle()

    def below(self, unit: str) -> list[str]:
        """The ids of everybody in a unit or under it."""
        with urllib.request.urlopen(f"{self.sandbox}/world/people?unit={unit}&below=1", timeout=30) as answer:  # noqa: S310 - the sandbox's own address
            return [str(one["id"] if isinstance(one, dict) else one) for one in json.load(answer)]


def row(key: str, due: Any = "none", **more: Any) -> AssignmentDef:
    """An assignment from ``type:target`` or ``type:target:include``."""
    kind, _colon, rest = key.partition(":")
    target, _colon, include = rest.partition(":")
    return AssignmentDef(kind, target, include, due, **more)


def define(name: str, course: str, *rows: AssignmentDef, **terms: Any) -> Callable[[Definition], Definition]:
    """A certification of one course."""
    minimum = {"minimum": terms.pop("minimum")} if "minimum" in terms else {}
    path = [{"name": "Course", "courses": [course], "needs": "all", **minimum}]
    again = [{"name": "Course", "courses": [terms.pop("again")], "needs": "all"}] if "again" in terms else []
    content = dump_content(parse_content({"certification": path, "recertification": again}))
    period = {} if terms.get("kind") == "program" else dict(DEFAULT_PERIOD)

    def change(before: Definition) -> Definition:
        return replace(before, name=name, content=content, assignments=rows, **{"period": period, **terms})

    return change


def and_also(*rows: AssignmentDef) -> Callable[[Definition], Definition]:
    """The same with more assignments."""
    return lambda before: replace(before, assignments=(*before.assignments, *rows))


def furnish(sample: SampleSite) -> None:
    """Courses at the learning site, and who completed them when."""
    finished = [
        {"course": "x1", "people": sample.below("ORG-2"), "share": 0.9, "ago": [180, 338]},
        {"course": "x1", "people": [LEARNER], "share": 1, "ago": [320, 321]},
        {"course": "x2", "people": sample.below("ORG-3"), "share": 0.94, "ago": [2, 85]},
        {"course": "x3", "people": sample.below("ORG-4"), "share": 0.45, "ago": [1, 18]},
        {"course": "x4", "people": sample.below("ORG-1"), "share": 0.85, "ago": [4, 40]},
        {"course": "x5", "people": sample.below("ORG-5"), "share": 0.85, "ago": [20, 220]},
    ]
    body = json.dumps({"finished": finished}).encode()
    request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
        f"{sample.sandbox}/world/furnish", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - the sandbox's own address
        pass


def build(sample: SampleSite) -> None:
    """A year of six certifications."""
    day = sample.day
    sample.ago(340)
    pull(sample.made, sample.host_id)
    half, year = {"active": "6 months", "window": "1 month"}, {"active": "1 year", "window": "2 months"}
    after = {"after": "enrolment", "add": "30 days"}
    fire = (row("organisation:ORG-2:below", after), row(f"individual:{LEARNER}", after))
    sample.save("FIRE", SAM, define("Fire Safety, renewed every year", "x1", *fire, period=year, again="x1"))
    sample.save("AID", KIM, define("First Aider", "x5", row("organisation:ORG-5:below", after), period=half))
    sample.ago(90)
    sample.save("FOOD", SAM, define("Food Safety Level 2", "x2", row("organisation:ORG-3:below", {"fixed": day(-9)}),
                                    row(f"individual:{LEARNER}", {"fixed": day(6)})), "Asked for by the inspectors")  # fmt: skip
    sample.ago(45)
    team = (row(f"manager:{_job_of(sample, MANAGER)}:below", {"fixed": day(-3)}),)
    sample.save("TALK", KIM, define("Conversations that Matter", "x4", *team))
    sample.ago(20)
    sample.save("DATA", SAM, define("Data Protection", "x3", row("organisation:ORG-4:below", {"fixed": day(5)}),
                                    row(f"individual:{LEARNER}", {"fixed": day(-2)}), kind="program"))  # fmt: skip
    volunteers = row(
        "group:Volunteers", group={"self_enrol": True, "withdraw": True, "description": "Anybody may join."}
    )
    sample.save("AID", SAM, and_also(volunteers), "Volunteers are welcome")
    sample.save("HEIGHT", KIM, define("Working at Height", "x6", row("position:P-8:below"), state="draft"))
    sample.ago(8)
    watch(sample.made, sample.host_id, now=True)
    sample.settle()
    with sample.made.db.read() as session:
        (number,) = identities_named(session, sample.host_id, ["U-40"])["U-40"]
        aid = by_code(session, sample.host_id, "AID")
    new_correlation()
    if aid is not None:
        join(sample.made, sample.host_id, aid.id, "Volunteers", number.person)
    sample.ago(1)
    sample.save("DATA", KIM, lambda before: and_also(row("position:P-4", {"fixed": day(2)}))(
        define("Data Protection", "x3", *before.assignments, kind="program", minimum="2 weeks")(before)))  # fmt: skip


def _job_of(sample: SampleSite, person: str) -> str:
    with urllib.request.urlopen(f"{sample.sandbox}/world/person/{person}", timeout=30) as answer:  # noqa: S310 - the sandbox's own address
        return str(json.load(answer)["jobs"][0]["id"])


def main(file: str, *options: str) -> int:
    """Do what is not done yet.

    :param file: what the sandbox wrote down of its connection. :param options: ``--began`` to build the certifications.
    """
    settings = read_settings()
    configure_logs(as_json=settings.log_json, least="warning")
    made = build_runtime(settings)
    connection = json.loads(Path(file).read_text(encoding="utf-8"))
    began = made.clock.now() - (BEGAN * DAY if "--began" in options else 0)
    with made.db.read() as session:
        host_id = session.scalars(select(Host.id).where(Host.name == connection["name"])).first()
    if host_id is None:
        known = {field.name for field in fields(NewHost)}
        new = NewHost(**{name: value for name, value in connection.items() if name in known})
        with across("a new host"):
            host_id = made.db.transact(lambda session: add_host(session, new, began).id)
    with inside(host_id):
        with made.db.read() as session:
            begun = session.scalars(select(Certification.id).where(Certification.host_id == host_id).limit(1)).first()
        if begun is None and "--began" in options:
            sample = SampleSite(made, host_id, connection["issuer"])
            furnish(sample)
            build(sample)
        pull(made, host_id)
        watch(made, host_id, now=True)
    made.db.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
