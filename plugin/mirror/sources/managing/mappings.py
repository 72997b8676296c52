"""What the mapping of a source may say, by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugin.core.errors import Invalid
from plugin.hosts.csv import mapping as files
from plugin.hosts.registry import DIALECTS, MAPPERS
from plugin.mirror.sources.source import UNIT_KINDS

OWN_KINDS = ("csv", "scim")
"""Kinds of sources that are no dialect of a host."""
COMMON = ("keep", "leavers")
"""Settings that every kind of source has."""


def check_kind(kind: str) -> None:
    """Whether there is such a kind of source.

    :raises Invalid: where not, naming those there are.
    """
    if kind not in OWN_KINDS and kind not in DIALECTS:
        raise Invalid(f"'{kind}' is no kind of source; use one of {', '.join(sorted({*OWN_KINDS, *DIALECTS}))}.")


def check_mapping(kind: str, document: object, key_field: str = "") -> dict[str, Any]:
    """A mapping as it is stored: of files and directories as :func:`plugin.hosts.csv.mapping.check`; of another program's API
    what its dialect maps, with fields to keep and what is done with leavers.

    :param key_field: the field that joins.
    :raises Invalid: naming the setting and what it may be.
    """
    if kind not in DIALECTS or not isinstance(document, Mapping):
        found = files.check(document, key_field)
        for name in found.get("columns") or {} if kind == "scim" else ():
            if name not in UNIT_KINDS:
                raise Invalid(f"columns: of a directory {' and '.join(UNIT_KINDS)} are mapped alone, not '{name}'.")
        return found
    common = files.check({name: value for name, value in document.items() if name in COMMON})
    own = {str(name): value for name, value in document.items() if name not in COMMON}
    mapper = MAPPERS.get(kind)
    known = dict(mapper.clean({})) if mapper is not None else {}
    for name in own:
        if name not in known:
            raise Invalid(f"'{name}' is no setting of a mapping of kind {kind}; use {', '.join((*known, *COMMON))}.")
    return {**common, **(mapper.clean(own) if mapper is not None and own else {})}
