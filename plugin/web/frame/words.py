"""Words of the pages that depend on a value: translated, counted, formatted for the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _

from plugin.certifications.rules.due_date_words import in_words
from plugin.certifications.rules.due_dates import parse_due
from plugin.core.days import moment_of
from plugin.core.text.languages import catalogue
from plugin.enrolment.saving.review import Adding, Removing
from plugin.web.frame.reader import reader_language


@dataclass(frozen=True)
class TypeWords:
    """How a type of assignment is called: in the *Add…* menu, in a row, over its dialog, and in the dialog."""

    menu: str
    label: str
    title: str
    search: str
    framework: str
    none: str


def type_words(kind: str, what: str = "certification") -> TypeWords:
    """The user's own words for a type.

    :param what: ``certification`` or ``program``.
    """
    program = what == "program"
    words = {
        "organisation": lambda: TypeWords(
            _("Organisation"),
            _("Organisation"),
            _("Add organisation to program") if program else _("Add organisation to certification"),
            _("Search organisations"),
            _("Organisational framework"),
            _("No organisations match “%(query)s”."),
        ),
        "position": lambda: TypeWords(
            _("Position"),
            _("Position"),
            _("Add positions to program") if program else _("Add positions to certification"),
            _("Search positions"),
            _("Position framework"),
            _("No positions match “%(query)s”."),
        ),
        "audience": lambda: TypeWords(
            _("Audience"),
            _("Audience"),
            _("Add audiences to program") if program else _("Add audiences to certification"),
            _("Search audiences"),
            "",
            _("No audiences match “%(query)s”."),
        ),
        "manager": lambda: TypeWords(
            _("Management hierarchy"),
            _("Management hierarchy"),
            _("Add managers to program") if program else _("Add managers to certification"),
            _("Search managers"),
            "",
            _("No managers match “%(query)s”."),
        ),
        "individual": lambda: TypeWords(
            _("Individuals"),
            _("Individual"),
            _("Add individuals to program") if program else _("Add individuals to certification"),
            _("Search individuals"),
            "",
            _("No individuals match “%(query)s”."),
        ),
        "group": lambda: TypeWords(
            _("Group (self-enrolment)"),
            _("Group (self-enrolment)"),
            _("Add group to program") if program else _("Add group to certification"),
            "",
            "",
            "",
        ),
    }
    return words[kind]()


def ngettext(singular: str, plural: str, number: int, **values: str) -> str:
    """A counted message; ``num`` in it is the number as the reader's language writes it."""
    return reader_language().ngettext(singular, plural, number, **values)


def adding_sentence(x: int, rows: int, what: str = "certification") -> str:
    """The user's sentence before assignments are added, letter for letter."""
    if what == "program":
        one = ngettext(
            "Adding this assignment will enrol %(num)s learner to this program except where they are enrolled already.",
            "Adding this assignment will enrol %(num)s learners to this program except where they are enrolled already.",
            x
        )  # fmt: skip
        many = ngettext(
            "Adding these assignments will enrol %(num)s learner to this program"
            " except where they are enrolled already.",
            "Adding these assignments will enrol %(num)s learners to this program"
            " except where they are enrolled already.",
            x
        )  # fmt: skip
        return str(one if rows == 1 else many)
    one = ngettext(
        "Adding this assignment will enrol %(num)s learner to this certification"
        " except where they are enrolled already.",
        "Adding this assignment will enrol %(num)s learners to this certification"
        " except where they are enrolled already.",
        x
    )  # fmt: skip
    many = ngettext(
        "Adding these assignments will enrol %(num)s learner to this certification"
        " except where they are enrolled already.",
        "Adding these assignments will enrol %(num)s learners to this certification"
        " except where they are enrolled already.",
        x
    )  # fmt: skip
    return str(one if rows == 1 else many)


def removing_sentence(x: int, what: str = "certification") -> str:
    """The user's sentence before assignments are removed, letter for letter."""
    if what == "program":
        return str(
            ngettext(
                "This will withdraw %(num)s learner from this program except where they have another assignment.",
                "This will withdraw %(num)s learners from this program except where they have another assignment.",
                x,
            )  # fmt: skip
        )
    return str(
        ngettext(
            "This will withdraw %(num)s learner from this certification except where they have another assignment.",
            "This will withdraw %(num)s learners from this certification except where they have another assignment.",
            x,
        )  # fmt: skip
    )


def advice(what: str = "certification") -> str:
    """The user's sentence on notifications, above the tab."""
    if what == "program":
        return str(
            _("Before assigning users to a program, we strongly recommend reviewing the associated notifications.")
        )
    return str(
        _("Before assigning users to a certification, we strongly recommend reviewing the associated notifications.")
    )


def read_only_sentence(what: str = "certification", state: str = "archived") -> str:
    """Why something cannot be changed: it is archived, or its last day is over."""
    if state != "archived" and what == "program":
        return str(_("This program has ended: it can be looked at, not changed."))
    if state != "archived":
        return str(_("This certification has ended: it can be looked at, not changed."))
    if what == "program":
        return str(_("This program is archived: it can be looked at, not changed."))
    return str(_("This certification is archived: it can be looked at, not changed."))


