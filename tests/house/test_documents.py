"""What is written down is there and true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.certifications.file.certification_file import read_file
from tests.live import serve_sandbox

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:docs|config|plugin|templates|tests)/[\w./-]*)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_map_of_decisions_names_functions_that_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`(plugin/[\w/]+\.py)` \(`(\w+)`\)", page)
    assert len(named) > 12
    missing = [
        (path, name) for path, name in named if not re.search(rf"\b(?:def|class) {name}\b", (ROOT / path).read_text())
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_a_page_shows_exists_and_is_one(page: Path) -> None:
    shown = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"", page.read_text(encoding="utf-8"))
    missing = [name for pair in shown for name in pair if name and not _is_png(page.parent / name)]
    assert missing == []


def _is_png(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 1000 and path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_makefile_explains_every_target_that_is_promised() -> None:
    listed = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"help", "run", "demo", "test", "test-long", "bench", "lint"} <= listed


def test_the_example_file_of_certifications_is_one() -> None:
    example = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "as-code.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    assert [one.code for one in read_file(example)] == ["FS2"]


def test_the_sandbox_speaks_the_host_api_as_it_is_written(tmp_path: Path) -> None:
    written: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "host-api.yaml").read_text(encoding="utf-8"))
    schemas = written["components"]["schemas"]
    with serve_sandbox(tmp_path / "sandbox", people=30, units=12) as sandbox:
        offered = sandbox.api("").json()
        assert set(offered) <= set(schemas["Description"]["properties"])
        for kind in offered["kinds"]:
            answer = written["paths"][f"/{kind}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            record = schemas[answer["allOf"][1]["properties"]["items"]["items"]["$ref"].rsplit("/", 1)[1]]
            page = sandbox.api(kind, limit=20).json()
            assert set(page) <= set(schemas["Page"]["properties"])
            for item in page["items"]:
                assert set(record["required"]) <= set(item), kind
                assert set(item) <= set(record["properties"]), kind


def test_every_reference_in_the_host_api_leads_somewhere() -> None:
    text = (ROOT / "docs" / "host-api.yaml").read_text(encoding="utf-8")
    written = yaml.safe_load(text)
    for path in set(re.findall(r"\$ref: '?#/([\w/.-]+)", text)):
        place = written
        for step in path.split("/"):
            place = place[step]


def test_each_wall_of_the_security_page_has_tests_that_are_there() -> None:
    rows = [line for line in Path("docs/security.md").read_text(encoding="utf-8").splitlines()
            if line.startswith("|") and not line.startswith(("|---", "| threat"))]  # fmt: skip
    assert len(rows) > 20
    for line in rows:
        names = re.findall(r"`(tests/[^`]+)`", line.rsplit("|", 2)[1])
        assert names, line
        for name in names:
            path, _colons, test = name.partition("::")
            files = [Path(path)] if path.endswith(".py") else sorted(Path(path).glob("test_*.py"))
            written = "".join(one.read_text(encoding="utf-8") for one in files)
            assert f"def {test or 'test_'}" in written, name
