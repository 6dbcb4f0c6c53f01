"""Which namespaces does CreateNamespace make, and with what metadata?

Called by the Pulumi program after composition (ArgoCD, "Create Namespace" and
"managedNamespaceMetadata"). A namespace belongs to the set of the first Application that wants it
and is never deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.application import ApplicationSpec
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
    found: dict[str, CreatedNamespace] = {}
    for spec in sorted(specs, key=lambda spec: spec.name):
        name = spec.destination.namespace
        wanted = spec.sync_policy.option("CreateNamespace")
        if wanted and name not in rendered and name not in UNDELETABLE_NAMESPACES:
            found.setdefault(name, _namespace(spec))
    return list(found.values())


def _namespace(spec: ApplicationSpec) -> CreatedNamespace:
    managed = spec.sync_policy.managed_namespace_metadata
    metadata: dict[str, Any] = {"name": spec.destination.namespace}
    if managed.labels:
        metadata["labels"] = dict(managed.labels)
    if managed.annotations:
        metadata["annotations"] = dict(managed.annotations)
    return CreatedNamespace(
        name=spec.destination.namespace,
        application_set=spec.application_set,
        body={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
    )
