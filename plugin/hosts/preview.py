"""What a mapping makes of some people, before anything of it is saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plugin.hosts.port import HostDialect

SAMPLES = 50
"""People shown."""


@dataclass(frozen=True)
class PersonSample:
    """One person as a mapping reads her.

    :ivar launch: by what a launch will find her. :ivar days: the dates by what they are (``start``, ``end``,
        ``position_since``), each a day or an instant as the port writes them.
    :ivar unresolved: what the mapping names and the host does not know.
    """

    id: str
    name: str
    launch: str = ""
    organisation: str = ""
    position: str = ""
    manager: str = ""
    dates: str = ""
    unresolved: tuple[str, ...] = ()
    days: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class MappingPreview:
    """Samples, and the share of them (0 to 1) of whom something stayed unresolved."""

    samples: Sequence[PersonSample]
    unresolved_share: float
    units: Sequence[str] = ()


@dataclass(frozen=True)
class Mapper:
    """A dialect's side of the mapping page.

    :ivar clean: a mapping as it is stored, from what was entered; raises ``Invalid``.
    :ivar sample: asks the host for people, in whatever form ``preview`` takes; raises the port's troubles.
    :ivar offers: what a field of the mapping may name, as it was seen with these people.
    """

    clean: Callable[[Mapping[str, Any]], dict[str, Any]]
    sample: Callable[[HostDialect, int], Any]
    preview: Callable[[Any, Mapping[str, Any]], MappingPreview]
    offers: Callable[[Any], Sequence[str]] = lambda _people: ()
