"""Which namespaces does CreateNamespace make, and with what metadata?

Called by the Pulumi program after composition (ArgoCD, "Create Namespace" and
"managedNamespaceMetadata"). A namespace belongs to the set of the first Application that wants it
and is never deleted; of several Applications all labels and annotations count, and where they
differ those of the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.application import ApplicationSpec
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.ignoring.partial import STEERING
from gitops.objects.manifest import ResourceKey, annotations_of, labels_of
from gitops.prune import UNDELETABLE_NAMESPACES


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedNamespace:
    """A namespace to make and the ApplicationSet it is declared under."""

    name: str
    application_set: str
    body: Mapping[str, Any]


def created_namespaces(
    specs: Iterable[ApplicationSpec], *, rendered: Collection[str]
) -> list[CreatedNamespace]:
    """The namespaces of Applications with CreateNamespace=true.

    Args:
        specs: every Application in Git, broken ones too.
        rendered: namespaces that some Application renders itself; those are left to it.
    """
    found: dict[str, list[ApplicationSpec]] = {}
    for spec in sorted(specs, key=lambda spec: spec.name):
        name = spec.destination.namespace
        wanted = spec.sync_policy.option("CreateNamespace")
        if wanted and name not in rendered and name not in UNDELETABLE_NAMESPACES:
            found.setdefault(name, []).append(spec)
    return [_namespace(name, wanting) for name, wanting in found.items()]


def as_they_were(
    made: Sequence[CreatedNamespace], standing: Mapping[str, str], inventory: Inventory
) -> list[CreatedNamespace]:
    """The namespaces, as they were where the settings of an Application cannot be read: nobody
    knows what it wants of its namespace.

    Args:
        made: what ``created_namespaces`` found.
        standing: the namespaces such Applications have, each with the set of one.
        inventory: the last deployment; what it does not have from us is left to whom it belongs.
    """
    found = {each.name: each for each in made}
    for name, application_set in sorted(standing.items()):
        key = ResourceKey(group="", kind="Namespace", namespace="", name=name)
        last = inventory.objects.get(key)
        if last is None or last.application:
            continue
        if name in found:
            application_set = found[name].application_set
        metadata = {"name": name}
        found[name] = CreatedNamespace(
            name=name,
            application_set=application_set,
            body={
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {**metadata, **_last_metadata(last)},
            },
        )
    return list(found.values())


def _last_metadata(last: InventoryObject) -> dict[str, Any]:
    annotations = {
        name: value
        for name, value in annotations_of(last.body).items()
        if not name.startswith(STEERING)
    }
    several = {"labels": dict(labels_of(last.body)), "annotations": annotations}
    return {name: values for name, values in several.items() if values}


def _namespace(name: str, wanting: Sequence[ApplicationSpec]) -> CreatedNamespace:
    managed = [each.sync_policy.managed_namespace_metadata for each in wanting]
    metadata: dict[str, Any] = {"name": name}
    if labels := _joined(each.labels for each in managed):
        metadata["labels"] = labels
    if annotations := _joined(each.annotations for each in managed):
        metadata["annotations"] = annotations
    return CreatedNamespace(
        name=name,
        application_set=wanting[0].application_set,
        body={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
    )


def _joined(several: Iterable[Mapping[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in several:
        found = {**each, **found}
    return found
