"""A client for the tests of the control plane: what a user of its kubeconfig sees."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from toolchain.controlplane.api import Api
from toolchain.controlplane.errors import ApiError

T = TypeVar("T")

PATHS = {
    "Namespace": "/api/v1/namespaces",
    "PersistentVolume": "/api/v1/persistentvolumes",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    "Pod": "/api/v1/namespaces/{}/pods",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Service": "/api/v1/namespaces/{}/services",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
}
VERSIONS = {
    "StorageClass": "storage.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Ingress": "networking.k8s.io/v1",
}


class Client:
    """Creates, gets and deletes objects with the kubeconfig a user gets."""

    def __init__(self, kubeconfig: Path) -> None:
        value = json.loads(kubeconfig.read_text())
        cluster = value["clusters"][0]["cluster"]
        self.api = Api(
            port=int(cluster["server"].rpartition(":")[2]),
            token=value["users"][0]["user"]["token"],
            authority=base64.b64decode(cluster["certificate-authority-data"]).decode(),
        )

    def close(self) -> None:
        self.api.close()

    def create(self, kind: str, name: str, namespace: str = "", /, **fields: Any) -> dict[str, Any]:
        metadata = {"name": name, **fields.pop("metadata", {})}
        version = VERSIONS.get(kind, "v1")
        body = {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}
        return self.api.request("POST", PATHS[kind].format(namespace), body)

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
        return self.api.request("GET", f"{PATHS[kind].format(namespace)}/{name}")

    def list(self, kind: str, namespace: str = "") -> list[dict[str, Any]]:
        return list(self.api.request("GET", PATHS[kind].format(namespace))["items"])

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        self.api.request("DELETE", f"{PATHS[kind].format(namespace)}/{name}")

    def exists(self, kind: str, name: str, namespace: str = "") -> bool:
        try:
            self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def pods_in_phase(self, namespace: str, phase: str) -> int:
        return sum(1 for pod in self.list("Pod", namespace) if pod["status"]["phase"] == phase)

    @contextmanager
    def namespace(self, name: str) -> Iterator[str]:
        """A new namespace, deleted at the end without waiting."""
        self.create("Namespace", name)
        # A pod is refused until its service account is there.
        path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        until(lambda: not_missing(lambda: self.api.request("GET", path)), "a service account")
        yield name
        self.delete("Namespace", name)


def not_missing(get: Callable[[], T]) -> T | None:
    try:
        return get()
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def until(probe: Callable[[], T], what: str, *, seconds: float = 30.0) -> T:
    """Wait until a probe answers with something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.05)
    return value


def pod_template(
    *, claim: str = "", restart: str = "Always", annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "image": "registry.example/app:1.0.0"}
    spec: dict[str, Any] = {"restartPolicy": restart, "containers": [container]}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    return {"metadata": {"labels": {"app": "x"}, "annotations": annotations or {}}, "spec": spec}


def deployment(replicas: int, template: dict[str, Any]) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "x"}}
    return {"replicas": replicas, "selector": selector, "template": template}


def claim(storage_class: str | None, **more: Any) -> dict[str, Any]:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        **more,
    }
    return spec if storage_class is None else {**spec, "storageClassName": storage_class}


def volume(storage_class: str) -> dict[str, Any]:
    return {
        "storageClassName": storage_class,
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce"],
        "nfs": {"server": "nas.example", "path": "/export"},
    }
