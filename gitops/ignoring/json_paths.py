"""Where in an object does a path lead, and what is the object without it?

Called by the ignore rules. A path is a tuple of keys and list indices; people write it as a JSON
pointer (RFC 6901: ``~1`` is a slash in a key, ``~0`` a tilde).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

Path = tuple[str | int, ...]

_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def tokens(pointer: str) -> tuple[str, ...]:
    """The parts of a JSON pointer, unescaped.

    Raises:
        ValueError: it does not begin with a slash, or has a tilde that escapes nothing.
    """
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} does not begin with a slash")
    if _BAD_ESCAPE.search(pointer):
        raise ValueError(f"{pointer!r} has a ~ that is neither ~0 (a tilde) nor ~1 (a slash)")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def pointer(path: Path) -> str:
    """A path as a JSON pointer."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def find(document: Any, parts: Sequence[str]) -> Path | None:
    """The path a pointer's parts lead to in a document, or None where it has no such field."""
    path: list[str | int] = []
    for part in parts:
        step: str | int = part
        if isinstance(document, list) and _INDEX.fullmatch(part):
            step = int(part)
        if not has(document, step):
            return None
        document = document[step]
        path.append(step)
    return tuple(path)


def has(document: Any, step: Any) -> bool:
    """Whether a mapping or list has this key or index."""
    if isinstance(document, dict):
        return isinstance(step, str) and step in document
    return isinstance(document, list) and isinstance(step, int) and 0 <= step < len(document)


def from_jq(document: Any, path: Sequence[Any]) -> list[Path]:
    """The paths in a document that one path of jq's means.

    jq counts from the end with negative indices, names a slice ``{"start": 1, "end": 3}``, and
    also gives paths of fields that are not there, which lead nowhere.
    """
    if not path:
        return [()]
    step, rest = path[0], path[1:]
    if isinstance(step, dict):
        return _in_slice(document, slice(step.get("start"), step.get("end")), rest)
    if isinstance(step, int) and isinstance(document, list) and step < 0:
        step += len(document)
    if not has(document, step):
        return []
    return [(step, *inner) for inner in from_jq(document[step], rest)]


def _in_slice(document: Any, part: slice, rest: Sequence[Any]) -> list[Path]:
    if not isinstance(document, list):
        return []
    indices = range(len(document))[part]
    if not rest:
        return [(index,) for index in indices]
    return [
        (indices[inner[0]], *inner[1:])
        for inner in from_jq(document[part], rest)
        if isinstance(inner[0], int)
    ]


def delete(document: Any, paths: Iterable[Path]) -> None:
    """Take fields and list items out of a document, in place; what is not there is no matter.

    All paths mean the document as it was: several indices of one list do not shift each other.
    """
    for path in sorted(set(paths), reverse=True):
        parent = document
        for step in path[:-1]:
            if not has(parent, step):
                break
            parent = parent[step]
        else:
            if has(parent, path[-1]):
                del parent[path[-1]]
