"""Which fields of an object does a field manager own?

Called by the ignore rules with a live object. The API server notes in ``metadata.managedFields``
who set which field, in the format FieldsV1 (Kubernetes, "Server-Side Apply"; KEP-555):

===================  ==========================================================
``f:<name>``         the field of that name
``k:{"name": "a"}``  the list item with these keys
``v:"text"``         the list item that is this value
``i:0``              the list item at this index
``.``                the mapping, list or item itself, beside what is in it
``{}``               nothing below: the field as a whole
===================  ==========================================================
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from gitops.ignoring.json_paths import Path, has

ITSELF = "."


def without_fields_of(
    document: dict[str, Any], live: Mapping[str, Any], managers: Collection[str]
) -> tuple[dict[str, Any], list[Path]]:
    """A document without the fields that some managers own in the live object.

    A mapping, list or keyed item goes where a manager owns it as such and nothing else is left in
    it. The keys of an item that stays are kept: without them it would be another item.

    Returns:
        The document, and the paths that were removed, as they were in it.
    """
    removed: list[Path] = []
    for tree in _trees(live, managers):
        document, paths = _stripped(tree, document, (), frozenset())
        removed += paths
    return document, removed


def held_alone(document: Any, live: Mapping[str, Any], manager: str) -> list[Path]:
    """The paths of a document that one manager owns in the live object and nobody else does."""
    names = {str(entry.get("manager", "")) for entry in _entries(live)}
    others = [
        path for tree in _trees(live, names - {manager}) for path in _leaves(tree, document, ())
    ]
    return [
        path
        for tree in _trees(live, {manager})
        for path in _leaves(tree, document, ())
        if not any(_overlap(path, other) for other in others)
    ]


def without_held(paths: Iterable[Path], document: Any, held: Collection[Path]) -> list[Path]:
    """Paths without the parts of a document that are held: of a mapping or list that is held in
    part, the others."""
    return [each for path in paths for each in _around(path, _value(document, path), held)]


def _around(path: Path, value: Any, held: Collection[Path]) -> list[Path]:
    within = [other for other in held if _overlap(path, other)]
    if not within:
        return [path]
    if any(len(other) <= len(path) for other in within):
        return []
    return [each for step in _steps(value) for each in _around((*path, step), value[step], within)]


def _steps(value: Any) -> Iterable[str | int]:
    return list(value) if isinstance(value, dict) else range(len(value))


def _value(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _overlap(path: Path, other: Path) -> bool:
    """Whether one of two paths is the other or lies within it."""
    return all(mine == theirs for mine, theirs in zip(path, other, strict=False))


def _entries(live: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    metadata = live.get("metadata")
    found = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    return (
        [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []
    )


def _trees(live: Mapping[str, Any], managers: Collection[str]) -> Iterator[Mapping[str, Any]]:
    for entry in _entries(live):
        if str(entry.get("manager", "")) in managers and isinstance(entry.get("fieldsV1"), Mapping):
            yield entry["fieldsV1"]


def _leaves(tree: Mapping[str, Any], value: Any, path: Path) -> Iterator[Path]:
    for name, inner in tree.items():
        step = step_of(name, value)
        if step is None or not isinstance(inner, Mapping):
            continue
        if inner.keys() - {ITSELF}:
            yield from _leaves(inner, value[step], (*path, step))
        elif not inner or not isinstance(value[step], dict | list) or not value[step]:
            yield (*path, step)


def _stripped(
    tree: Mapping[str, Any], value: Any, path: Path, kept: frozenset[str]
) -> tuple[Any, list[Path]]:
    result, removed = value.copy(), []
    gone: list[Any] = []
    for name, inner in tree.items():
        step = step_of(name, value)
        if step is None or step in kept or not isinstance(inner, Mapping):
            continue
        if inner and isinstance(value[step], dict | list):
            keys = frozenset(item_keys(name))
            left, paths = _stripped(inner, value[step], (*path, step), keys)
            if ITSELF not in inner or any(part not in keys for part in _steps(left)):
                result[step] = left
                removed += paths
                continue
        gone.append(step)
        removed.append((*path, step))
    for step in sorted(gone, reverse=True):
        del result[step]
    return result, removed


def step_of(name: str, value: Any) -> str | int | None:
    """The key or index in a value that an entry of FieldsV1 names, None where there is none."""
    form, _, text = name.partition(":")
    if form == "f":
        return text if has(value, text) else None
    step: str | int | None = None
    if form == "i" and text.isdecimal():
        step = int(text)
    elif isinstance(value, list) and form == "v":
        wanted = _json(text)
        step = next((i for i, item in enumerate(value) if item == wanted), None)
    elif isinstance(value, list) and form == "k":
        wanted = item_keys(name)
        found = [i for i, item in enumerate(value) if _is_item(item, wanted)]
        whole = (i for i in found if wanted.keys() <= value[i].keys())
        step = next(whole, found[0] if found else None)
    return step if has(value, step) else None


def item_keys(name: str) -> dict[str, Any]:
    """The keys in an entry of FieldsV1 that names a list item by them; none in another entry."""
    keys = _json(name.removeprefix("k:")) if name.startswith("k:") else None
    return keys if isinstance(keys, dict) else {}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _is_item(item: Any, keys: Mapping[str, Any]) -> bool:
    # a key may have a default (the protocol of a port) that the target leaves to the API server
    return (
        isinstance(item, dict)
        and any(name in item for name in keys)
        and all(item.get(name, value) == value for name, value in keys.items())
    )
