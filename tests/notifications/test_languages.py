"""What people are told, in the language of whoever reads it: inherited texts, own texts, reminders, a week's summary."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from babel.support import NullTranslations
from sqlalchemy import select, update

from plugin.core.preferences import owner, prefer
from plugin.core.runtime import Runtime
from plugin.core.text import languages
from plugin.delivery.tables import Message
from plugin.enrolment.answers.extension_requests import answer, ask
from plugin.enrolment.answers.reminders import remind
from plugin.enrolment.message_dates import render
from plugin.enrolment.tables import ExtensionRequest
from plugin.mirror.tables import Person
from plugin.notifications.defaults import TEXTS, has_own_text, trimmed
from plugin.reports.team_week import PREFERENCE, owe_weeks
from tests.world import HOST, World, row

DAY = 86_400
ANN, BEA, CID, DOV = 1, 2, 3, 4
OWN = {
    "when": "assigned", "subject": "Welcome", "body": "Welcome, {learner_name}.",
    "texts": {"de": {"subject": "Willkommen"}, "pl": {"subject": "Witamy", "body": "Termin: {due_date}"}},
}  # fmt: skip


@pytest.fixture
def world(runtime: Runtime) -> World:
    """ann leads bea, cid and dov; each speaks another language."""
    made = World(runtime, zone="UTC")
    made.people("ann", "bea", "cid", "dov")
    made.units(("sales", None))
    made.job("j-ann", "ann", "sales")
    for name in ("bea", "cid", "dov"):
        made.job(f"j-{name}", name, "sales", boss="j-ann")
    with runtime.db.write() as session:
        for number, spoken in ((ANN, "en"), (BEA, "de-AT"), (CID, "pl"), (DOV, "it")):
            session.execute(update(Person).where(Person.id == number).values(language=spoken))
    return made


def told(world: World, *whens: str) -> dict[tuple[str, int], Mapping[str, str]]:
    """The messages of these events as they would go out now, by event and recipient."""
    with world.runtime.db.read() as session:
        rows = session.scalars(select(Message).where(Message.when.in_(whens))).all()
        texts = render(session, rows)
        return {(one.when, one.recipient): texts[one.id] for one in rows}


def test_each_recipient_reads_the_text_of_her_own_language(world: World) -> None:
    due = {"fixed": "2027-03-31"}
    world.save("FS", *(row("individual", one, due=due) for one in ("ann", "bea", "cid", "dov")), notifications=(OWN,))
    texts = {person: one for (_when, person), one in told(world, "assigned").items()}
    assert {person: one["subject"] for person, one in texts.items()} == {
        ANN: "Welcome", BEA: "Willkommen", CID: "Witamy", DOV: "Welcome",
    }  # fmt: skip
    assert texts[CID]["text"] == "Termin: 31 marca 2027, 23:59 (UTC)"
    # A language that Muster speaks is not mixed with another: what is not written in it is what all inherit.
    assert texts[BEA]["text"].startswith("Guten Tag, Bea")
    assert texts[DOV]["text"] == "Welcome, Dov."


def test_what_a_language_inherits_anyway_is_not_kept_as_its_own() -> None:
    german = languages.choose(["de"])
    inherited = {"subject": german.gettext(TEXTS["assigned"][0]), "body": ""}
    one = {"when": "assigned", "texts": {"de": inherited, "fr": {"subject": "Bienvenue", "body": ""}}}
    assert trimmed(one) == {"when": "assigned", "texts": {"fr": {"subject": "Bienvenue"}}}
    assert has_own_text(one)
    assert not has_own_text({"when": "assigned", "texts": {"de": inherited}})


class Bracketed(NullTranslations):
    """Answers every message between brackets, so that what was never asked for is bare."""

    def ugettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ungettext(self, singular: str, plural: str, number: int) -> str:
        return f"⟦{singular if number == 1 else plural}⟧"


def test_every_word_of_reminders_requests_and_weekly_summaries_can_be_translated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon, late = {"fixed": "2026-12-20"}, {"fixed": "2020-01-31"}
    world.save("FS", row("individual", "bea", due=soon), row("individual", "cid", due=late), row("individual", "dov", due=soon),
               exceptions={"time_allowance": "assign"})  # fmt: skip
    world.settle()
    runtime = world.runtime
    with runtime.db.write() as session:
        prefer(session, HOST, owner(ANN, ""), PREFERENCE, {"on": True})
    remind(runtime, HOST, [(1, BEA)], who="ann")
    for person in (BEA, DOV):
        ask(runtime, HOST, 1, person, world.now + 90 * DAY, "ill", who="bea")
    with runtime.db.read() as session:
        waiting = {one.person: one.id for one in session.scalars(select(ExtensionRequest))}
    answer(runtime, HOST, waiting[BEA], True, who="ann")
    answer(runtime, HOST, waiting[DOV], False, who="ann")
    monkeypatch.setattr(languages, "catalogue", lambda _language: Bracketed())
    assert owe_weeks(runtime, HOST) == 1
    texts = told(world, "reminder", "extension_asked", "extension_granted", "extension_refused", "team_week")
    assert {when for when, _person in texts} == {
        "reminder", "extension_asked", "extension_granted", "extension_refused", "team_week",
    }  # fmt: skip
    for (when, _person), one in texts.items():
        for part in ("subject", "text"):
            assert not bare(one[part]), (when, part, one[part])


def bare(text: str) -> list[str]:
    """Words of ours that nobody could translate: names, dates and addresses are none."""
    while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = shorter
    text = re.sub(r"https?://\S+|\d{1,2} [A-Z][a-z]+ \d{4}|\(UTC\)", "", text)
    names = {"ann", "bea", "cid", "dov", "fs", "test"}
    return [word for word in re.findall(r"[^\W\d_]{2,}", text) if word.casefold() not in names]
