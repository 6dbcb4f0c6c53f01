"""What does a stack's reconciler remember besides its Applications?

A ConfigMap in the bootstrap's namespace: which program and config were applied last, and when
everything was last run through. Called by the pass. Losing it costs one full run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cluster.connection import Connection, StatusError
from cluster.lease_object import lease_name
from gitops.objects.manifest import ResourceKey

_NOT_FOUND = 404
_FIELD_MANAGER = "home-ops-reconciler"


def memory_key(*, namespace: str, stack: str) -> ResourceKey:
    """Which object it is kept in."""
    return ResourceKey(group="", kind="ConfigMap", namespace=namespace, name=lease_name(stack))


def read_memory(connection: Connection, *, namespace: str, stack: str) -> dict[str, str]:
    """What was remembered; nothing where the ConfigMap is not there.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    try:
        found = connection.get(_path(namespace, stack))
    except StatusError as error:
        if error.code == _NOT_FOUND:
            return {}
        raise
    return {str(name): str(value) for name, value in (found.get("data") or {}).items()}


def write_memory(
    connection: Connection, values: Mapping[str, str], *, namespace: str, stack: str
) -> None:
    """Remember exactly these values.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    metadata = {"name": lease_name(stack), "namespace": namespace}
    _apply(
        connection,
        _path(namespace, stack),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(values)},
    )


def ensure_namespace(connection: Connection, namespace: str) -> None:
    """Make the namespace where it is missing; its labels are the bootstrap's to set.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    path = f"/api/v1/namespaces/{namespace}"
    try:
        connection.get(path)
    except StatusError as error:
        if error.code != _NOT_FOUND:
            raise
        metadata = {"name": namespace}
        _apply(connection, path, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def _apply(connection: Connection, path: str, body: Mapping[str, object]) -> None:
    connection.patch(
        path,
        json.dumps(body).encode(),
        content_type="application/apply-patch+yaml",
        params={"fieldManager": _FIELD_MANAGER, "force": "true"},
    )


def _path(namespace: str, stack: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{lease_name(stack)}"
