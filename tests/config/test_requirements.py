"""The locks, as a fresh machine meets them."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-test.txt"])
def test_a_lock_serves_the_python_of_debian_12(lock: str) -> None:
    # Python 3.11.2 needs it for redis; a lock made by 3.11.3 or newer leaves it out, and pip then refuses the whole.
    assert "async-timeout==" in (ROOT / lock).read_text()
