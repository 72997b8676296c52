"""What translators are given is what the pages say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

from plugin.core.text import languages
from tests import catalogues

ROOT = Path(__file__).parents[2]
WORDS = next(
    line.partition(":=")[2].split()
    for line in (ROOT / "Makefile").read_text().splitlines()
    if line.startswith("WORDS :=")
)
"""What collects words beside gettext."""


def test_the_collected_words_are_those_of_the_pages(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.pot"
    subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg", *WORDS, "-o", str(fresh), "."],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    kept = ROOT / "plugin" / "translations" / "messages.pot"
    with fresh.open("rb") as now, kept.open("rb") as then:
        found, known = ({message.id for message in read_po(file)} for file in (now, then))
    assert found == known, "Run 'make strings'."


@pytest.mark.parametrize("language", languages.known()[1:])
def test_every_catalogue_says_everything(language: str) -> None:
    found = list(catalogues.problems(language))
    assert not found, f"{len(found)} in {language}:\n" + "\n".join(found[:40])


def test_german_is_offered() -> None:
    assert languages.is_offered("de")


def test_catalogues_are_told_what_is_wrong_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    template = Catalog()
    for message in ("Save", " %(num)s of %(all)s", ("%(num)s day", "%(num)s days")):
        template.add(message)
    with (tmp_path / "messages.pot").open("wb") as file:
        write_po(file, template)
    catalogues.begin("de")
    assert [one.partition(":")[0] for one in catalogues.problems("de")] == ["not translated"] * 3
    catalogues.parts("de", tmp_path / "shared")
    named = dict(
        reversed(line.split("\t"))
        for line in (tmp_path / "shared" / "01.in").read_text().splitlines()  # type: ignore[arg-type]
    )
    one, day = named[" %(num)s of %(all)s"], named["%(num)s day"].removesuffix(".one")
    (tmp_path / "shared" / "a.out").write_text(
        f"{one}\t%(num)s von\n{day}.0\tein Tag\n{day}.1\tviele\n{named['Save']}\tSichern"
    )
    catalogues.take("de", tmp_path / "shared")
    assert [said.partition(":")[0] for said in catalogues.problems("de")] == ["other placeholders"] * 2
    (tmp_path / "shared" / "b.out").write_text(f"{one}\t %(num)s von %(all)s\n{day}.0\tein Tag\n{day}.1\t%(num)s Tage")
    catalogues.take("de", tmp_path / "shared")
    assert not list(catalogues.problems("de"))
