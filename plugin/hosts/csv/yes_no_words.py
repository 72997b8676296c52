"""Yes and no in the words of files, per language."""

from __future__ import annotations

from collections.abc import Mapping

from plugin.hosts.csv.headings import folded

_YES = (
    "true;yes;y;1;x;t;on;active;aktiv;aktive;aktiver;ja;j;wahr;beschaftigt;oui;o;vrai;actif;en poste;si;verdadero;activo;"
    "activa;vigente;employed;current"
)
_NO = (
    "false;no;n;0;f;off;inactive;inaktiv;nein;falsch;ausgetreten;ausgeschieden;non;faux;inactif;sorti;parti;falso;inactivo;"
    "inactiva;baja;de baja;terminated;left;leaver;former;ehemalig"
)
YES, NO = ({folded(word) for word in words.split(";")} for words in (_YES, _NO))


def is_yes(text: str, more: Mapping[str, bool]) -> bool | None:
    """Whether a word says yes; ``None`` for one nobody knows.

    :param more: words of the mapping, folded.
    """
    word = folded(text)
    if word in more:
        return more[word]
    if word in ("1 0", "1"):
        return True
    if word in ("0 0", "0"):
        return False
    return True if word in YES else False if word in NO else None
