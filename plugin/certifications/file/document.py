"""Reads YAML or JSON with the line of every key, refusing what a person would not notice, and what would cost too much.

What a file is made of is counted before anything is made of it. A scalar without quotation marks is a number only where it
is written as people write numbers: ``0123``, ``0x1F``, ``1_000`` and ``12:30`` stay the text they are, since they are ids.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from plugin.core.errors import Invalid

MOST_CHARACTERS = 5 * 1024 * 1024
MOST_NODES = 250_000
"""Values of a file, those an alias repeats counted each time: more than any file that people keep."""
DEEPEST = 40
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_YAML = "tag:yaml.org,2002:"
_PLAIN = (f"{_YAML}int", f"{_YAML}float", f"{_YAML}timestamp", f"{_YAML}value")
_TAGGED = {f"{_YAML}{one}" for one in ("int", "float", "bool", "null", "timestamp")}
"""What a scalar may be called by a tag such as ``!!int``, where it is written as such a value is without one."""


class Mapping(dict[str, Any]):
    """A mapping that knows where it and each of its keys stand."""

    line: int = 0
    lines: dict[str, int]


_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""By libyaml where it is there, which takes a tenth of the time."""


class _Loader(_Safe):  # type: ignore[misc]  # PyYAML's loader has no types
    """The safe loader, with lines."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the loader wants it
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _PLAIN]
        for first, resolvers in _Safe.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value; a tag makes nothing of a scalar that it would not be without one.

        :raises Invalid: with the line.
        """
        if node.tag in _TAGGED:
            scalar = isinstance(node, yaml.ScalarNode)
            if not scalar or self.resolve(yaml.ScalarNode, node.value, (True, False)) != node.tag:
                said = f"'{node.value}' is" if scalar else "This is"
                raise Invalid(f"Line {node.start_mark.line + 1}: {said} no {node.tag.removeprefix(_YAML)}.")
        return super().construct_object(node, deep=deep)


_Loader.add_implicit_resolver(f"{_YAML}int", re.compile(f"^(?:{_INTEGER.pattern})$", re.ASCII), list("-0123456789"))
_Loader.add_implicit_resolver(f"{_YAML}timestamp", re.compile(f"^{_DAY.pattern}$", re.ASCII), list("0123456789"))


def _mapping(loader: _Loader, node: yaml.Node) -> Mapping:
    if not isinstance(node, yaml.MappingNode):
        raise Invalid(f"Line {node.start_mark.line + 1}: this is no mapping.")
    found = Mapping()
    found.line, found.lines = node.start_mark.line + 1, {}
    repeated: list[Mapping] = []
    for key_node, value_node in node.value:
        if key_node.tag == _MERGE:
            if repeated:
                raise Invalid(f"Line {key_node.start_mark.line + 1}: '<<' is given twice; write <<: [*one, *other].")
            repeated = _repeated(loader, value_node)
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if isinstance(key, bool):  # YAML 1.1 takes the key `on` for a truth value
            key = str(key_node.value)
        if not isinstance(key, str):
            raise Invalid(f"Line {line}: '{key}' cannot be a key here.")
        if key in found:
            raise Invalid(f"Line {line}: '{key}' is given twice.")
        found[key] = loader.construct_object(value_node, deep=True)
        found.lines[key] = line
    for one in repeated:
        for key in [key for key in one if key not in found]:
            found[key], found.lines[key] = one[key], one.lines[key]
    return found


_MERGE = f"{_YAML}merge"
"""The key ``<<``: what it names stands here too, but for keys that are given here."""


def _repeated(loader: _Loader, node: yaml.Node) -> list[Mapping]:
    """The mappings that ``<<`` names, the first the strongest."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for one in nodes:
        if not isinstance(one, yaml.MappingNode):
            raise Invalid(f"Line {one.start_mark.line + 1}: '<<' repeats a mapping that has a name such as &defaults.")
    return [loader.construct_object(one, deep=True) for one in nodes]


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    """Text that a database can keep: an escape can spell NUL or half a character, which none can."""
    value = str(loader.construct_scalar(node))
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Invalid(f"Line {node.start_mark.line + 1}: the text holds a character that cannot be kept.")
    return value


def _moment(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """A date, or a sentence with the line for one that no calendar has."""
    try:
        return loader.construct_yaml_timestamp(node)
    except (ValueError, OverflowError):
        raise Invalid(f"Line {node.start_mark.line + 1}: there is no day '{node.value}'.") from None


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor(f"{_YAML}str", _text)
_Loader.add_constructor(f"{_YAML}timestamp", _moment)


def read_document(text: str) -> Mapping:
    """The document as nested mappings and lists.

    :raises Invalid: with the line, when it is neither YAML nor JSON, or no mapping, or too much.
    """
    document = read_tree(text)
    if not isinstance(document, Mapping):
        raise Invalid("The file is a mapping that begins with 'version: 1'.")
    return document


def read_tree(text: str) -> Any:
    """The same for a document of any shape: a mapping of names, a list.

    :raises Invalid: with the line, when it is neither YAML nor JSON, or too much.
    """
    if len(text) > MOST_CHARACTERS:
        raise Invalid("The file is too large: at most 5 MB.")
    text = _plain(text)
    try:
        _judge(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        if "Unicode character" in str(error.problem):
            raise Invalid(f"Line {line}: the text holds a character that cannot be kept.") from None
        raise Invalid(f"Line {line}: this is neither YAML nor JSON ({error.problem}).") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(f"This is neither YAML nor JSON ({type(error).__name__}).") from None


_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
"""One character as JSON spells it by two halves."""


def _plain(text: str) -> str:
    """The text as YAML takes it: JSON may be laid out with tabs, and spells some characters by halves; YAML does neither."""
    if not text.lstrip("\ufeff \t\r\n").startswith("{") or text.count("[") + text.count("{") > MOST_NODES:
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _PAIR.sub(_joined, text.replace("\t", " "))


def _joined(found: re.Match[str]) -> str:
    high, low = int(found[2], 16), int(found[3], 16)
    return found[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _judge(text: str) -> None:
    """Count what a file is made of, event by event, and stop at once where it is too much.

    :raises Invalid: with the line.
    """
    counted = _Counted()
    for event in yaml.parse(text, Loader=_Safe):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) and event.anchor not in counted.sizes:
            raise Invalid(f"Line {line}: the alias '{event.anchor}' names nothing, or stands inside what it repeats.")
        counted.take(event)
        if counted.total > MOST_NODES:
            raise Invalid(f"Line {line}: the file holds more than {MOST_NODES} values.")
        if len(counted.open) > DEEPEST:
            raise Invalid(f"Line {line}: the file is nested more than {DEEPEST} deep.")


class _Counted:
    """Values so far, those an alias repeats counted each time; the size of each anchor; what is open."""

    def __init__(self) -> None:
        self.total = 0
        self.sizes: dict[str, int] = {}
        self.open: list[tuple[str | None, int]] = []

    def take(self, event: Any) -> None:
        """Count one event."""
        if isinstance(event, yaml.AliasEvent):
            self.total += self.sizes[str(event.anchor)]
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self.open.pop()
            if anchor:
                self.sizes[anchor] = self.total - before
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                self.open.append((event.anchor, self.total))
            elif event.anchor:
                self.sizes[event.anchor] = 1
            self.total += 1
