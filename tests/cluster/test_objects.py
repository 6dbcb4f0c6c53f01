from __future__ import annotations

import pytest

from cluster.connection import Connection
from cluster.discovery import ApiResource
from cluster.objects import delete, get
from gitops.errors import ClusterError
from gitops.objects.manifest import ResourceKey
from tests.cluster.conftest import create

pytestmark = pytest.mark.e2e
CONFIG_MAP = ApiResource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True
)


def make(connection: Connection, namespace: str) -> tuple[ResourceKey, str]:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    created = create(connection, path, "v1", "ConfigMap", "one")
    key = ResourceKey(group="", kind="ConfigMap", namespace=namespace, name="one")
    return key, created["metadata"]["uid"]


def test_object_is_read_or_absent(connection: Connection, namespace: str) -> None:
    """Getting an object gives its body, getting none gives None."""
    key, uid = make(connection, namespace)
    live = get(connection, CONFIG_MAP, key)
    assert live is not None
    assert live["metadata"]["uid"] == uid
    absent = ResourceKey(group="", kind="ConfigMap", namespace=namespace, name="absent")
    assert get(connection, CONFIG_MAP, absent) is None


def test_deleting_twice_deletes_once(connection: Connection, namespace: str) -> None:
    """The second deletion finds nothing to do."""
    key, uid = make(connection, namespace)
    assert delete(connection, CONFIG_MAP, key, uid=uid) is True
    assert get(connection, CONFIG_MAP, key) is None
    assert delete(connection, CONFIG_MAP, key, uid=uid) is False


def test_successor_of_the_same_name_is_not_deleted(connection: Connection, namespace: str) -> None:
    """An object that took the name since is left alone, and the error says why."""
    key, first = make(connection, namespace)
    delete(connection, CONFIG_MAP, key, uid=first)
    _, second = make(connection, namespace)
    with pytest.raises(ClusterError, match=f"ConfigMap {namespace}/one: .*{first}"):
        delete(connection, CONFIG_MAP, key, uid=first)
    live = get(connection, CONFIG_MAP, key)
    assert live is not None
    assert live["metadata"]["uid"] == second
