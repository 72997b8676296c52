"""Every rule, design point and section that code, tests and pages cite is there to be read.

A citation is *rules 2.6*, *design point 4*, *design idea 1*, or the name of a document with a section: *AS-CODE, "Shapes"*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NAMED = {
    "DOMAIN": "rules.md", "DESIGN": "design.md", "AS-CODE": "as-code.md", "HOST-API": "host-api.md", "SOURCES": "sources.md",
    "REPORTS": "reports.md", "ACCESS": "permissions.md",
}  # fmt: skip
"""Documents by the names they are cited by."""
_NUMBER = r"\d+(?:\.\d+)?"
_NUMBERS = rf"§?{_NUMBER}(?:(?:, and |, | and | to | or )§?{_NUMBER}(?![\w%]))*"
_RULES = re.compile(rf"\b(?:[Rr]ules?|DOMAIN),? ({_NUMBERS})")
_DESIGN = re.compile(rf"\b(?:[Dd]esign|DESIGN),? (point|idea)s? ({_NUMBERS})")
_SECTION = re.compile(rf"\b({'|'.join(NAMED)})(?: §| |, section )({_NUMBER})")
_TITLE = re.compile(rf"\b(?:({'|'.join(NAMED)})|docs/([\w-]+\.md)), \"([^\"]+)\"")


def files() -> list[Path]:
    found = [path for room in ("plugin", "tests", "config", "templates", "docs") for path in (ROOT / room).rglob("*")]
    kinds = (".py", ".md", ".html", ".css", ".js", ".yaml", ".toml", ".sh")
    return [
        one
        for one in [*found, *ROOT.glob("*.md"), ROOT / "pyproject.toml"]
        if one.suffix in kinds and one != Path(__file__)
    ]


def text_of(path: Path) -> str:
    """Without the breaks of lines, and the signs of comments at their beginnings."""
    return re.sub(r"\s*\n\s*(?:#:?|//|\*)?\s*", " ", path.read_text(encoding="utf-8"))


def numbered(document: str) -> set[str]:
    """The sections of a document and the items in them: ``2`` and ``2.6``."""
    found, section = set(), ""
    for line in (DOCS / document).read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (\d+)\. ", line):
            section = heading[1]
            found.add(section)
        elif line.startswith("## "):
            section = ""
        elif section and (item := re.match(r"(\d+)\. ", line)):
            found.add(f"{section}.{item[1]}")
    return found


def listed(title: str) -> set[str]:
    """The numbers of the list under a heading of the design."""
    part = (DOCS / "design.md").read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^(\d+)\. ", part, re.MULTILINE))


def titles(document: str) -> list[str]:
    return re.findall(r"^#+ (?:\d+\. )?(.+)$", (DOCS / document).read_text(encoding="utf-8"), re.MULTILINE)


RULES = numbered("rules.md")
POINTS = {"idea": listed("Four ideas"), "point": listed("What makes it true under load and faults")}


def unresolved(text: str) -> Iterator[str]:
    """The citations of a text that lead nowhere."""
    for found in _RULES.finditer(text):
        yield from (found[0] for one in re.findall(_NUMBER, found[1]) if one not in RULES)
    for found in _DESIGN.finditer(text):
        yield from (found[0] for one in re.findall(_NUMBER, found[2]) if one not in POINTS[found[1]])
    for found in _SECTION.finditer(text):
        document = NAMED[found[1]]
        if found[1] not in ("DOMAIN", "DESIGN") and (
            not (DOCS / document).exists() or found[2] not in numbered(document)
        ):
            yield found[0]
    for found in _TITLE.finditer(text):
        document = NAMED[found[1]] if found[1] else found[2]
        if not (DOCS / document).exists() or not any(one.startswith(found[3]) for one in titles(document)):
            yield found[0]


def test_every_citation_leads_to_something_that_is_written() -> None:
    wrong = {str(path.relative_to(ROOT)): lost for path in files() if (lost := list(unresolved(text_of(path))))}
    assert wrong == {}


def test_the_rules_and_the_design_are_complete() -> None:
    sizes = {2: 8, 3: 9, 4: 7, 5: 11, 6: 4, 7: 7, 8: 6, 9: 4, 11: 4}
    assert {str(n) for n in range(1, 12)} | {
        f"{n}.{item + 1}" for n, size in sizes.items() for item in range(size)
    } == RULES
    assert {kind: len(found) for kind, found in POINTS.items()} == {"idea": 4, "point": 10}


@pytest.mark.parametrize(
    "text",
    ["rules 2.9", "Rules 3.1, 3.10", "rule 12", "design point 11", "DESIGN, idea 5", "DOMAIN §14", 'AS-CODE, "Shape of it"',
     'docs/nowhere.md, "A"', "rules 2.1 to 2.12"],
)  # fmt: skip
def test_a_citation_of_nothing_is_noticed(text: str) -> None:
    assert list(unresolved(f"It is so ({text}). And then 4.2 more."))


@pytest.mark.parametrize(
    "text",
    [
        "rules 2.6",
        "Rules 3.1 and 3.2",
        "rules 11",
        "design points 1, 10",
        "DESIGN, idea 4",
        "DOMAIN §10",
        'AS-CODE, "Shapes"',
    ],
)
def test_a_citation_of_what_is_there_is_accepted(text: str) -> None:
    assert list(unresolved(f"It is so ({text}). And then 4.2 more.")) == []


def test_the_glossary_has_each_word_once_in_order() -> None:
    words = re.findall(r"^\| ([^|]+?) \| (?!meaning)", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    words = [one for one in words if not one.startswith("---")]
    assert len(words) > 80
    assert words == sorted(set(words), key=str.casefold)
