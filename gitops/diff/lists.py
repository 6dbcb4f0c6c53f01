"""Which item of a live list is meant by an item of the target's?

Called for each list that is compared. Server-side apply merges some lists by the keys of their
items or as sets, and replaces the others whole (Kubernetes, "Server-Side Apply", "Merge
strategy"). How, the live object itself says in its ``managedFields``; without them, the lists of
Kubernetes' own kinds are known by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.diff.values import identical
from gitops.ignoring.managed_fields import item_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """How a list is merged: by ``keys`` of its items, as a ``whole`` or else as a set."""

    keys: tuple[str, ...] = ()
    whole: bool = False


WHOLE = Merge(whole=True)
SET = Merge()
_NAME = Merge(keys=("name",))
_PORT = Merge(keys=("port", "protocol"))
_DEFAULTS = {"protocol": "TCP"}

# Kubernetes API reference, "listType=map" and "listType=set"; the field a list is in, where lists
# of one name are merged in several ways.
_MERGES: Mapping[str | tuple[str, str], Merge] = {
    **dict.fromkeys(
        (
            *("containers", "initContainers", "ephemeralContainers", "volumes", "env"),
            *("resourceClaims", "schedulingGates", "webhooks", "matchConditions", "variables"),
            "secrets",
        ),
        _NAME,
    ),
    ("spec", "imagePullSecrets"): _NAME,
    ("containers", "ports"): Merge(keys=("containerPort", "protocol")),
    ("initContainers", "ports"): Merge(keys=("containerPort", "protocol")),
    ("spec", "ports"): _PORT,
    "volumeMounts": Merge(keys=("mountPath",)),
    "volumeDevices": Merge(keys=("devicePath",)),
    "hostAliases": Merge(keys=("ip",)),
    "topologySpreadConstraints": Merge(keys=("topologyKey", "whenUnsatisfiable")),
    "conditions": Merge(keys=("type",)),
    ("metadata", "ownerReferences"): Merge(keys=("uid",)),
    ("metadata", "finalizers"): SET,
}


def merge_of(
    trees: Iterable[Mapping[str, Any]], *, field: str, within: str, built_in: bool
) -> Merge:
    """How a list is merged.

    Args:
        trees: what the managers of the live object own of it.
        field: the list's name.
        within: the name of the field it is in.
        built_in: the kind is one of Kubernetes' own.
    """
    for tree in trees:
        for name in tree:
            if name.startswith("k:"):
                return Merge(keys=tuple(item_keys(name)))
            if name.startswith("v:"):
                return SET
    if built_in or within == "metadata":
        return _MERGES.get((within, field)) or _MERGES.get(field) or WHOLE
    return WHOLE


def pairs(
    target: Sequence[Any], live: Sequence[Any], merge: Merge
) -> list[tuple[int, int | None]] | None:
    """Each index of the target's list with that of the live list, None where there is none.

    Returns:
        None where the lists cannot be merged: they are as long as one another or not the same.
    """
    if merge.whole or (merge.keys and not all(_has_key(item, merge.keys) for item in target)):
        return None
    unused = dict.fromkeys(range(len(live)))
    found: list[tuple[int, int | None]] = []
    for index, item in enumerate(target):
        match = next((each for each in unused if _is_same(item, live[each], merge.keys)), None)
        if match is not None:
            del unused[match]
        found.append((index, match))
    return found


def label(item: Any, index: int, merge: Merge) -> str:
    """What an item is called in a path."""
    if merge.keys and isinstance(item, dict):
        given = (f"{key}={item[key]}" for key in merge.keys if key in item)
        return f"[{','.join(given)}]"
    return f"[{index}]"


def _has_key(item: Any, keys: Sequence[str]) -> bool:
    return isinstance(item, dict) and any(key in item for key in keys)


def _is_same(item: Any, live: Any, keys: Sequence[str]) -> bool:
    if not keys:
        return identical(item, live)
    return isinstance(live, dict) and all(
        identical(item.get(key, _DEFAULTS.get(key)), live.get(key, _DEFAULTS.get(key)))
        for key in keys
    )
