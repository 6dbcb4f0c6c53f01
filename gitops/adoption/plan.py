"""What becomes of one object when it is adopted?

Adoption changes metadata alone: who owns which field, our own marks, and the marks of former
managers. Where Git says another value, or no longer has a field, the next sync changes it; that is
told here, because to a preview the object is one to be created.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gitops.adoption.fields import (
    MISSING,
    LeftField,
    Tree,
    left_behind,
    present,
    tree_of,
    union,
    value_at,
)
from gitops.adoption.tracking import (
    TEMPORARY,
    argocd_names,
    former_entries,
    staying_entries,
    tracked_by,
    tracking_metadata,
)
from gitops.diff.comparing import HIDDEN, Difference, compare
from gitops.diff.owners import Owned, owned
from gitops.errors import HomeOpsError, OwnershipError
from gitops.ignoring import json_paths
from gitops.ignoring.json_paths import Path
from gitops.ignoring.partial import FIELD_MANAGER, STEERING
from gitops.objects.manifest import ResourceKey, annotations_of, labels_of
from gitops.objects.ownership import APPLICATION_LABEL, RETAIN, STACK, TRACKING_ID, owner

_OUR_ANNOTATIONS = (TRACKING_ID, STACK, RETAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """One object that is to become ours.

    Args:
        key: its identity.
        application: the Application it becomes part of, empty for a namespace of several.
        live: the object as it is.
        body: what a sync would apply.
        managers: the field managers that go.
        trackers: who manages it now, in words.
        argocd: what its metadata calls the ArgoCD Application it is of.
        changes: the fields to which a sync gives another value.
        losses: the fields a sync takes away: former managers applied them and Git has none.
        stripped: the labels and annotations that go at once.
        tree: what becomes ours of the fields.
        problem: why it cannot be adopted.
    """

    key: ResourceKey
    application: str
    live: Mapping[str, Any] = field(hash=False)
    body: Mapping[str, Any] = field(hash=False)
    managers: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()
    argocd: frozenset[str] = frozenset()
    changes: tuple[Difference, ...] = ()
    losses: tuple[Difference, ...] = ()
    stripped: tuple[Path, ...] = ()
    tree: Tree = field(default_factory=dict, hash=False)
    problem: HomeOpsError | None = None

    def refused(self, problem: HomeOpsError) -> Adoption:
        """The same object as one that cannot be adopted."""
        return replace(self, problem=problem)


def is_adopted(live: Mapping[str, Any], body: Mapping[str, Any], former: Sequence[Owned]) -> bool:
    """Whether there is nothing to do: our marks are there, and nothing of former managers."""
    marked = all(
        annotations_of(live).get(name) == value for name, value in _annotations(body).items()
    )
    labelled = labels_of(live).get(APPLICATION_LABEL) == labels_of(body).get(APPLICATION_LABEL)
    return marked and labelled and not former and not tracking_metadata(live, body, former)


def refusal(key: ResourceKey, live: Mapping[str, Any], *, stack: str) -> HomeOpsError | None:
    """Why an object may not be adopted, whoever manages it; None where it may."""
    other = annotations_of(live).get(STACK)
    if other not in (None, stack) and owner(live) is not None:
        return OwnershipError(
            str(key),
            f"belongs to the Application {owner(live)} of the stack {other}",
            remedy="remove it from one of the two stacks",
        )
    if (live.get("metadata") or {}).get("deletionTimestamp"):
        return OwnershipError(
            str(key), "is being deleted", remedy="wait until it has gone, then sync"
        )
    return None


def begun(
    key: ResourceKey,
    application: str,
    live: Mapping[str, Any],
    body: Mapping[str, Any],
    *,
    managers: Collection[str] = (),
) -> Adoption:
    """What can be told of an adoption without asking the API server.

    Args:
        key: the object.
        application: the Application it becomes part of.
        live: the object as it is, in the version of the body.
        body: what a sync would apply.
        managers: further names that count as former managers.
    """
    former = former_entries(live, managers)
    return Adoption(
        key=key,
        application=application,
        live=live,
        body=body,
        managers=tuple(dict.fromkeys(each.manager for each in former)),
        trackers=tuple(tracked_by(live, former)),
        argocd=argocd_names(live, former),
        stripped=tuple(tracking_metadata(live, body, former)),
    )


def applied(adoption: Adoption, result: Mapping[str, Any]) -> Adoption:
    """The same with what an apply would change, which the API server has said (a dry run)."""
    ours = next((e.tree for e in owned(result) if e.applied_by(FIELD_MANAGER)), {})
    already = [
        each.tree
        for each in owned(adoption.live)
        if each.applied_by(FIELD_MANAGER) and each.api_version == adoption.live["apiVersion"]
    ]
    return replace(
        adoption,
        changes=tuple(compare(_unmarked(result), _unmarked(adoption.live))),
        tree=union(ours, *already),
    )


def candidates(adoption: Adoption, *, ignored: Iterable[str] = ()) -> list[LeftField]:
    """The fields a sync might take away, once their owners are gone; the API server fills in those
    that are defaults.

    Args:
        adoption: the object, with what would be ours of it.
        ignored: JSON pointers to ignored fields.
    """
    live = adoption.live
    former = former_entries(live, adoption.managers)
    spared = (
        *ignored,
        *(json_paths.pointer(path) for path in adoption.stripped),
    )
    return left_behind(
        live,
        ours=adoption.tree,
        former=former,
        staying=staying_entries(live, former),
        spared=spared,
    )


def with_losses(
    adoption: Adoption, left: Sequence[LeftField], without: Mapping[str, Any]
) -> Adoption:
    """The same with the fields that a sync takes away.

    Args:
        adoption: the object.
        left: what might go.
        without: what the API server says the object is without them.
    """
    lost = [
        each
        for each in left
        if value_at(without, each.names) != value_at(adoption.live, each.names)
    ]
    secret = (adoption.key.group, adoption.key.kind) == ("", "Secret")

    def shown(each: LeftField, body: Mapping[str, Any]) -> Any:
        value = value_at(body, each.names)
        hidden = secret and each.place.is_in("data")
        return None if value is MISSING else HIDDEN if hidden else value

    return replace(
        adoption,
        losses=tuple(
            Difference(
                path=each.place.name,
                target=shown(each, without),
                live=shown(each, adoption.live),
            )
            for each in lost
        ),
        tree=union(adoption.tree, tree_of(lost)),
    )


def marked(adoption: Adoption) -> dict[str, Any]:
    """The live object with our marks, and without those of its former managers; its fields as they
    are."""
    result = copy.deepcopy(dict(adoption.live))
    metadata = result["metadata"]
    json_paths.delete(result, adoption.stripped)
    label = labels_of(adoption.body).get(APPLICATION_LABEL)
    if label:
        metadata["labels"] = {**(metadata.get("labels") or {}), APPLICATION_LABEL: label}
    annotations = _annotations(adoption.body)
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    return result


def managed_fields(adoption: Adoption, live: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who owns what afterwards: we what was applied, former managers nothing, others as before.

    Args:
        adoption: the object.
        live: the object as it is now, with our marks.
    """
    gone = {*adoption.managers, TEMPORARY}
    entries = (live.get("metadata") or {}).get("managedFields") or ()

    def stays(entry: Mapping[str, Any]) -> bool:
        if entry.get("subresource"):
            return True
        if (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Apply"):
            return False
        return entry.get("manager") not in gone

    ours = {
        "manager": FIELD_MANAGER,
        "operation": "Apply",
        "apiVersion": live["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": present(adoption.tree, live),
    }
    times = [str(each.get("time")) for each in entries if each.get("time")]
    if times:
        ours["time"] = max(times)
    return [ours, *(dict(each) for each in entries if stays(each))]


def lost_fields(before: Any, after: Any, path: Path = ()) -> list[Path]:
    """The fields of an object that another state of it does not have, values aside."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            each
            for name, value in before.items()
            for each in (
                lost_fields(value, after[name], (*path, name)) if name in after else [(*path, name)]
            )
        ]
    if isinstance(before, list) and isinstance(after, list) and len(after) < len(before):
        return [path]
    return []


def _annotations(body: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value
        for name, value in annotations_of(body).items()
        if name in _OUR_ANNOTATIONS or name.startswith(STEERING)
    }


def _unmarked(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object without our marks, which everything that is adopted gets."""
    metadata = dict(body["metadata"])
    for name, ours in (("labels", (APPLICATION_LABEL,)), ("annotations", _OUR_ANNOTATIONS)):
        kept = {n: v for n, v in (metadata.get(name) or {}).items() if n not in ours}
        metadata[name] = kept
    return {**body, "metadata": metadata}
