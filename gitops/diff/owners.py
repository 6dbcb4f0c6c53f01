"""Who owns a field of a live object, and what do we own that Git no longer has?

Called by the comparison. It follows ``metadata.managedFields``, the format of which is told in
``gitops.ignoring.managed_fields``, and takes whatever stands there that is no such thing for
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.diff.places import Place, Step
from gitops.diff.values import is_empty
from gitops.ignoring.managed_fields import ITSELF, item_keys, step_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What one manager owns, as a tree of FieldsV1."""

    manager: str
    operation: str
    api_version: str
    time: str
    tree: Mapping[str, Any]
    subresource: str = ""

    def applied_by(self, manager: str) -> bool:
        """Whether it is what a manager applied of the object itself."""
        return (self.manager, self.operation, self.subresource) == (manager, "Apply", "")


def owned(live: Mapping[str, Any]) -> list[Owned]:
    """What each manager owns of an object, the latest last."""
    metadata = live.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, dict) else None
    found = [
        Owned(
            manager=str(entry.get("manager", "")),
            operation=str(entry.get("operation", "")),
            api_version=str(entry.get("apiVersion", "")),
            time=str(entry.get("time", "")),
            tree=entry["fieldsV1"],
            subresource=str(entry.get("subresource") or ""),
        )
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("fieldsV1"), dict)
    ]
    return sorted(found, key=lambda each: each.time)


def owner_of(
    path: Sequence[Step], live: Mapping[str, Any], entries: Sequence[Owned], *, ours: str
) -> str:
    """The manager that wrote a field last, empty where nobody is known to have; of several, not
    ``ours``, because what we wrote would be the same."""
    found = [each.manager for each in entries if _reaches(each.tree, path, live)]
    others = [manager for manager in found if manager != ours]
    return (others or found or [""])[-1]


def at(path: Sequence[Step], live: Any, entries: Sequence[Owned]) -> Iterator[Mapping[str, Any]]:
    """What the managers own of the value at a path."""
    for entry in entries:
        found = _descend(entry.tree, path, live)
        if found is not None:
            yield found


def left_over(
    tree: Mapping[str, Any], target: Any, live: Any, place: Place
) -> Iterator[tuple[Place, Any]]:
    """The fields of a live object that a tree names and the target does not have."""
    for name, inner in tree.items():
        other = step_of(name, target)
        if other is not None and not inner:
            continue  # most fields are like that
        step = step_of(name, live)
        if step is None:
            continue
        found = (
            place.inner(step) if isinstance(step, str) else place.item(step, _called(name, step))
        )
        if other is None:
            if not is_empty(live[step]):
                yield found, live[step]
        elif isinstance(inner, dict) and inner.keys() - {ITSELF}:
            yield from left_over(inner, target[other], live[step], found)


def _called(name: str, index: int) -> str:
    keys = item_keys(name)
    return (
        f"[{','.join(f'{key}={value}' for key, value in keys.items())}]" if keys else f"[{index}]"
    )


def _reaches(tree: Mapping[str, Any], path: Sequence[Step], live: Any) -> bool:
    return _descend(tree, path, live) is not None


def _descend(tree: Mapping[str, Any], path: Sequence[Step], live: Any) -> Mapping[str, Any] | None:
    for step in path:
        if not tree:
            return tree  # owned as a whole
        inner = next((tree[name] for name in tree if step_of(name, live) == step), None)
        if not isinstance(inner, dict):
            return None
        tree, live = inner, live[step]
    return tree
