"""How sources, what they supply, and what became of their records and loads are called on the pages."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext as _

from plugin.core.errors import Invalid
from plugin.enrolment.sourcing.loads import NotLoaded


def supplied_words() -> Mapping[str, str]:
    """What can be supplied."""
    return {
        "organisation": _("Organisations"), "position": _("Positions"), "managers": _("Managers"),
        "audiences": _("Audiences"), "fields": _("Profile fields"),
    }  # fmt: skip


def kind_words() -> Mapping[str, str]:
    """Kinds of sources."""
    return {
        "csv": _("Files of HR"), "scim": _("A directory that pushes (SCIM)"), "moodle": _("Moodle"),
        "webhook": _("Another system (generic host API)"),
    }  # fmt: skip


def state_words() -> Mapping[str, str]:
    """How a source is doing, where it is not simply read."""
    return {"active": _("in use"), "paused": _("paused")}


def why_words() -> Mapping[str, str]:
    """Why a record has no account."""
    return {
        "no_account": _("No account has its key"), "several_accounts": _("Several accounts have its key"),
        "several_records": _("Several records have this key"), "no_key": _("The record has no key"),
        "suspended": _("Number and name changed together: is this still the same person?"),
    }  # fmt: skip


def because_words() -> Mapping[str, str]:
    """What would help."""
    return {
        "would match without its leading zeros": _("would match without its leading zeros"),
        "would match in another case": _("would match in another case"),
        "would match without a blank inside": _("would match without a blank inside"),
    }


def load_words() -> Mapping[str, str]:
    """What became of a load."""
    return {"done": _("loaded"), "waits": _("waits for you"), "refused": _("refused"), "undone": _("undone")}


def refusal_words(refusal: NotLoaded) -> str:
    """Why something was not done, on a page: with the plan below it; commands and programs are told of ``--yes``."""
    if refusal.plan is None:
        return refusal.sentence
    return _("Nothing has been changed yet. Look at what it does, then confirm.")


def load_refusal_words(allow: int | None, refusal: NotLoaded) -> str:
    """The same, where a number of withdrawals may have been typed that is not the plan's."""
    if allow is not None and refusal.plan is not None and refusal.plan.withdrawn != allow:
        return _(
            "You typed %(typed)s, and it would withdraw %(withdrawn)s. Look at the plan once more.",
            typed=allow, withdrawn=refusal.plan.withdrawn,
        )  # fmt: skip
    return refusal_words(refusal)


def typed_withdrawals(text: str) -> int | None:
    """A number of withdrawals as somebody typed it to confirm them; ``None``: nothing was typed.

    :raises Invalid: for what is no number.
    """
    typed = text.replace(",", "")
    if typed and not (typed.isascii() and typed.isdigit() and len(typed) < 10):
        raise Invalid(_("Type the number of withdrawals, or leave it empty."))
    return int(typed) if typed else None
