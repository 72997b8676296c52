"""What templates, script and style promise: nothing inline, nothing from elsewhere, small, no words in script."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
import rcssmin

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "plugin/web/static").rglob("*.js"))
STYLES = sorted((ROOT / "plugin/web/static").rglob("*.css"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_nothing_inline_and_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)
    assert not re.search(r"(src|href)\s*=\s*[\"'](https?:)?//", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert "|safe" not in text.replace(" ", "")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_short_and_hold_no_sentences(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") < 250
    code = re.sub(r"(?m)^\s*(//|\*|/\*).*$", "", text)
    for quoted in re.findall(r"'([^'\n]*)'", code):
        assert not re.fullmatch(r"[A-Z][a-z]+( [a-z]+)+.*", quoted), quoted
    assert "eval(" not in text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_read_where_a_form_goes_from_its_attribute(path: Path) -> None:
    assert "form.action" not in path.read_text()  # that is the button where one is named "action"


def test_the_stylesheet_is_small_and_mirrors_by_itself() -> None:
    text = "".join(path.read_text() for path in STYLES)
    sent = rcssmin.cssmin(text)
    assert len(sent) <= 33_000
    assert len(gzip.compress(sent.encode())) <= 8_200  # what travels: a light and a dark scheme, once
    for physical in ("margin-left", "margin-right", "padding-left", "padding-right", "text-align: left", "float:"):
        assert physical not in text
    assert "forced-colors" in text
    assert "prefers-reduced-motion" in text
    assert "prefers-color-scheme" in text


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_a_stylesheet_has_one_declaration_a_line(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert [line for line in text.split("\n") if re.search(r";\s*\S", line)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_line_longer_than_a_screen(path: Path) -> None:
    assert [line for line in path.read_text().split("\n") if len(line) > 160] == []
