"""The fields of the mapping page, by kind of host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _


@dataclass(frozen=True)
class MappingField:
    """One field: a list where it has choices, else a line of text."""

    name: str
    label: str
    value: str
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()


def mapping_fields(kind: str, mapping: Mapping[str, Any]) -> list[MappingField]:
    """The form for a mapping."""
    if kind == "webhook":
        return _webhook(mapping)
    if kind == "moodle":
        return _moodle(mapping)
    return []


def _webhook(mapping: Mapping[str, Any]) -> list[MappingField]:
    choices = (
        ("id", _("the id of the person")), ("username", _("the username")), ("email", _("the e-mail address")),
        ("number", _("the employee or ID number")),
    )  # fmt: skip
    return [
        MappingField(
            "join", _("A launch names a person by"), str(mapping.get("join") or "id"),
            _("What the learning site sends as the user of a launch (“sub”). Addresses are given to new people in time:"
              " choose e-mail only where that cannot happen."), choices,
        )
    ]  # fmt: skip


def _moodle(mapping: Mapping[str, Any]) -> list[MappingField]:
    source = _(
        "A field of the profile: department, institution, city, country, idnumber, or profile:SHORTNAME for one of the"
        " site's own. Empty: not mapped."
    )
    cohort = _("Also cohort:PREFIX, for the cohorts whose ID number or name begins so.")
    rows = [
        ("organisation", _("Organisation"), f"{source} {cohort}"),
        ("separator", _("Separator of organisations"),
         _("Splits a value such as Acme/Ops/Night into a tree. Empty: a flat list.")),
        ("position", _("Position"), cohort),
        ("position_separator", _("Separator of positions"), ""),
        ("manager", _("Manager"), _("The profile field that names a person's manager.")),
        ("manager_by", _("The manager is named by"), ""),
        ("start", _("Start of the job"), _("A profile field with a date. Empty: not mapped.")),
        ("end", _("End of the job"), ""),
        ("position_since", _("In the position since"), ""),
        ("date_format", _("How dates are written"),
         _("Empty for Moodle's own date fields and for 2027-03-31; else for example %%d/%%m/%%Y.") % ()),
    ]  # fmt: skip
    by = (("username", _("username")), ("email", _("e-mail address")), ("idnumber", _("ID number")))
    defaults = {"separator": "/", "manager_by": "username"}
    return [
        MappingField(
            name, label, str(mapping.get(name, defaults.get(name, ""))), hint, by if name == "manager_by" else ()
        )
        for name, label, hint in rows
    ]


def entered_mapping(kind: str, form: Mapping[str, str]) -> dict[str, Any]:
    """What was entered, as the dialect's own document."""
    return {one.name: form.get(one.name, one.value).strip()[:500] for one in mapping_fields(kind, {})}
