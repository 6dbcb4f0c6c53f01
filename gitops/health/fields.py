"""What does a live object say at a path, if it says it in the form Kubernetes documents?

Called by every rule. A missing or null field reads as empty, as in the Kubernetes API; a field of
another type raises ``SurpriseError``, which ``assess`` turns into Unknown with the path and value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gitops.objects.manifest import MAPPING

LARGEST_NUMBER = 2**63 - 1  # the API knows no larger


class SurpriseError(Exception):
    """A field does not have the type its API documents."""


def at(live: Mapping[str, Any], *path: str) -> Any:
    """The value at a path, ``None`` when any part of it is missing.

    Raises:
        SurpriseError: something on the way is no mapping.
    """
    value: Any = live
    for depth, name in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, MAPPING):
            raise _surprise(path[:depth], value, "a mapping")
        value = value.get(name)
    return value


def mapping(live: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The mapping at a path, empty when missing.

    Raises:
        SurpriseError: it is something else.
    """
    value = at(live, *path)
    if value is not None and not isinstance(value, Mapping):
        raise _surprise(path, value, "a mapping")
    return value or {}


def sequence(live: Mapping[str, Any], *path: str) -> Sequence[Any]:
    """The list at a path, empty when missing.

    Raises:
        SurpriseError: it is something else.
    """
    value = at(live, *path)
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise _surprise(path, value, "a list")
    return value


def mappings(live: Mapping[str, Any], *path: str) -> list[Mapping[str, Any]]:
    """The list of mappings at a path, empty when missing.

    Raises:
        SurpriseError: it is something else, or holds something else.
    """
    found: list[Mapping[str, Any]] = []
    for position, item in enumerate(sequence(live, *path)):
        if not isinstance(item, Mapping):
            raise _surprise((*path[:-1], f"{path[-1]}[{position}]"), item, "a mapping")
        found.append(item)
    return found


def text(live: Mapping[str, Any], *path: str) -> str:
    """The text at a path, empty when missing.

    Raises:
        SurpriseError: it is something else.
    """
    value = at(live, *path)
    if value is not None and not isinstance(value, str):
        raise _surprise(path, value, "text")
    return value or ""


def number(live: Mapping[str, Any], *path: str) -> int | None:
    """The whole number at a path, ``None`` when missing.

    Raises:
        SurpriseError: it is something else.
    """
    value = at(live, *path)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST_NUMBER:
        raise _surprise(path, value, "a whole number")
    return value


def count(live: Mapping[str, Any], *path: str) -> int:
    """The whole number at a path, 0 when missing: how the API leaves out counters.

    Raises:
        SurpriseError: it is something else.
    """
    return number(live, *path) or 0


def flag(live: Mapping[str, Any], *path: str) -> bool:
    """The boolean at a path, false when missing.

    Raises:
        SurpriseError: it is something else.
    """
    value = at(live, *path)
    if value is not None and not isinstance(value, bool):
        raise _surprise(path, value, "true or false")
    return bool(value)


def moment(live: Mapping[str, Any], *path: str) -> datetime | None:
    """The RFC 3339 time at a path, ``None`` when missing.

    Raises:
        SurpriseError: it is something else.
    """
    value = text(live, *path)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise _surprise(path, value, "a time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def condition(live: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of a type, empty when the object has none such.

    Raises:
        SurpriseError: ``status.conditions`` is no list of mappings.
    """
    found = mappings(live, "status", "conditions")
    return next((each for each in found if each.get("type") == kind), {})


def cause(condition: Mapping[str, Any]) -> str:
    """Why a condition is as it is: ``reason: message``, or the one it has.

    Raises:
        SurpriseError: one of them is no text.
    """
    return ": ".join(part for name in ("reason", "message") if (part := text(condition, name)))


def _surprise(path: Sequence[str], value: object, wanted: str) -> SurpriseError:
    where = ".".join(path) or "the object"
    return SurpriseError(f"{where} is {_shown(value)}, not {wanted}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value[:40]}'"
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, int):
        return str(value) if abs(value) <= LARGEST_NUMBER else "a huge number"
    return "a mapping" if isinstance(value, Mapping) else "a list"
