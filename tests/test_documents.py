"""What is written down is there and true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.certifications.asfile import read_file
from tests.live import serve_sandbox

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:docs|config|plugin|templates|tests)/[\w./-]*)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


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
