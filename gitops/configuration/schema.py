"""Where does a value not fit its JSON Schema, and what would fit?

Called by config and discovery. It reads the part of JSON Schema (draft 2020-12) that our schemas
use and no more; unlike the general library it loads in no time, which every run would pay for, and
it says what was probably meant. Tests compare its verdicts with the library's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gitops.configuration.suggestions import did_you_mean

KEYWORDS = frozenset(
    {
        *("$schema", "$defs", "$ref", "title", "description"),
        *("type", "enum", "pattern", "minimum", "maximum"),
        *("properties", "required", "additionalProperties", "propertyNames"),
        *("items", "minItems", "maxItems"),
    }
)
_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that does not fit: where, what is wrong, and what would be right."""

    path: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What holds for a whole value."""

    definitions: Mapping[str, Any]
    patch: bool


def problems(
    value: Any, schema: Mapping[str, Any], *, path: str = "", patch: bool = False
) -> list[Problem]:
    """Everything about a value that does not fit the schema.

    Args:
        value: mappings, lists and scalars, as JSON has them.
        schema: a schema made of ``KEYWORDS``; ``$ref`` names one of its own ``$defs``.
        path: where the value stands.
        patch: the value is a merge patch (RFC 7396), in which null takes a key away.
    """
    reading = _Reading(definitions=schema.get("$defs", {}), patch=patch)
    return list(_problems(value, schema, path, reading))


def _problems(
    value: Any, schema: Mapping[str, Any], path: str, reading: _Reading
) -> Iterator[Problem]:
    schema = _resolved(schema, reading)
    if "type" in schema and not is_type(value, schema["type"]):
        yield Problem(path=path, reason=f"is {_shown(value)}", remedy=_wanted(schema))
        return
    if "enum" in schema and value not in schema["enum"]:
        allowed = [str(each) for each in schema["enum"]]
        hint = did_you_mean(str(value), allowed)
        yield Problem(
            path=path, reason=f"is {_shown(value)}", remedy=f"use one of {', '.join(allowed)}{hint}"
        )
    if isinstance(value, Mapping):
        yield from _in_mapping(value, schema, path, reading)
    elif isinstance(value, list | tuple):
        yield from _in_list(value, schema, path, reading)
    elif not _fits(value, schema):
        yield Problem(path=path, reason=f"is {_shown(value)}", remedy=_wanted(schema))


def _resolved(schema: Mapping[str, Any], reading: _Reading) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return reading.definitions[reference.rpartition("/")[2]] if reference else schema


def _in_mapping(
    value: Mapping[str, Any], schema: Mapping[str, Any], path: str, reading: _Reading
) -> Iterator[Problem]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield Problem(
                path=_join(path, name),
                reason="is missing",
                remedy=_wanted(_resolved(known.get(name, {}), reading)),
            )
    for name, part in value.items():
        form = _resolved(schema.get("propertyNames", {}), reading)
        if not _fits(name, form):
            reason = "the key has the wrong form"
            yield Problem(path=_join(path, name), reason=reason, remedy=_wanted(form))
        inner = known.get(name, others)
        if inner is False:
            yield Problem(
                path=_join(path, name),
                reason="there is no such key",
                remedy=f"use one of {', '.join(sorted(known))}{did_you_mean(name, known)}",
            )
        elif inner is not True and not (part is None and reading.patch):
            yield from _problems(part, inner, _join(path, name), reading)


def _in_list(
    value: list[Any] | tuple[Any, ...],
    schema: Mapping[str, Any],
    path: str,
    reading: _Reading,
) -> Iterator[Problem]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if not least <= len(value) <= most:
        wanted = f"write {least}" if least == schema.get("maxItems") else f"write {least} or more"
        yield Problem(path=path, reason=f"has {len(value)} entries", remedy=wanted)
    for index, part in enumerate(value):
        named = part.get("name") if isinstance(part, Mapping) else None
        where = f"{path}[{named if isinstance(named, str) else index}]"
        yield from _problems(part, schema.get("items", {}), where, replace(reading, patch=False))


def is_type(value: Any, name: str) -> bool:
    """Whether a value is of a JSON type; true and false are no numbers."""
    return _TYPES[name](value)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list | tuple),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, int) and not isinstance(value, bool):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and not path.endswith(":") else f"{path}{name}"


def _wanted(schema: Mapping[str, Any]) -> str:
    """What a schema wants, in words: its description, or the name of its type."""
    described = schema.get("description")
    return f"write {described or _NAMES.get(schema.get('type', ''), 'it')}"


def _shown(value: Any) -> str:
    """A value for an error: short, and nothing of what a mapping or list holds."""
    if isinstance(value, Mapping | list | tuple):
        return _NAMES["object"] if isinstance(value, Mapping) else _NAMES["array"]
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "empty"}[value]
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
