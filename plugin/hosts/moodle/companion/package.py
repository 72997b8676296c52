"""Muster's plugins for Moodle as the archives that Moodle installs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parent
NAME, BLOCK = "local_muster", "block_muster"
"""The plugin that connects; and the block with due dates, which Moodle wants as a plugin of its own and which needs the first."""
_KINDS = (".php", ".xml", ".svg", ".md", ".mustache")
_WHEN = (2026, 1, 1, 0, 0, 0)
"""The same source makes the same archive."""


def archive(name: str = NAME) -> bytes:
    """The zip of a plugin: one folder, ``muster``, as Moodle wants it whatever the kind of the plugin."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted((SOURCE / name).rglob("*")):
            if path.suffix in _KINDS and path.is_file():
                inside = path.relative_to(SOURCE / name).as_posix()
                entry = zipfile.ZipInfo(f"muster/{inside}", _WHEN)
                entry.external_attr = 0o644 << 16
                zipped.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()
