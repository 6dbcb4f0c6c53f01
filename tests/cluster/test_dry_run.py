"""The API server says whether an apply would change anything; nothing is written for that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.connection import Connection
from cluster.discovery import ApiResource, ClusterFacts, facts
from cluster.dry_run import APPLY, Suspect, innocent
from cluster.objects import get
from cluster.stack_memory import ensure_namespace, read_memory, write_memory
from gitops.objects.manifest import ResourceKey

MANAGER = "home-ops"


def service(namespace: str) -> dict[str, Any]:
    """An object with defaults that no controller writes to."""
    ports = [{"name": "http", "port": 80}]
    spec = {"selector": {"app": "web"}, "sessionAffinity": "ClientIP", "ports": ports}
    metadata = {"name": "web", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


@pytest.fixture
def served(connection: Connection) -> ClusterFacts:
    return facts(connection)


def apply(connection: Connection, resource: ApiResource, body: dict[str, Any]) -> None:
    metadata = body["metadata"]
    connection.patch(
        resource.path(namespace=metadata["namespace"], name=metadata["name"]),
        json.dumps(body).encode(),
        content_type=APPLY,
        params={"fieldManager": MANAGER, "force": "true"},
    )


def test_what_an_apply_would_change(
    connection: Connection, namespace: str, served: ClusterFacts
) -> None:
    """What the API server would store as it is, is innocent, however it is written; a field that
    would change, appear or go is not. The object itself is not touched."""
    resource = served.find("", "Service")
    assert resource is not None
    key = ResourceKey(group="", kind="Service", namespace=namespace, name="web")
    body = service(namespace)
    steering = {"pulumi.com/patchForce": "true"}
    annotated = {**body, "metadata": {**body["metadata"], "annotations": steering}}
    apply(connection, resource, annotated)
    live = get(connection, resource, key)
    assert live is not None

    def asked(**spec: Any) -> bool:
        target = {**body, "spec": {n: v for n, v in {**body["spec"], **spec}.items() if v}}
        suspect = Suspect(key=key, resource=resource, body=target, live=live)
        return innocent(connection, [suspect], manager=MANAGER) == {key}

    assert asked()
    assert asked(ports=[{"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}])
    assert not asked(selector={"app": "other"})
    assert not asked(externalIPs=["192.0.2.1"])
    assert not asked(sessionAffinity=None)  # ours to take away: the default is another
    assert not asked(ports=[{"name": "http", "port": 99999}])
    after = get(connection, resource, key)
    assert after is not None
    assert after["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
    assert innocent(connection, [], manager=MANAGER) == frozenset()


def test_what_a_stack_remembers(connection: Connection, namespace: str) -> None:
    """Exactly the values written last are read, by the stack that wrote them."""
    assert read_memory(connection, namespace=namespace, stack="home") == {}
    write_memory(connection, {"a": "1", "b": "2"}, namespace=namespace, stack="home")
    write_memory(connection, {"b": "3"}, namespace=namespace, stack="home")
    assert read_memory(connection, namespace=namespace, stack="home") == {"b": "3"}
    assert read_memory(connection, namespace=namespace, stack="other") == {}
    ensure_namespace(connection, namespace)
    made = f"{namespace}-made"
    ensure_namespace(connection, made)
    assert connection.get(f"/api/v1/namespaces/{made}")["metadata"]["name"] == made
    connection.delete(f"/api/v1/namespaces/{made}")
