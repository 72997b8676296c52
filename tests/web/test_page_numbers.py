"""The numbers of the pages are those of the naive model, step by step through random histories, and so are the lists
that they lead to."""

from __future__ import annotations

import random
import re

from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from plugin.app import create_app
from plugin.core.days import DAY
from plugin.core.runtime import Runtime
from plugin.reports.asking.reader import Reader
from plugin.reports.needs_attention import of_certifications
from plugin.reports.service import asking
from plugin.web.launch.session import Launch, open_session
from tests.histories.naive import Model
from tests.histories.test_histories import Histories
from tests.reports import oracle


def wanted(model: Model, code: str) -> dict[str, int]:
    """What the pages ought to say of a certification."""
    counts, now = oracle.counts(model, code), model.now
    rows = [one for (other, _name), one in model.enrolments.items() if other == code and one.live]
    names = ("enrolled", "certified", "overdue", "due_30", "expiring_30", "held")
    return {
        **{name: counts[name] for name in names},
        "newly_overdue": sum(oracle.is_overdue(one, now) and (one.due or 0) >= now - 7 * DAY for one in rows),
        "due_7": sum(
            one.active and one.state in oracle.TO_DO and one.due is not None and now < one.due <= now + 7 * DAY
            for one in rows
        ),
    }


class Shown(Histories):
    """The same histories; after each step the pages are opened and compared."""

    client: FlaskClient | None = None
    dice = random.Random(11)

    def _follow(self, now: bool) -> None:
        super()._follow(now)
        if now:
            self.compare()

    def page(self, path: str) -> str:
        """A page as an administrator sees it."""
        if self.client is None:
            app = create_app(self.lab.runtime)
            app.testing = True
            self.client = app.test_client()
            launch = Launch(self.lab.host, None, "sam", "Sam", is_administrator=True, purpose="launch", locale="en-GB")
            with self.lab.runtime.db.write() as session:
                self.handle, _secret = open_session(session, self.lab.runtime, launch)
        self.client.application.extensions["muster"] = self.lab.runtime
        answer = self.client.get(f"/t/{self.handle}{path}")
        assert answer.status_code == 200, answer.text[:500]
        return answer.text

    def compare(self) -> None:
        with asking(self.lab.runtime, self.lab.host, Reader("tester")) as asker:
            rows = of_certifications(asker)
        home = self.page("/home")
        for one in rows:
            expected = wanted(self.model, one.code)
            assert dict(one.numbers) == expected, one.code
            raised = [row for (code, _name), row in self.model.enrolments.items() if code == one.code and row.live]
            assert one.exceptions == sum(row.question is not None for row in raised)
            for name in ("enrolled", "certified", "overdue", "due_7"):
                shown = re.findall(rf'certification={one.code}[^"]*">([\d,]+)</a>', home) if expected[name] else ["0"]
                assert str(expected[name]) in shown
            overview = self.page(f"/certifications/{one.id}/overview")
            for name in ("enrolled", "certified", "due_30", "overdue"):
                found = re.search(rf'standing={name}">([\d,]+)<', overview)
                assert (int(found[1]) if found else 0) == expected[name], name
            for name, size in self.dice.sample(sorted(expected.items()), 3):
                listed = self.page(f"/certifications/{one.id}/learners?standing={name}")
                total = re.search(r"Showing [\d,]+ of ([\d,]+)", listed)
                assert (int(total[1]) if total else 0) == size, name


def test_pages_show_the_numbers_of_the_rules(runtime: Runtime) -> None:
    machine = type("Shown", (Shown,), {"runtime": runtime})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=1, stateful_step_count=8, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck), print_blob=False, phases=(Phase.generate,),
        ),
    )  # fmt: skip
