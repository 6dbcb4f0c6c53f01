"""What must a cluster have before Applications are synced?

Made first by the program: the namespace of this program's own objects, the projects that limit
Applications, and the account a reconciler in the cluster runs as.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.resources import Options, declare, declare_kept
from gitops.config import BootstrapSettings
from gitops.inventory import Inventory, InventoryObject
from gitops.manifest import Manifest, ResourceKey
from gitops.projects import AppProject

BOOTSTRAP_TYPE = "home-ops:index:Bootstrap"
APP_PROJECT_TYPE = "home-ops:index:AppProject"
ACCOUNT = "reconciler"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapArgs:
    """The bootstrap's settings, the projects, the last deployment, and what of it stays without
    belonging to any Application."""

    settings: BootstrapSettings
    projects: Sequence[AppProject]
    inventory: Inventory
    kept: Sequence[InventoryObject] = ()


class Bootstrap(pulumi.ComponentResource):
    """The base every Application stands on."""

    def __init__(
        self, name: str, args: BootstrapArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(BOOTSTRAP_TYPE, name, {}, opts)
        for project in args.projects:
            AppProjectRecord(project.name, project, pulumi.ResourceOptions(parent=self))
        namespace: list[pulumi.Resource] = []
        for body in bootstrap_objects(args.settings):
            manifest = Manifest.from_body(body)
            is_namespace = manifest.key.kind == "Namespace"
            options = Options(parent=self, depends_on=tuple(namespace), retain=is_namespace)
            resource = declare(body, manifest.key, options, inventory=args.inventory)
            if is_namespace:
                namespace.append(resource)
        for found in args.kept:
            declare_kept(found, Options(parent=self, retain=True))
        self.register_outputs({"namespace": args.settings.namespace})


class AppProjectRecord(pulumi.ComponentResource):
    """An AppProject, in the state so that a change of its limits shows in a preview."""

    def __init__(
        self, name: str, project: AppProject, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(APP_PROJECT_TYPE, name, dataclasses.asdict(project), opts)
        self.register_outputs({})


def bootstrap_keys(settings: BootstrapSettings) -> frozenset[ResourceKey]:
    """The identities of the bootstrap's objects; no Application may claim one."""
    return frozenset(Manifest.from_body(body).key for body in bootstrap_objects(settings))


def bootstrap_objects(settings: BootstrapSettings) -> list[dict[str, Any]]:
    """The bootstrap's objects: namespace, ServiceAccount and its rights."""
    labels = {"app.kubernetes.io/name": "home-ops", "app.kubernetes.io/managed-by": "home-ops"}
    namespace = settings.namespace
    role = f"{namespace}-{ACCOUNT}"
    return [
        _object(
            "v1",
            "Namespace",
            namespace,
            labels={**labels, **settings.labels},
            annotations=settings.annotations,
        ),
        _object("v1", "ServiceAccount", ACCOUNT, labels=labels, namespace=namespace),
        _object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            role,
            labels=labels,
            # What is applied is whatever Git holds, so like ArgoCD's controller it may do anything.
            rules=[
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["get"]},
            ],
        ),
        _object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            role,
            labels=labels,
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            subjects=[{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
        ),
    ]


def _object(
    api_version: str,
    kind: str,
    name: str,
    *,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    namespace: str = "",
    **fields: Any,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": dict(labels)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
