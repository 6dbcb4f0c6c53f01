"""Changing the owner of a live object while others write to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster import adoption
from cluster.connection import Connection
from cluster.discovery import ApiResource
from cluster.dry_run import APPLY
from cluster.objects import get
from gitops.adoption import plan
from gitops.adoption.backup import Backup, read, write
from gitops.adoption.plan import Adoption
from gitops.errors import ClusterError, OwnershipError
from gitops.objects.manifest import ResourceKey

pytestmark = pytest.mark.e2e
CONFIG_MAP = ApiResource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True
)


def written(
    connection: Connection, namespace: str, *, manager: str, data: dict[str, Any], **more: Any
) -> ResourceKey:
    """Apply a ConfigMap as somebody."""
    key = ResourceKey(group="", kind="ConfigMap", namespace=namespace, name="one")
    connection.patch(
        CONFIG_MAP.path(namespace=namespace, name="one"),
        json.dumps(body(namespace, data, **more)).encode(),
        content_type=APPLY,
        params={"fieldManager": manager, "force": "true"},
    )
    return key


def body(namespace: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A ConfigMap."""
    metadata = {"name": "one", "namespace": namespace, **more}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def begun(connection: Connection, key: ResourceKey, data: dict[str, Any]) -> Adoption:
    """What is to be done with the ConfigMap as it is now."""
    live = get(connection, CONFIG_MAP, key)
    assert live is not None
    labels = {"home-ops/application": "app"}
    target = body(key.namespace, data, labels=labels)
    found = plan.begun(key, "app", live, target)
    result = adoption.try_apply(connection, CONFIG_MAP, key, target)
    return plan.applied(found, result)


def test_an_object_that_changed_meanwhile_is_looked_at_again(
    connection: Connection, namespace: str
) -> None:
    """What was decided about an older state of it is not written."""
    key = written(connection, namespace, manager="argocd-controller", data={"a": "1"})
    old = begun(connection, key, {"a": "1"})
    written(connection, namespace, manager="argocd-controller", data={"a": "1", "b": "1"})
    asked: list[ResourceKey] = []

    def again(again_key: ResourceKey) -> Adoption:
        asked.append(again_key)
        found = begun(connection, again_key, {"a": "1"})
        left = plan.candidates(found)
        without = adoption.try_without(connection, CONFIG_MAP, again_key, left)
        assert without is not None
        return plan.with_losses(found, left, without)

    after = adoption.take_over(connection, CONFIG_MAP, old, again)
    assert asked == [key]
    assert after is not None
    assert after["data"] == {"a": "1", "b": "1"}
    [ours] = after["metadata"]["managedFields"]
    assert (ours["manager"], ours["operation"]) == ("home-ops", "Apply")
    assert ours["fieldsV1"]["f:data"].keys() == {"f:a", "f:b"}


def test_an_object_somebody_keeps_writing_is_given_up(
    connection: Connection, namespace: str
) -> None:
    """After some attempts the error says so, and the object is still theirs."""
    key = written(connection, namespace, manager="argocd-controller", data={"a": "0"})
    old = begun(connection, key, {"a": "0"})

    def again(again_key: ResourceKey) -> Adoption:
        found = begun(connection, again_key, {"a": "0"})
        number = str(int(found.live["data"]["a"]) + 1)
        written(connection, namespace, manager="argocd-controller", data={"a": number})
        return found

    written(connection, namespace, manager="argocd-controller", data={"a": "1"})
    with pytest.raises(ClusterError, match="others wrote to it each time"):
        adoption.take_over(connection, CONFIG_MAP, old, again)
    live = get(connection, CONFIG_MAP, key)
    assert live is not None
    assert [each["manager"] for each in live["metadata"]["managedFields"]] == ["argocd-controller"]


def test_what_the_server_refuses_is_not_adopted(connection: Connection, namespace: str) -> None:
    """An immutable object with another content in Git is an error with the server's words."""
    key = written(connection, namespace, manager="argocd-controller", data={"a": "1"})
    path = CONFIG_MAP.path(namespace=namespace, name="one")
    connection.patch(path, b'{"immutable": true}', content_type="application/merge-patch+json")
    with pytest.raises(OwnershipError, match="immutable") as refused:
        begun(connection, key, {"a": "2"})
    assert str(refused.value).startswith(str(key))


def test_another_object_of_the_name_is_not_given_back(
    connection: Connection, namespace: str, tmp_path: Any
) -> None:
    """A backup is about the very object."""
    key = written(connection, namespace, manager="argocd-controller", data={"a": "1"})
    live = get(connection, CONFIG_MAP, key)
    assert live is not None
    write(tmp_path / "backup.json", "prod", [live])
    backup: Backup = read(tmp_path / "backup.json")
    connection.delete(CONFIG_MAP.path(namespace=namespace, name="one"))
    written(connection, namespace, manager="argocd-controller", data={"a": "1"})
    with pytest.raises(OwnershipError, match="no longer the object"):
        adoption.give_back(
            connection, CONFIG_MAP, backup.objects[0], lambda: get(connection, CONFIG_MAP, key)
        )
