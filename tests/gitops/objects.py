"""Objects, Applications and last deployments for the tests of what follows rendering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.application import (
    ApplicationSpec,
    Automated,
    Destination,
    ManagedNamespaceMetadata,
    Source,
    SyncPolicy,
)
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.objects.manifest import Manifest, ResourceKey

HOOK = "argocd.argoproj.io/hook"
SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
SYNC_WAVE = "argocd.argoproj.io/sync-wave"
HELM_HOOK = "helm.sh/hook"
HELM_POLICY = "helm.sh/resource-policy"


def an_object(
    api_version: str,
    kind: str,
    name: str,
    *,
    namespace: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """An object as YAML would give it; ``fields`` stand beside its metadata."""
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels is not None:
        metadata["labels"] = dict(labels)
    if annotations is not None:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def config_map(name: str = "settings", **more: Any) -> dict[str, Any]:
    """The smallest object that lives in a namespace."""
    return an_object("v1", "ConfigMap", name, **more)


def definition(
    kind: str = "Widget",
    *,
    group: str = "example.com",
    scope: str = "Namespaced",
    versions: tuple[str, ...] = ("v1",),
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A CustomResourceDefinition an API server accepts."""
    plural = f"{kind.lower()}s"
    return an_object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        f"{plural}.{group}",
        annotations=annotations,
        spec={
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[-1],
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
                for version in versions
            ],
        },
    )


def application(
    name: str = "local-media-jellyfin",
    *,
    namespace: str = "media",
    application_set: str = "media",
    allow_empty: bool = False,
    sync_options: Mapping[str, str] | None = None,
    namespace_labels: Mapping[str, str] | None = None,
    namespace_annotations: Mapping[str, str] | None = None,
) -> ApplicationSpec:
    """An Application whose directory is named like itself."""
    return ApplicationSpec(
        name=name,
        category="media",
        application_set=application_set,
        project="default",
        source=Source(path=f"apps/media/{name}"),
        destination=Destination(namespace=namespace),
        sync_policy=SyncPolicy(
            automated=Automated(prune=True, allow_empty=allow_empty),
            sync_options=sync_options or {},
            managed_namespace_metadata=ManagedNamespaceMetadata(
                labels=namespace_labels or {}, annotations=namespace_annotations or {}
            ),
        ),
    )


def deployed(
    body: Mapping[str, Any],
    *,
    application: str = "local-media-jellyfin",
    application_set: str = "media",
    retained: bool = False,
    retained_with_application: bool = False,
) -> InventoryObject:
    """An object of the last deployment."""
    key = key_of(body)
    return InventoryObject(
        key=key,
        urn=f"urn:pulumi:local::home-ops::{key.kind}::{key.logical_name}",
        body=body,
        application=application,
        application_set=application_set,
        retained=retained,
        retained_with_application=retained_with_application,
    )


def inventory(*objects: InventoryObject) -> Inventory:
    """A last deployment that holds exactly these objects."""
    return Inventory(
        objects={each.key: each for each in objects},
        urns={each.key: (each.urn,) for each in objects},
    )


def key_of(body: Mapping[str, Any]) -> ResourceKey:
    """The identity of an object."""
    return Manifest.from_body(dict(body)).key
