"""Looks through every file under version control for what should be nowhere: keys, tokens, passwords in addresses. ``make lint`` runs it.

Prints place and kind of each find, never the secret itself; ends with 1 where there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = {
    "a private key": re.compile(r"-----BEGIN (?:RSA |EC |OPENSSH |DSA |ENCRYPTED )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"),
    "a key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}\b"),
    "a token of a forge": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bglpat-[A-Za-z0-9_-]{20}\b|\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "a token of Muster": re.compile(r"\bmuster_[0-9]{1,9}_[A-Za-z0-9_-]{43}\b"),
    "a signing secret": re.compile(r"\bwhsec_[A-Za-z0-9+/]{40,}={0,2}"),
    "a password in an address": re.compile(r"\b(?:postgresql|postgres|smtps?|rediss?|https?)://[^\s:/@'\"{}<>$]+:([^\s/@'\"{}<>$]{12,})@"),
}  # fmt: skip
KNOWN = {("tests/long/served_truth.py", "a signing secret"): "made up for a receiver on this machine"}
"""Finds that are none, each with the reason."""
_PLAIN = re.compile(r"(?i)password|passwort|secret|example|change|muster|test|\.{3}")
"""Words that stand where a password would."""


def finds(path: Path) -> Iterator[str]:
    """What stands in a file, by line and kind."""
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return
    for kind, pattern in KINDS.items():
        for hit in pattern.finditer(text):
            if kind == "a password in an address" and _PLAIN.search(hit[1]):
                continue
            if (path.relative_to(ROOT).as_posix(), kind) in KNOWN:
                continue
            yield f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, hit.start()) + 1}: {kind}"


def main() -> int:
    """Look through everything."""
    listed = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    )
    found = [line for name in listed if name for line in finds(ROOT / name)]
    print("\n".join(found) if found else f"no secrets in {len(listed) - 1} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
