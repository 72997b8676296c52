"""Words for people, translated when they are needed: commands that show none start without the web framework."""

from __future__ import annotations


def gettext(text: str, /, **values: object) -> str:
    """The text in the language of whoever is asking, with its values put in."""
    from flask_babel import gettext as translated  # imports all of Flask

    return str(translated(text, **values))
