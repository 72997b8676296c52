"""What directories really send, brought into the form of the standard before it is read (SOURCES 5.2)."""

from __future__ import annotations

from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException

from plugin.core.text.texts import clean_tree, nested, read_json, usable
from plugin.mirror.sources.directory.mapping import ENTERPRISE

DEEPEST = 40
MOST_VALUES = 250_000
_MANAGER = f"{ENTERPRISE}:manager".casefold()


def read(body: bytes) -> dict[str, Any]:
    """The document of a request, cleaned and in the standard's form.

    :raises SCIMException: for what is no JSON, or too much of it.
    """
    cleaned = _document(body)
    for key, value in list(cleaned.items()):
        if key.casefold() == ENTERPRISE.casefold() and isinstance(value, dict):
            _mend_manager(value)
        elif key.casefold() == "operations" and isinstance(value, list):
            for one in filter(lambda one: isinstance(one, dict), value):
                _mend_operation(one)
    return cleaned


def _document(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    if nested(text, DEEPEST) > DEEPEST:
        raise InvalidSyntaxException(detail="The body is nested too deeply.")
    if text.count(",") + text.count(":") > 2 * MOST_VALUES:
        raise InvalidSyntaxException(detail="The body holds too many values.")
    try:
        document = read_json(body)
    except ValueError:
        raise InvalidSyntaxException(detail="The body is no JSON.") from None
    if not isinstance(document, dict):
        raise InvalidSyntaxException(detail="The body is no JSON object.")
    for name in ("externalId", "userName", "id"):
        value = document.get(name)
        if isinstance(value, str) and value and not usable(value):
            why = f"{name} cannot be used: write 1 to 255 characters without control characters."
            raise InvalidValueException(detail=why)
    return dict(_without_addresses(clean_tree(document)))


def _without_addresses(value: Any) -> Any:
    """The same without each ``$ref`` that is no whole address: relative ones are common, and ``value`` says who is meant."""
    if isinstance(value, dict):
        return {
            key: _without_addresses(one) for key, one in value.items()
            if key.casefold() != "$ref" or (isinstance(one, str) and "://" in one)
        }  # fmt: skip
    return [_without_addresses(one) for one in value] if isinstance(value, list) else value


def _mend_manager(holder: dict[str, Any]) -> None:
    """A manager written as a plain text is the object the standard means."""
    for key, value in list(holder.items()):
        folded = key.casefold()
        if folded in ("manager", _MANAGER) and isinstance(value, str | int) and not isinstance(value, bool):
            holder[key] = {"value": str(value)} if str(value).strip() else None
        elif folded in ("manager", _MANAGER) and isinstance(value, dict):
            holder[key] = _without_name(value)
        elif folded == ENTERPRISE.casefold() and isinstance(value, dict):
            _mend_manager(value)


def _without_name(manager: dict[str, Any]) -> dict[str, Any]:
    """A manager without the name that some send beside her ``value``: it is ours to tell, and no reason to refuse the rest."""
    return {key: value for key, value in manager.items() if key.casefold() != "displayname"}


def _mend_operation(operation: dict[str, Any]) -> None:
    path = next((value for key, value in operation.items() if key.casefold() == "path"), None)
    name = next((key for key in operation if key.casefold() == "value"), None)
    if name is None:
        return
    value = operation[name]
    if isinstance(path, str) and path.casefold() == _MANAGER and isinstance(value, str | int | list | dict):
        first = next(iter(value), "") if isinstance(value, list) else value
        operation[name] = _without_name(first) if isinstance(first, dict) else {"value": str(first)}
    elif isinstance(value, dict):
        _mend_manager(value)
