"""Which fields of a live object change their owner when it is adopted?

What a sync of ours would apply becomes ours, and so does what its former managers applied and Git
does not have (a sync then takes it away, as theirs would have). Fields nobody else owns that are
defaults, and those of controllers and of people, are nobody's business. The trees are FieldsV1
(``gitops.ignoring.managed_fields``); kubectl migrates its own objects to server-side apply in the
same way (Kubernetes, "Migration between client-side and server-side apply").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops.diff.owners import Owned, at
from gitops.diff.places import ROOT, Place
from gitops.diff.values import is_empty
from gitops.ignoring.json_paths import Path, pointer
from gitops.ignoring.managed_fields import ITSELF, item_keys, step_of

Tree = Mapping[str, Any]
MISSING: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftField:
    """A field of a live object that former managers applied and Git does not have.

    ``names`` lead to it in FieldsV1, ``place`` in the object; ``tree`` is what of it was owned.
    """

    place: Place
    names: tuple[str, ...]
    tree: Tree = field(hash=False)

    @property
    def path(self) -> Path:
        """Where in the live object it is."""
        return self.place.steps


def left_behind(
    live: Mapping[str, Any],
    *,
    ours: Tree,
    former: Sequence[Owned],
    staying: Sequence[Owned],
    spared: Collection[str] = (),
) -> list[LeftField]:
    """The fields that would belong to nobody once the former managers are gone.

    Args:
        live: the object.
        ours: what a sync would own of it.
        former: what its former managers own; what they own in another version is passed over.
        staying: what everybody else owns.
        spared: JSON pointers to what is not looked at: ignored fields, and metadata that goes.
    """
    version = live.get("apiVersion")
    found: dict[tuple[str, ...], LeftField] = {}
    for entry in former:
        if entry.api_version == version:
            for each in _left(entry.tree, ours, live, ROOT, ()):
                found.setdefault(each.names, each)
    return [
        each
        for each in found.values()
        if not _is_spared(pointer(each.path), spared)
        and not is_empty(value_at(live, each.names))
        and next(at(each.path, live, staying), None) is None
    ]


def value_at(body: Any, names: Sequence[str]) -> Any:
    """The value FieldsV1 names lead to in an object, ``MISSING`` where they lead nowhere."""
    for name in names:
        step = step_of(name, body)
        if step is None:
            return MISSING
        body = body[step]
    return body


def present(tree: Tree, live: Any) -> dict[str, Any]:
    """A tree without the fields that an object does not have."""
    result: dict[str, Any] = {}
    for name, inner in tree.items():
        if name == ITSELF:
            result[name] = inner
            continue
        step = step_of(name, live)
        if step is not None:
            result[name] = present(inner, live[step]) if isinstance(inner, Mapping) else inner
    return result


def union(*trees: Tree) -> dict[str, Any]:
    """What any of several trees owns."""
    result: dict[str, Any] = {}
    for tree in trees:
        for name, inner in tree.items():
            result[name] = union(result.get(name, {}), inner)
    return result


def tree_of(fields: Sequence[LeftField]) -> dict[str, Any]:
    """Fields as one tree."""
    result: dict[str, Any] = {}
    for each in fields:
        tree: Tree = each.tree
        for name in reversed(each.names):
            tree = {name: tree}
        result = union(result, tree)
    return result


def _left(
    tree: Tree, ours: Tree, live: Any, place: Place, names: tuple[str, ...]
) -> Iterator[LeftField]:
    for name, inner in tree.items():
        step = step_of(name, live)
        if step is None or not isinstance(inner, Mapping):
            continue  # also ITSELF
        found = (
            place.inner(step) if isinstance(step, str) else place.item(step, _called(name, step))
        )
        own = ours.get(name)
        deeper = inner.keys() - {ITSELF}
        if own is not None and not own:
            continue  # it is ours as a whole
        if deeper and (own is not None or name.startswith("f:")):
            yield from _left(inner, own or {}, live[step], found, (*names, name))
        elif own is None:
            # of a list, an item goes or stays as a whole
            yield LeftField(place=found, names=(*names, name), tree=inner)


def _called(name: str, index: int) -> str:
    keys = item_keys(name)
    return (
        f"[{','.join(f'{key}={value}' for key, value in keys.items())}]" if keys else f"[{index}]"
    )


def _is_spared(path: str, spared: Collection[str]) -> bool:
    return any(
        path == each or path.startswith(f"{each}/") or each.startswith(f"{path}/")
        for each in spared
    )
