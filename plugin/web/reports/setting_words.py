"""What a setting was before and after a change, in the history that reports show: a page says in words what a file keeps."""

from __future__ import annotations

import json
import re
from typing import Any

from flask_babel import gettext as _

from plugin.core.clock import parse_instant
from plugin.web.frame.words import moment
from plugin.web.reports.labels import column_label

_VERSION = re.compile(r"version ([0-9]+)", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", re.ASCII)


def setting_words(text: str, zone: str) -> str:
    """What something was before or after: a setting as *name: value*, a time in the zone, a version by its number."""
    if found := _VERSION.fullmatch(text):
        return str(_("Version %(number)s", number=found[1]))
    if _TIME.fullmatch(text):
        return moment(parse_instant(text), zone)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return "; ".join(_said(told, zone)) if isinstance(told, dict | list) else _plain(told, zone)


def _said(told: Any, zone: str, names: str = "") -> list[str]:
    """The parts of a setting, each with the names that lead to it."""
    if isinstance(told, dict):
        return [
            part for name, value in told.items()
            for part in _said(value, zone, f"{names}, {column_label(name)}" if names else column_label(name))
        ]  # fmt: skip
    if isinstance(told, list) and any(isinstance(one, dict | list) for one in told):
        return [part for one in told for part in _said(one, zone, names)]
    value = ", ".join(_plain(one, zone) for one in told) if isinstance(told, list) else _plain(told, zone)
    return [f"{names}: {value or '–'}" if names else value]


def _plain(value: Any, zone: str) -> str:
    if isinstance(value, bool):
        return str(_("Yes")) if value else str(_("No"))
    if isinstance(value, str):
        return moment(parse_instant(value), zone) if _TIME.fullmatch(value) else value
    return "" if value is None else str(value)
