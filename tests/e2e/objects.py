"""Objects for the trees of the tests, each as small as its kind allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.e2e.live import Body

SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
HELM_KEEP = {"helm.sh/resource-policy": "keep"}


def thing(
    api_version: str,
    kind: str,
    name: str,
    *,
    namespace: str = "",
    annotations: Mapping[str, str] | None = None,
    **fields: Any,
) -> Body:
    """Any object."""
    metadata: Body = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def options(*values: str) -> dict[str, str]:
    """The annotation with an object's own sync options."""
    return {SYNC_OPTIONS: ",".join(values)}


def config_map(name: str, data: str = "1", **more: Any) -> Body:
    """A ConfigMap with one key."""
    return thing("v1", "ConfigMap", name, data={"value": data}, **more)


def keyed(name: str, annotations: Mapping[str, str] | None = None, **data: str) -> Body:
    """A ConfigMap with several keys."""
    return {**config_map(name, annotations=annotations), "data": data}


def config_maps(count: int, prefix: str = "item") -> list[Body]:
    """Many ConfigMaps."""
    return [config_map(f"{prefix}-{number:04}") for number in range(count)]


def definition(group: str, kind: str, *, scope: str = "Namespaced", **more: Any) -> Body:
    """A CustomResourceDefinition that takes any ``spec``."""
    plural = f"{kind.lower()}s"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return thing(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        f"{plural}.{group}",
        spec={
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
        **more,
    )


def claim(name: str, size: str = "1Gi", *, storage_class: str = "fast", **more: Any) -> Body:
    """A PersistentVolumeClaim."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }
    return thing("v1", "PersistentVolumeClaim", name, spec=spec, **more)


def _pods(name: str, image: str) -> Body:
    container = {
        "name": "main",
        "image": image,
        "resources": {"requests": {"cpu": "0.1", "memory": "1024Mi"}},
    }
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}


def deployment(name: str, *, image: str = "registry.example/app:1", app: str = "") -> Body:
    """A Deployment without pods."""
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": {"app": app or name}},
        "template": _pods(app or name, image),
    }
    return thing("apps/v1", "Deployment", name, spec=spec)


def stateful_set(name: str, *, service: str, **more: Any) -> Body:
    """A StatefulSet without pods."""
    spec = {
        "replicas": 0,
        "serviceName": service,
        "selector": {"matchLabels": {"app": name}},
        "template": _pods(name, "registry.example/app:1"),
    }
    return thing("apps/v1", "StatefulSet", name, spec=spec, **more)


def service(name: str, *, port: int = 80) -> Body:
    """A Service."""
    ports = [{"name": "http", "port": port, "protocol": "TCP"}]
    return thing("v1", "Service", name, spec={"selector": {"app": name}, "ports": ports})


def autoscaler(name: str, *, version: str) -> Body:
    """A HorizontalPodAutoscaler, as ``autoscaling/v1`` or ``autoscaling/v2`` writes it."""
    spec: Body = {
        "minReplicas": 1,
        "maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
    }
    if version == "v1":
        spec["targetCPUUtilizationPercentage"] = 70
    else:
        target = {"type": "Utilization", "averageUtilization": 70}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return thing(f"autoscaling/{version}", "HorizontalPodAutoscaler", name, spec=spec)


def role(name: str, *resources: str) -> Body:
    """A Role that may read some resources of the core group."""
    rules = [{"apiGroups": [""], "resources": list(resources), "verbs": ["get"]}]
    return thing("rbac.authorization.k8s.io/v1", "Role", name, rules=rules)
