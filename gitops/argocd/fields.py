"""Which fields may an ArgoCD manifest have, and which of them are refused by name?

The words the tables of the three kinds are written in, and ``check``, which holds a manifest
against one. A field is supported, accepted without effect, or refused with what to do instead; one
that is in no table is refused as unknown. Called by the readers of the three kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from gitops.configuration import schema
from gitops.errors import DiscoveryError

Schema = Mapping[str, Any]

REFUSED = "refused"
WITHOUT_EFFECT = "withoutEffect"
_EMPTY = "evenEmpty"

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer"}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
ANYTHING: Schema = {}


def mapping(*required: str, **properties: Schema) -> Schema:
    """A mapping with these fields and no other."""
    return {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": properties,
    }


def listing(items: Schema) -> Schema:
    """A list of such entries."""
    return {"type": "array", "items": items}


def one_of(*values: str) -> Schema:
    """Text that is one of these."""
    return {"type": "string", "enum": list(values)}


def refused(reason: str, remedy: str, *, when: Literal["set", "there"] = "set") -> Schema:
    """A field ArgoCD has and we refuse, why, and what to do instead.

    An empty one is none to ArgoCD, unless ``when`` says that it counts as soon as it is there.
    """
    return {REFUSED: (reason, remedy), _EMPTY: when == "there"}


def without_effect(reason: str) -> Schema:
    """A field that is accepted, whatever is in it, because it changes nothing here."""
    return {WITHOUT_EFFECT: reason}


def check(body: Any, table: Schema, *, subject: str) -> list[DiscoveryError]:
    """What is wrong with a manifest, or with a part of one.

    Args:
        body: as ``without_nulls`` leaves it.
        table: what it may hold.
        subject: what errors start with.
    """
    named = [
        DiscoveryError(subject, f"{path} is not supported: {reason}", remedy=remedy)
        for path, reason, remedy in _refusals(body, table, "")
    ]
    wrong = [
        DiscoveryError(subject, f"{problem.path} {problem.reason}".strip(), remedy=problem.remedy)
        for problem in schema.problems(body, table)
    ]
    return named + wrong


def without_nulls(value: Any) -> Any:
    """A value without the keys that hold null: the API server drops them as well."""
    if isinstance(value, dict):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [without_nulls(part) for part in value]
    return value


def supported(table: Schema) -> Iterator[tuple[str, Schema]]:
    """Every field of a table with its path, ``[]`` for the entries of a list; for the docs."""
    yield from _fields(table, "")


def _fields(table: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    for name, inner in table.get("properties", {}).items():
        where = f"{path}.{name}" if path else name
        yield where, inner
        yield from _fields(inner, where)
    items = table.get("items")
    if isinstance(items, Mapping):
        yield from _fields(items, f"{path}[]")


def _refusals(body: Any, table: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    if REFUSED in table:
        yield path, *table[REFUSED]
    elif isinstance(body, Mapping):
        for name, part in body.items():
            inner = table.get("properties", {}).get(name)
            if inner is not None and (inner.get(_EMPTY) or part not in (False, "", [], {})):
                yield from _refusals(part, inner, f"{path}.{name}" if path else name)
    elif isinstance(body, list):
        for index, part in enumerate(body):
            yield from _refusals(part, table.get("items", {}), f"{path}[{index}]")
