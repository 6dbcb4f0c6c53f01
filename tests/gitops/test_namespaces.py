"""Namespaces that CreateNamespace makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.objects.manifest import ResourceKey
from gitops.objects.namespaces import as_they_were, created_namespaces
from tests.gitops.objects import application

CREATE = {"CreateNamespace": "true"}


def test_only_applications_that_ask_get_a_namespace() -> None:
    """CreateNamespace=true makes the destination, anything else none."""
    specs = [
        application("a", namespace="media", sync_options=CREATE),
        application("b", namespace="other"),
        application("c", namespace="third", sync_options={"CreateNamespace": "false"}),
    ]
    (found,) = created_namespaces(specs, rendered=())
    assert (found.name, found.application_set) == ("media", "media")
    assert found.body == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "media"}}


def test_metadata_is_managed() -> None:
    """managedNamespaceMetadata gives the namespace its labels and annotations."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    spec = application(
        sync_options=CREATE, namespace_labels=labels, namespace_annotations={"a": "b"}
    )
    (found,) = created_namespaces([spec], rendered=())
    assert found.body["metadata"] == {"name": "media", "labels": labels, "annotations": {"a": "b"}}


def test_applications_that_share_a_namespace_make_it_once() -> None:
    """It belongs to the set of the first Application by name, whatever their order."""
    first = application(
        "a", application_set="one", sync_options=CREATE, namespace_labels={"a": "1"}
    )
    second = application("b", application_set="two", sync_options=CREATE)
    for specs in ([first, second], [second, first]):
        (found,) = created_namespaces(specs, rendered=())
        assert found.application_set == "one"
        assert found.body["metadata"]["labels"] == {"a": "1"}


def test_all_that_share_a_namespace_give_it_metadata() -> None:
    """Labels and annotations of all of them count; where two differ, those of the first by name."""
    first = application("a", sync_options=CREATE, namespace_labels={"x": "1"})
    second = application(
        "b",
        sync_options=CREATE,
        namespace_labels={"x": "2", "y": "2"},
        namespace_annotations={"note": "b"},
    )
    for specs in ([first, second], [second, first]):
        (found,) = created_namespaces(specs, rendered=())
        assert found.body["metadata"]["labels"] == {"x": "1", "y": "2"}
        assert found.body["metadata"]["annotations"] == {"note": "b"}


def test_a_namespace_of_what_stays_as_it_is() -> None:
    """An Application nobody can sync keeps its namespace as it was, whoever else uses it; a
    namespace that another Application renders, or that we never made, is none of that."""
    key = ResourceKey(group="", kind="Namespace", namespace="", name="media")
    steering = {"pulumi.com/patchForce": "true", "note": "b"}
    metadata = {"name": "media", "labels": {"tier": "gold"}, "annotations": steering}
    last = InventoryObject(
        key=key, urn="urn", body={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    )
    others = created_namespaces([application("a", sync_options=CREATE)], rendered=())
    wanted = {"name": "media", "labels": {"tier": "gold"}, "annotations": {"note": "b"}}
    inventory = Inventory(objects={key: last})
    for made, application_set in ((others, "media"), ([], "broken")):
        (found,) = as_they_were(made, {"media": "broken"}, inventory)
        assert found.body["metadata"] == wanted
        assert found.application_set == application_set
    assert as_they_were(others, {"media": "broken"}, Inventory()) == others
    rendered = Inventory(objects={key: replace(last, application="x")})
    assert as_they_were(others, {"media": "broken"}, rendered) == others


def test_an_application_that_does_not_ask_does_not_decide() -> None:
    """An earlier Application without CreateNamespace leaves the namespace to the next."""
    specs = [application("a", namespace_labels={"x": "y"}), application("b", sync_options=CREATE)]
    (found,) = created_namespaces(specs, rendered=())
    assert "labels" not in found.body["metadata"]


def test_rendered_namespaces_are_left_to_their_application() -> None:
    """A Namespace that is an object of an Application is not made a second time."""
    assert created_namespaces([application(sync_options=CREATE)], rendered={"media"}) == []


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public", "kube-node-lease"])
def test_namespaces_of_the_cluster_are_not_made(name: str) -> None:
    """What every cluster has is no namespace of ours."""
    spec = application(namespace=name, sync_options=CREATE)
    assert created_namespaces([spec], rendered=()) == []
