"""Settings come from the environment, are all written down, and wrong ones are refused in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.settings import SettingsError, read_settings
from tests.conftest import KEYS

ROOT = Path(__file__).parents[2]
PRODUCTION = {"MUSTER_SECRET_KEYS": KEYS, "MUSTER_BASE_URL": "https://muster.example.org"}


def test_the_example_lists_every_setting_that_is_read() -> None:
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', (ROOT / "config" / "settings.py").read_text()))
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / "config" / "example.env").read_text(), re.MULTILINE))
    assert read - {"DATABASE_URL"} == listed


def test_the_defaults_of_the_example_are_the_defaults_of_the_code() -> None:
    lines = re.findall(r"^([A-Z_]+)=(.+)$", (ROOT / "config" / "example.env").read_text(), re.MULTILINE)
    assert read_settings(PRODUCTION | dict(lines)) == read_settings(PRODUCTION)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"MUSTER_ENV": "staging"}, "MUSTER_ENV"),
        ({"MUSTER_SECRET_KEYS": ""}, "MUSTER_SECRET_KEYS"),
        ({"MUSTER_SECRET_KEYS": "short"}, "MUSTER_SECRET_KEYS"),
        ({"MUSTER_BASE_URL": "muster"}, "MUSTER_BASE_URL"),
        ({"MUSTER_BASE_URL": "http://muster.example.org"}, "https://"),
        ({"MUSTER_NOW": "2027-01-01T00:00:00Z"}, "MUSTER_NOW"),
        ({"MUSTER_BASE_URL": "https://[::1"}, "MUSTER_BASE_URL"),
        ({"MUSTER_BASE_URL": "https://muster.example.org/?a#b"}, "MUSTER_BASE_URL"),
        ({"PORT": "eighty"}, "PORT"),
        ({"PORT": "70000"}, "PORT is a number from 1 to 65535"),
        ({"MUSTER_GUARD_PERCENT": "-1"}, "MUSTER_GUARD_PERCENT"),
        ({"MUSTER_PROXY_HOPS": "-1"}, "MUSTER_PROXY_HOPS"),
        ({"MUSTER_DATABASE_URL": "nonsense"}, "MUSTER_DATABASE_URL"),
        ({"MUSTER_DATABASE_URL": "mysql://h/muster"}, "MUSTER_DATABASE_URL"),
        ({"MUSTER_DATABASE_URL": "postgresql://u@h:port/muster"}, "MUSTER_DATABASE_URL"),
        ({"MUSTER_DATABASE_URL": "sqlite://"}, "MUSTER_DATABASE_URL"),
        ({"MUSTER_QUEUE_URL": "amqp://h"}, "MUSTER_QUEUE_URL"),
        ({"MUSTER_SMTP_URL": "mail.example.org"}, "MUSTER_SMTP_URL"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read_settings(PRODUCTION | given)


def test_a_platforms_database_address_is_understood() -> None:
    given = PRODUCTION | {"DATABASE_URL": "postgres://u:p@db/muster"}
    assert read_settings(given).database_url == "postgresql+psycopg://u:p@db/muster"
    first = given | {"MUSTER_DATABASE_URL": "postgresql://u:p@other/muster"}
    assert read_settings(first).database_url == "postgresql+psycopg://u:p@other/muster"


def test_an_empty_setting_is_one_that_is_not_set() -> None:
    names = set(re.findall(r"^([A-Z_]+)=", (ROOT / "config" / "example.env").read_text(), re.MULTILINE))
    needed = {"MUSTER_ENV": "development"}
    assert read_settings({**dict.fromkeys(names, ""), **needed}) == read_settings(needed)


@pytest.mark.parametrize(
    ("given", "on"),
    [
        ({"MUSTER_DATABASE_URL": "postgresql://app@db/muster"}, True),
        ({"MUSTER_DATABASE_URL": "postgresql://app@db/muster", "MUSTER_ROW_SECURITY": "false"}, False),
        ({"MUSTER_ENV": "development", "MUSTER_DATABASE_URL": "postgresql://app@db/muster"}, False),
        ({"MUSTER_ENV": "development", "MUSTER_DATABASE_URL": "postgresql://app@db/muster",
          "MUSTER_MIGRATION_DATABASE_URL": "postgresql://owner@db/muster"}, True),
        ({}, False),
    ],
)  # fmt: skip
def test_in_production_postgresql_keeps_hosts_apart_unless_told_not_to(given: dict[str, str], on: bool) -> None:
    of_production = {"MUSTER_SECRET_KEYS": "4c8e-a-key-of-this-test-b71d", "MUSTER_BASE_URL": "https://muster.test"}
    assert read_settings(of_production | given).row_security is on
