"""``muster moodle-plugin``: the archive that Moodle installs."""

from __future__ import annotations

from pathlib import Path

from plugin.core.errors import Invalid
from plugin.hosts.moodle.companion.package import BLOCK, NAME, archive


def write(*, out: str, block: bool = False) -> int:
    """Write the archive of the plugin, or of the block with due dates.

    :raises Invalid: where the file cannot be written.
    """
    try:
        Path(out).write_bytes(archive(BLOCK if block else NAME))
    except OSError as error:
        raise Invalid(f"'{out}' cannot be written: {error.strerror or error}.") from None
    print(f"{out}: install it in Moodle under Site administration › Plugins › Install plugins.")
    return 0
