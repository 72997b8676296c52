"""What a definition means, in whatever order and with whatever left out it is written: the file and the pages write the same
in several ways, and none of them is a difference (AS-CODE)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from plugin.certifications.definition import DEFAULT_EXCEPTIONS, Definition
from plugin.certifications.rules.written_content import dump_content, parse_content

_LEAVING = {"seat": "suspend", "grace": "0 days", "at_end": "stay", "on_return": "realistic"}
_GROUP = {"description": "", "self_enrol": False, "withdraw": False}


def meaning(definition: Definition) -> dict[str, Any]:
    """The same document for each definition that means the same; for comparing, not for keeping."""
    document = definition.to_json()
    document["available"] = {name: day for name, day in definition.available.items() if day}
    document["content"] = dump_content(parse_content(definition.content))
    if definition.kind == "program":
        document["content"].pop("recertification")
    document["leaving"] = {**_LEAVING, **definition.leaving}
    document["exceptions"] = {**DEFAULT_EXCEPTIONS, **definition.exceptions}
    document["assignments"] = _sorted(_row(row) for row in document["assignments"])
    if definition.notifications is not None:
        document["notifications"] = _sorted(_notification(one) for one in definition.notifications)
    return document


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    meant = {**row, "exclusions": sorted(row["exclusions"])}
    if row["members"] is not None:
        meant["members"] = sorted(row["members"])
    return meant | ({"group": {**_GROUP, **row["group"]}} if row["type"] == "group" else {})


def _notification(one: Mapping[str, Any]) -> dict[str, Any]:
    """What is empty is as good as left out: the common text, and nothing before or after."""
    meant = {name: value for name, value in one.items() if value not in ("", {}, None)}
    return meant | {"on": one.get("on", True), "to": sorted(set(one.get("to") or ()))}


def _sorted(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(documents, key=lambda one: repr(sorted(one.items())))