def adding_parts(found: Adding) -> list[tuple[str, int, str]]:
    """What the X of the sentence is made of: a name for the part, its size, its words. Zero parts are left out."""
    parts = [
        ("newly", found.newly, ngettext("newly enrolled", "newly enrolled", found.newly)),
        ("already", found.already, ngettext("enrolled already", "enrolled already", found.already)),
        ("later", found.later, ngettext("begins later", "begin later", found.later)),
        (
            "held_back",
            found.held_back,
            ngettext("held back by an exception", "held back by exceptions", found.held_back),
        ),
        (
            "suspended_adding",
            found.suspended,
            ngettext("suspended at the learning site", "suspended at the learning site", found.suspended),
        ),
        (
            "not_to_be_assigned",
            found.not_to_be_assigned,
            ngettext("not to be assigned", "not to be assigned", found.not_to_be_assigned),
        ),
    ]
    return [(name, size, str(words)) for name, size, words in parts if size or name == "newly"]


def removing_parts(found: Removing) -> list[tuple[str, int, str]]:
    """The same for the sentence of a removal."""
    parts = [
        ("withdrawn", found.withdrawn, ngettext("withdrawn", "withdrawn", found.withdrawn)),
        (
            "kept",
            found.kept,
            ngettext("kept by another assignment", "kept by another assignment", found.kept),
        ),
        (
            "suspended_removing",
            found.suspended,
            ngettext("suspended at the learning site", "suspended at the learning site", found.suspended),
        ),
        ("not_enrolled", found.not_enrolled, ngettext("not enrolled", "not enrolled", found.not_enrolled)),
    ]
    return [(name, size, str(words)) for name, size, words in parts if size or name == "withdrawn"]


def count(number: int) -> str:
    """A number as the reader's language writes it."""
    return reader_language().count(number)


def due_words(due: Any, zone: str, item: str | None = None) -> str:
    """A due date setting in words; a setting that cannot be read is shown as none."""
    try:
        setting = parse_due(due)
    except ValueError:
        return str(_("No due date"))
    return in_words(setting, zone, gettext=reader_language().gettext, ngettext=_counted, format_day=day, item_name=item)


def _counted(singular: str, plural: str, number: int) -> str:
    """Without the number put in: the caller does that."""
    return str(catalogue(reader_language().locale.language).ungettext(singular, plural, number))


def day(value: date) -> str:
    """A date in full, in the reader's language."""
    return reader_language().day(value)


def moment(instant: int | None, zone: str) -> str:
    """An instant in a zone, without naming the zone: the page says that once."""
    if instant is None:
        return ""
    return reader_language().moment(moment_of(instant, zone))


def long_day(instant: int, zone: str) -> str:
    """The day of an instant in a zone, in full."""
    return day(moment_of(instant, zone).date())


def short_day(instant: int, zone: str) -> str:
    """The day of an instant in a zone, as short as the reader's language allows."""
    return reader_language().short_day(moment_of(instant, zone).date())


def listing(parts: Iterable[object]) -> str:
    """Things one after another, as the reader's language lists them."""
    return reader_language().listing(parts)


def state_words(state: str) -> str:
    """A learner's state."""
    words: Mapping[str, str] = {
        "assigned": _("Assigned"),
        "in_progress": _("In progress"),
        "certified": _("Certified"),
        "window_open": _("Certified, time to renew"),
        "expired": _("Expired"),
        "complete": _("Complete"),
        "withdrawn": _("Withdrawn"),
    }
    return str(words.get(state, state))


def state_tone(state: str) -> str:
    """How the badge of a learner's state looks: a class of the stylesheet with a blank before it, or nothing."""
    return {"certified": " ok", "complete": " ok", "window_open": " changed", "expired": " removed"}.get(state, "")


def exception_words(kind: str) -> str:
    """A type of exception."""
    words: Mapping[str, str] = {
        "time_allowance": _("Time allowance"),
        "unknown_date": _("Completion time unknown"),
        "duplicate_course": _("Duplicate course"),
        "already_assigned": _("Already assigned"),
    }
    return str(words.get(kind, kind))


def action_words(action: str) -> str:
    """An answer to an exception, as the buttons name it."""
    words: Mapping[str, str] = {
        "realistic": _("Set realistic due date and assign"),
        "assign": _("Assign"),
        "dismiss": _("Do not assign"),
        "reopen": _("Ask again"),
    }
    return str(words.get(action, action))


def role_words() -> dict[str, str]:
    """What can be granted, in words."""
    return {
        "site": _("Site administrator"), "certification": _("Certification administrator"),
        "area": _("Area administrator"), "auditor": _("Auditor"),
    }  # fmt: skip


def scope_words() -> dict[str, str]:
    """What a token may be for, in words."""
    return {
        "read": _("Read"), "write": _("Change"), "reports": _("Run reports"), "sources": _("Hand in files"),
        "scim": _("Act as a directory (SCIM)"),
    }  # fmt: skip
