"""Reads YAML or JSON with the line of every key, refusing what a person would not notice: keys given twice."""

from __future__ import annotations

from typing import Any

import yaml

from plugin.core.errors import Invalid


class Mapping(dict[str, Any]):
    """A mapping that knows where it and each of its keys stand."""

    line: int = 0
    lines: dict[str, int]


class _Loader(yaml.SafeLoader):
    """The safe loader, with lines."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Mapping:
    found = Mapping()
    found.line, found.lines = node.start_mark.line + 1, {}
    for key_node, value_node in node.value:
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
    return found


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
_Loader.add_constructor("tag:yaml.org,2002:str", _text)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _moment)


def read_document(text: str) -> Mapping:
    """The document as nested mappings and lists.

    :raises Invalid: with the line, when it is neither YAML nor JSON, or no mapping.
    """
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Invalid(f"Line {line}: this is neither YAML nor JSON ({error.problem}).") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(f"This is neither YAML nor JSON ({type(error).__name__}).") from None
    if not isinstance(document, Mapping):
        raise Invalid("The file is a mapping that begins with 'version: 1'.")
    return document
