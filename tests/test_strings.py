"""What translators are given is what the pages say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[1]


def test_the_collected_words_are_those_of_the_pages(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.pot"
    subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg", "-o", str(fresh), "."],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    kept = ROOT / "plugin" / "translations" / "messages.pot"
    with fresh.open("rb") as now, kept.open("rb") as then:
        found, known = ({message.id for message in read_po(file)} for file in (now, then))
    assert found == known, "Run 'make strings'."
