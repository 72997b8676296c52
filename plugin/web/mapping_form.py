"""The fields of the mapping page, by kind of host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _


@dataclass(frozen=True)
class Field:
    """One field: a list where it has choices, else a line of text."""

    name: str
    label: str
    value: str
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()


def mapping_fields(kind: str, mapping: Mapping[str, Any]) -> list[Field]:
    """The form for a mapping."""
    if kind == "webhook":
        return _webhook(mapping)
    return []


def _webhook(mapping: Mapping[str, Any]) -> list[Field]:
    choices = (
        ("id", _("the id of the person")), ("username", _("the username")), ("email", _("the e-mail address")),
        ("number", _("the employee or ID number")),
    )  # fmt: skip
    return [
        Field(
            "join", _("A launch names a person by"), str(mapping.get("join") or "id"),
            _("What the learning site sends as the user of a launch (“sub”). Addresses are given to new people in time:"
              " choose e-mail only where that cannot happen."), choices,
        )
    ]  # fmt: skip


def entered_mapping(kind: str, form: Mapping[str, str]) -> dict[str, Any]:
    """What was entered, as the dialect's own document."""
    return {one.name: form.get(one.name, "").strip()[:500] for one in mapping_fields(kind, {})}
