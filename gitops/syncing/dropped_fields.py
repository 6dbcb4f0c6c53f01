"""Which fields of an object does the API server not keep?

Asked about objects with ``Validate=false``. A field their schema does not have is sent and dropped;
compared with the cluster, the object would differ for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def dropped_fields(
    target: Mapping[str, Any], applied: Mapping[str, Any], live: Mapping[str, Any]
) -> list[str]:
    """The fields of an object that were applied before, with the same value, and are not there.

    Args:
        target: the rendered object.
        applied: the object of the last deployment.
        live: what the API server made of that; empty where it is not known.

    Returns:
        Property paths as Pulumi writes them, such as ``spec.containers[0]["a.b"]``.
    """
    return [path.removeprefix(".") for path in _dropped(target, applied, live, "")] if live else []


def without_dropped(target: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """An object without the fields its live object does not have, metadata apart; what server-side
    apply takes of one it does not know yet."""
    return {
        name: value if name in ("apiVersion", "kind", "metadata") else _common(value, live[name])
        for name, value in target.items()
        if name in live or name == "metadata"
    }


def _common(target: Any, live: Any) -> Any:
    if isinstance(target, Mapping) and isinstance(live, Mapping):
        return {name: _common(value, live[name]) for name, value in target.items() if name in live}
    if _are_lists(target, live) and len(target) == len(live):
        return [_common(*pair) for pair in zip(target, live, strict=True)]
    return target


def _dropped(target: Any, applied: Any, live: Any, path: str) -> Iterator[str]:
    if isinstance(target, Mapping) and isinstance(applied, Mapping) and isinstance(live, Mapping):
        for name, value in target.items():
            below = f"{path}.{name}" if _PLAIN.fullmatch(name) else f"{path}[{json.dumps(name)}]"
            if name in live:
                yield from _dropped(value, applied.get(name), live[name], below)
            elif name in applied and applied[name] == value:
                yield below
    elif _are_lists(target, applied, live) and len(target) == len(applied) == len(live):
        for index, values in enumerate(zip(target, applied, live, strict=True)):
            yield from _dropped(*values, f"{path}[{index}]")


def _are_lists(*values: Any) -> bool:
    return all(isinstance(value, list) for value in values)
