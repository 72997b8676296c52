"""The language a page is in, and that a page is in one language only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import write_po
from sqlalchemy import update

from plugin.core.tables import Host
from plugin.core.text import languages, stored
from plugin.core.text.stored import in_language, later
from plugin.mirror.tables import Person
from tests.web.conftest import Visit
from tests.world import HOST, World


def _forget() -> None:
    for kept in (languages.catalogue, languages._whole, languages.template, stored._messages, stored._retold):
        kept.cache_clear()


@pytest.fixture
def spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand-ins: Arabic and German are whole, French lacks one message."""
    template = languages.template()
    (tmp_path / "messages.pot").write_bytes((languages.FOLDER / "messages.pot").read_bytes())
    for language in ("ar", "de", "fr"):
        catalog = Catalog(locale=language)
        for message in template:
            if message.id and (language != "fr" or message.id != "Certifications"):
                forms = [message.id] * 1 if isinstance(message.id, str) else [message.id[-1]] * catalog.num_plurals
                said = [f"{language}:{form}" for form in forms]
                catalog.add(
                    message.id, said[0] if isinstance(message.id, str) else tuple(said), context=message.context
                )
        path = tmp_path / language / "LC_MESSAGES" / "messages.po"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            write_po(file, catalog)
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    _forget()
    yield tmp_path
    _forget()


CASES = (
    ("", "", "", "", "en-GB ltr"),
    ("de-AT", "ar", "ar", "ar", "de-AT ltr"),
    ("it", "ar", "de", "de", "ar rtl"),  # nobody speaks Italian here
    ("", "fr", "de-CH,en;q=0.9", "ar", "de-CH ltr"),  # French is not whole
    ("", "de_kids", "en", "ar", "de ltr"),  # as Moodle names it
    ("", "", "xx, *;q=0.5", "ar", "ar rtl"),
    ("en-US", "de", "de", "de", "en-US ltr"),
    ("../../x", "", "", "", "en-GB ltr"),
)
"""The launch's language, hers at the host, her browser's, the host's default; and that of the page."""


def test_the_first_language_that_is_offered_is_taken(visit: Visit, world: World, spoken: Path) -> None:
    for launched, hers, browser, host, wanted in CASES:
        with world.runtime.db.write() as session:
            session.execute(update(Person).where(Person.host_id == HOST).values(language=hers))
            session.execute(update(Host).where(Host.id == HOST).values(language=host))
        page = visit("ann", locale=launched).get("/certifications", headers={"Accept-Language": browser}).text
        found = re.search(r'<html lang="([\w-]+)" dir="(\w+)"', page)
        assert found
        assert " ".join(found.groups()) == wanted
        title = re.search(r"<title>(.*?)</title>", page)
        assert title
        assert title[1].startswith({"e": "Cert", "d": "de:", "a": "ar:"}[wanted[0]])


def test_a_stored_sentence_is_read_in_the_readers_language(spoken: Path) -> None:
    german, english = languages.choose(["de"]), languages.english()
    plain, filled = later("Withdrawn before it was sent."), later("Undo of %(number)s", number=19)
    assert in_language(plain, english) == plain
    assert in_language(plain, german) == f"de:{plain}"
    assert in_language(filled, german) == "de:Undo of 19"
    assert in_language(f"{plain} {plain}", german) == f"de:{plain} de:{plain}"
    assert in_language("Whatever an administrator wrote", german) == "Whatever an administrator wrote"


def test_days_numbers_and_lists_are_written_as_each_language_does(spoken: Path) -> None:
    noon = datetime(2026, 11, 3, 14, 5)  # noqa: DTZ001
    written = {
        tag: (one.count(1999), one.day(noon.date()), one.moment(noon), one.listing("abc"))
        for tag in ("en-GB", "de", "ar") for one in [languages.choose([tag])]
    }  # fmt: skip
    assert written["en-GB"] == ("1,999", "3 November 2026", "3 Nov 2026, 14:05", "a, b and c")
    assert written["de"] == ("1.999", "3. November 2026", "03.11.2026, 14:05", "a, b und c")
    assert written["ar"][1] == "3 نوفمبر 2026"
    german = languages.choose(["de"])
    assert (german.tenths(60.0), german.month(noon.date()), german.month(noon.date(), "MMM")) == (
        "60,0",
        "November 2026",
        "Nov",
    )


def test_a_counted_message_writes_its_number_as_the_reader_does(spoken: Path) -> None:
    assert languages.choose(["de"]).ngettext("%(num)s learner", "%(num)s learners", 1999) == "de:1.999 learners"


def test_browsers_name_languages_in_order() -> None:
    assert languages.accepted("it, de-AT;q=0.8,en;q=0.9,*;q=0.1, x;q=z,fr;q=0") == ["it", "en", "de-AT"]
