"""Says at the end which Moodle the tests ran on: what is true of one release is not yet true of another."""

from __future__ import annotations

import functools

import pytest
import requests

from tests.journeys.conftest import browser as browser
from tests.journeys.conftest import chromium as chromium
from tests.peers.moodle_site import TOKEN, URL, call

__all__ = ["browser", "chromium"]
# One browser for all tests here: where each module brings its own, the second Playwright does not start beside the first.


@functools.cache
def release() -> str:
    """What the Moodle under test calls itself, such as ``5.1.3 (Build: 20260216)``; empty where none answers."""
    if not (URL and TOKEN):
        return ""
    try:
        return str(call("core_webservice_get_site_info", token=TOKEN)["release"])
    except (requests.RequestException, AssertionError, KeyError, ValueError):
        return ""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line under the results."""
    if URL:
        terminalreporter.write_line(f"Moodle under test: {release() or 'none answers'} at {URL}")
