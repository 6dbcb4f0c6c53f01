"""The inventory: what a real `pulumi stack export` says about the last deployment."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from gitops.deployment.inventory import Inventory, from_export
from gitops.objects.manifest import ResourceKey

EXPORT = Path(__file__).parents[1] / "testdata" / "inventory" / "two_applications" / "export.json"
SECRET = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of a secret value
APPLICATION = "home-ops:index:ApplicationSet$home-ops:index:Application"


@pytest.fixture
def export() -> dict[str, Any]:
    """The state of a stack with a bootstrap object, a namespace and two Applications."""
    found: dict[str, Any] = json.loads(EXPORT.read_text("utf-8"))
    return found


def core(kind: str, namespace: str, name: str) -> ResourceKey:
    return ResourceKey(group="", kind=kind, namespace=namespace, name=name)


def resource(export: dict[str, Any], end: str) -> dict[str, Any]:
    """The one resource of an export whose URN ends like this."""
    (found,) = (r for r in export["deployment"]["resources"] if r["urn"].endswith(end))
    assert isinstance(found, dict)
    return found


def test_objects_and_nothing_else(export: dict[str, Any]) -> None:
    """Kubernetes objects are in the inventory; stack, provider and components are not."""
    assert sorted(str(key) for key in from_export(export).objects) == [
        "ConfigMap media/settings",
        "CustomResourceDefinition.apiextensions.k8s.io widgets.example.com",
        "Deployment.apps media/jellyfin",
        "Namespace media",
        "PersistentVolumeClaim media/library",
        "Secret media/token",
        "ServiceAccount media/reconciler",
    ]


def test_whose_objects_they_are(export: dict[str, Any]) -> None:
    """Each object knows its Application and set; those of neither have none."""
    inventory = from_export(export)
    owners = {
        key.name: (each.application, each.application_set)
        for key, each in inventory.objects.items()
    }
    assert owners["jellyfin"] == ("local-media-jellyfin", "media")
    assert owners["widgets.example.com"] == ("local-networking-gateway", "networking")
    assert owners["media"] == ("", "")
    assert owners["reconciler"] == ("", "")
    assert inventory.applications == {
        "local-media-jellyfin": "media",
        "local-networking-gateway": "networking",
    }
    names = {each.key.name for each in inventory.of_application("local-media-jellyfin")}
    assert names == {"settings", "token", "library", "jellyfin"}
    assert inventory.of_application("local-media-other") == ()


def test_what_keeps_an_object(export: dict[str, Any]) -> None:
    """The flags that keep an object from being deleted are those in the state."""
    flags = {
        key.name: (each.retained, each.retained_with_application)
        for key, each in from_export(export).objects.items()
    }
    assert flags["media"] == (True, False)
    assert flags["library"] == (False, True)
    assert flags["widgets.example.com"] == (False, True)
    assert flags["settings"] == (False, False)


def test_what_was_applied(export: dict[str, Any]) -> None:
    """An object's body is what was applied, its URN what Pulumi knows it by."""
    found = from_export(export).objects[core("ConfigMap", "media", "settings")]
    assert found.body["data"] == {"port": "8096"}
    assert found.api_version == "v1"
    urn = f"urn:pulumi:local::home-ops::{APPLICATION}$kubernetes:core/v1:ConfigMap::media/settings"
    assert found.urn == urn
    assert from_export(export).urns[found.key] == (urn,)


def test_secrets_stay_encrypted(export: dict[str, Any]) -> None:
    """The data of a Secret is in the inventory as the state has it, never in plain text."""
    found = from_export(export).objects[core("Secret", "media", "token")]
    assert found.body["data"].keys() == {SECRET, "ciphertext"}
    assert "not-a-real-secret" not in json.dumps(found.body)


@pytest.mark.parametrize("export", [{}, {"version": 3}, {"deployment": None}, {"deployment": {}}])
def test_no_deployment(export: dict[str, Any]) -> None:
    """A stack without a deployment has left nothing behind."""
    assert from_export(export) == Inventory()


def test_what_waits_for_its_deletion_is_no_object(export: dict[str, Any]) -> None:
    """The old half of an interrupted replacement is not counted beside the new one."""
    old = {**resource(export, "::media/settings"), "delete": True}
    old["inputs"] = {**old["inputs"], "data": {"port": "1"}}
    export["deployment"]["resources"].append(old)
    inventory = from_export(export)
    found = inventory.objects[core("ConfigMap", "media", "settings")]
    assert found.body["data"] == {"port": "8096"}
    assert len(inventory.urns[found.key]) == 1


def test_two_urns_of_one_object_are_both_known(export: dict[str, Any]) -> None:
    """An object the state holds twice, such as in two API versions, keeps both URNs."""
    other = copy.deepcopy(resource(export, "::media/jellyfin"))
    other["urn"] = other["urn"].replace("apps/v1", "apps/v1beta2")
    other["inputs"]["apiVersion"] = "apps/v1beta2"
    export["deployment"]["resources"].append(other)
    key = ResourceKey(group="apps", kind="Deployment", namespace="media", name="jellyfin")
    first, second = from_export(export).urns[key]
    assert ("apps/v1:" in first, "apps/v1beta2:" in second) == (True, True)


def test_unfinished_objects_are_passed_over(export: dict[str, Any]) -> None:
    """A resource without inputs, kind or name does not keep the inventory from being read."""
    for end in ("::media/settings", "::media/jellyfin", "::media/token"):
        resource(export, end)["inputs"] = {}
    resource(export, "::media/library").pop("inputs")
    assert len(from_export(export).objects) == 3


@pytest.mark.parametrize(("uid", "namespace"), [("1", ""), ("", "media")])
def test_the_cluster_knows_which_kinds_have_namespaces(uid: str, namespace: str) -> None:
    """An object applied with a namespace before its kind was known has the one it got, if any."""
    body = {"apiVersion": "example.com/v1", "kind": "Wide", "metadata": {"name": "a"}}
    inputs = {**body, "metadata": {"name": "a", "namespace": "media"}}
    live = {**body, "metadata": {"name": "a", "uid": uid}}
    urn = "urn:pulumi:local::home-ops::kubernetes:example.com/v1:Wide::media/a"
    resource = {
        "urn": urn,
        "type": "kubernetes:example.com/v1:Wide",
        "custom": True,
        "inputs": inputs,
        "outputs": live,
    }
    (found,) = from_export({"deployment": {"resources": [resource]}}).objects.values()
    assert found.key.namespace == namespace
