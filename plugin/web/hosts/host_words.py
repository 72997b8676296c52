"""How kinds of hosts, their pieces and their settings are called on the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from plugin.hosts.registry import DIALECTS
from plugin.web.frame.reader import reader_language
from plugin.web.frame.words import ngettext


@dataclass(frozen=True)
class KindWords:
    """A kind of host for people.

    :ivar offers: which of ``api``, ``token``, ``webhook``, ``secret`` and ``hooks`` its configuration has.
    """

    label: str
    about: str
    offers: tuple[str, ...]
    api_label: str = ""
    api_hint: str = ""
    token_hint: str = ""


def kind_words() -> dict[str, KindWords]:
    """The kinds there are dialects for, in the order they are offered."""
    known = {
        "moodle": KindWords(
            _("Moodle"),
            _("Reads people, cohorts, courses and completions through Moodle's web services, and enrols through them."),
            ("api", "token", "hooks"),
            _("Address of the site"),
            _("As in the browser, for example https://moodle.example.org"),
            _("The token of the service account: Site administration › Server › Web services › Manage tokens."),
        ),
        "webhook": KindWords(
            _("Another learning system (generic host API)"),
            _("For any system that offers the host API: records are read page by page, enrolments sent as webhooks."),
            ("api", "token", "webhook", "secret", "hooks"),
            _("API address"),
            _("What stands before the name of a kind, for example https://lms.example.org/api/v1"),
            _(
                "Sent with every request as a bearer token. If the API gives tokens by OAuth 2.0 client credentials, write "
                "CLIENT:SECRET@https://address-that-gives-tokens instead."
            ),
        ),
        "nrps": KindWords(
            _("LTI alone (people of single courses)"),
            _("Where there is no API: reads the members of each course that Muster is opened from. It cannot enrol."),
            (),
        ),
    }
    listed = {kind: words for kind, words in known.items() if kind in DIALECTS}
    return listed | {kind: KindWords(kind, "", ("api", "token")) for kind in DIALECTS if kind not in known}


def data_words() -> Mapping[str, str]:
    """Kinds of records."""
    return {
        "people": _("People"), "units": _("Organisations and positions"), "jobs": _("Jobs"),
        "audiences": _("Audiences"), "members": _("Members of audiences"), "courses": _("Courses"),
        "completions": _("Completions"), "enrolments": _("Enrolments"),
    }  # fmt: skip


def age_words(seconds: int) -> str:
    """How long ago something was, in words."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days >= 2:
        return ngettext("%(num)s day ago", "%(num)s days ago", days)
    if hours >= 2:
        return ngettext("%(num)s hour ago", "%(num)s hours ago", hours)
    if minutes >= 2:
        return ngettext("%(num)s minute ago", "%(num)s minutes ago", minutes)
    return str(_("just now"))


def cost_words(calls: int, received: int) -> str:
    """What a read took: calls, and bytes in the unit that fits."""
    unit, size = ("MB", received / 1e6) if received >= 1e6 else ("kB", received / 1e3)
    shown = f"{reader_language().count(round(size, 1 if size < 10 else 0))}\u00a0{unit}"
    return ngettext("%(num)s call, %(size)s", "%(num)s calls, %(size)s", calls, size=shown)
