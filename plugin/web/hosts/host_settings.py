"""Settings of a kind of host, as fields of a form: told once, shown and read by the same page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from plugin.core.errors import Invalid
from plugin.delivery.completion_polling import SHARE


@dataclass(frozen=True)
class Setting:
    """One setting. ``choices`` makes it a list, ``least`` and ``most`` a whole number; else it is a line of text."""

    name: str
    label: str
    hint: str = ""
    otherwise: Any = ""
    choices: tuple[tuple[str, str], ...] = ()
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class ShownSetting:
    """A setting with the value to show."""

    setting: Setting
    value: str


def declared(kind: str) -> tuple[Setting, ...]:
    """What can be set for a kind of host, beyond its addresses and secrets."""
    share = Setting(
        "share", _("Most time spent reading (percent)"),
        _("Muster never reads this learning site for more than this share of the time."), SHARE, least=1, most=100,
    )  # fmt: skip
    if kind != "moodle":
        return (share,)
    return (
        Setting(
            "role", _("Role of learners in a course"),
            _("The number of the role that Muster enrols with; 5 is Student in a Moodle as installed. The service account"
              " must be allowed to assign it."), 5, least=1, most=1_000_000,
        ),
        Setting(
            "parallel", _("Calls at the same time"),
            _("How many calls Muster makes at once. Fewer spare the site, more are faster."), 4, least=1, most=16,
        ),
        share,
    )  # fmt: skip


def settings_of(kind: str, stored: Mapping[str, Any], form: Mapping[str, str] | None) -> list[ShownSetting]:
    """The fields of the form: as entered, else as stored, else as it is without."""
    found = []
    for setting in declared(kind):
        value = stored.get(setting.name, setting.otherwise)
        found.append(ShownSetting(setting, (form or {}).get(f"setting-{setting.name}", str(value))))
    return found


def read_settings(kind: str, form: Mapping[str, str]) -> dict[str, Any]:
    """The settings of a form.

    :raises Invalid: naming the field that cannot be.
    """
    found: dict[str, Any] = {}
    for setting in declared(kind):
        entered = form.get(f"setting-{setting.name}", "").strip()
        if not entered:
            found[setting.name] = setting.otherwise
        elif setting.choices:
            if entered not in dict(setting.choices):
                raise Invalid(_("%(label)s: choose one of the values offered.", label=setting.label))
            found[setting.name] = entered
        elif setting.least is not None and setting.most is not None:
            found[setting.name] = _number(setting, entered)
        else:
            found[setting.name] = entered[:500]
    return found


def _number(setting: Setting, entered: str) -> int:
    least, most = setting.least or 0, setting.most or 0
    if not (entered.isascii() and entered.isdigit() and len(entered) < 10 and least <= int(entered) <= most):
        raise Invalid(
            _(
                "%(label)s: enter a whole number from %(least)s to %(most)s.",
                label=setting.label,
                least=least,
                most=most,
            )
        )
    return int(entered)
