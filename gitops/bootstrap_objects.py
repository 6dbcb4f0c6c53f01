"""Which objects does the bootstrap put into a cluster?

Declared by the Bootstrap component; no Application may claim one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.config import BootstrapSettings
from gitops.manifest import Manifest, ResourceKey

ACCOUNT = "reconciler"


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
